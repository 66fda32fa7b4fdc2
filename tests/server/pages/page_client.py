"""What tests of the pages share: a signed-in browser's requests, and records to show."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from starlette.testclient import TestClient

from log10_trace.domain.completion_record import parse
from log10_trace.domain.ids import new_id
from log10_trace.domain.keys import Scope
from log10_trace.server.authentication.auth import Principal
from log10_trace.server.store.protocol import Store

ORGANIZATION = "default"
PORT = 4680
READER = Principal("reader", ORGANIZATION, frozenset({Scope.READ}))


def completion(**fields: Any) -> dict[str, Any]:
    """A finished chat completion; ``fields`` replace or add."""
    return {
        "id": new_id(),
        "kind": "chat",
        "status": "finished",
        "request": {
            "model": "gpt-4o-mini",
            "messages": [{"role": "user", "content": "Why is the sky blue?"}],
        },
        "response": chat_response("Rayleigh scattering."),
        "duration": 0.5,
        **fields,
    }


def chat_response(content: Any, **message: Any) -> dict[str, Any]:
    """A response with one choice."""
    said = {"role": "assistant", "content": content, **message}
    return {
        "object": "chat.completion",
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "message": said, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15},
    }


@dataclass(frozen=True)
class Site:
    """The pages as a browser that is signed in gets them."""

    store: Store
    browser: TestClient

    def keep(self, record: dict[str, Any] | str) -> str:
        """Store a record, as JSON text or as what it says; its id."""
        text = record if isinstance(record, str) else json.dumps(record)
        return self.store.completions.put(ORGANIZATION, parse(text)).result().stored.id

    def page(self, path: str, status: int = 200) -> str:
        """The HTML under ``path``, answered with ``status``."""
        answer = self.browser.get(path, headers={"Accept": "text/html"})
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        return answer.text
