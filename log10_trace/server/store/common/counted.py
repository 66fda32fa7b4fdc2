"""What a stored record was counted as in the roll-ups, so that it is taken away as it was added. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from log10_trace.domain.charges import Charge
from log10_trace.server.store.common.columns import CompletionColumns


class Counted(NamedTuple):
    """The columns of a record's row that its tokens and charges were counted by."""

    model: str | None
    input_tokens: int | None
    output_tokens: int | None
    charges: str | None
    """``write_charges``; None: a version before charges counted the record, by the model asked for."""


def write_charges(charges: Sequence[Charge]) -> str:
    """The charges as the text of a column."""
    return json.dumps(charges, separators=(",", ":"))


def restore_counted(known: CompletionColumns, counted: Counted, response: Any) -> CompletionColumns:
    """``known`` with what the record was counted as, by whatever rules that was."""
    return replace(
        known,
        model=counted.model,
        input_tokens=counted.input_tokens,
        output_tokens=counted.output_tokens,
        charges=_read_charges(counted, response),
    )


def _read_charges(counted: Counted, response: Any) -> tuple[Charge, ...]:
    if counted.charges is not None:
        return tuple(Charge(*each) for each in json.loads(counted.charges))
    given, made = counted.input_tokens or 0, counted.output_tokens or 0
    return (Charge(counted.model or "", given, made, _read_cached_tokens(response)),)


def _read_cached_tokens(response: Any) -> int:
    """Cached tokens as they were counted before charges."""
    usage = response.get("usage") if isinstance(response, dict) else None
    for name in ("prompt_tokens_details", "input_tokens_details"):
        details = usage.get(name) if isinstance(usage, dict) else None
        value = details.get("cached_tokens") if isinstance(details, dict) else None
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53:
            return value
    return 0
