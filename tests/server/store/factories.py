"""Completions for the stores' tests."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from typing import Any

from log10_trace.domain.completion_record import CompletionRecord, parse
from log10_trace.server.store.data_types import CompletionFilter, CompletionSummary, Page, WriteResult
from log10_trace.server.store.protocol import Store

ORG = "org"
OTHER = "another-org"
NOON = "2026-03-01T12:00:00Z"
NOON_MS = 1_772_366_400_000
MINUTE_MS = 60_000

_numbers = itertools.count()


def text_of(**fields: Any) -> str:
    """The JSON of a completion with what most have, and ``fields``; a field that is ``...`` is left out."""
    usual = {
        "id": f"completion-{next(_numbers)}",
        "kind": "chat",
        "status": "finished",
        "created_at": NOON,
        "request": {"model": "gpt-4o", "messages": [{"role": "user", "content": "How are you?"}]},
        "response": answer("Fine."),
    }
    return json.dumps({name: value for name, value in (usual | fields).items() if value is not ...})


def completion(**fields: Any) -> CompletionRecord:
    """A completion as it comes in."""
    return parse(text_of(**fields))


def answer(text: str, input_tokens: int = 10, output_tokens: int = 5) -> dict[str, Any]:
    """A response that says ``text``."""
    return {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": input_tokens, "completion_tokens": output_tokens},
    }


def asked(*texts: str, model: str = "gpt-4o") -> dict[str, Any]:
    """A request with these messages, the user's and the assistant's in turn."""
    roles = itertools.cycle(("user", "assistant"))
    messages = [{"role": role, "content": text} for role, text in zip(roles, texts, strict=False)]
    return {"model": model, "messages": messages}


def put(
    store: Store, incoming: CompletionRecord, organization_id: str = ORG, *, replace_tags: bool = False
) -> WriteResult:
    """Put a completion and wait until it can be searched for."""
    outcome = store.completions.put(organization_id, incoming, replace_tags=replace_tags).result()
    assert store.maintenance.wait_until_searchable()
    return outcome


def put_all(
    store: Store, records: Iterable[CompletionRecord], organization_id: str = ORG
) -> list[WriteResult]:
    """Put many and wait until they can be searched for."""
    outcomes = [future.result() for future in store.completions.put_many(organization_id, list(records))]
    assert store.maintenance.wait_until_searchable()
    return outcomes


def page(store: Store, wanted: CompletionFilter | None = None, **how: Any) -> Page[CompletionSummary]:
    """A page of the organization's completions."""
    return store.completions.page(ORG, wanted or CompletionFilter(), **({"limit": 100} | how))


def ids(store: Store, wanted: CompletionFilter | None = None, **how: Any) -> list[str]:
    """The ids of what matches, in order."""
    return [item.id for item in page(store, wanted, **how).items]
