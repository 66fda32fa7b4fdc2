"""What a stored record was counted as in the roll-ups, so that it is taken away as it was added. Pure."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

from log10_trace.domain.charges import Charge
from log10_trace.server.store.common.columns import CompletionColumns


class Counted(NamedTuple):
    """The columns of a record's row that its tokens and charges were counted by."""

    model: str | None
    input_tokens: int | None
    output_tokens: int | None
    charges: str | None
    """``write_counted``, or its charges alone, of a version before the first token was counted; None: a
    version before charges counted the record, by the model asked for."""


def write_counted(known: CompletionColumns) -> str:
    """What a call is counted as beside its other columns, as the text of the column ``charges``."""
    # Written out, as a JSON encoder takes five times as long for so little.
    charges = [f"[{_quote(rate)},{given},{made},{cached}]" for rate, given, made, cached in known.charges]
    first_token = "null" if known.first_token is None else float(known.first_token)
    return f'{{"rules":{known.counting},"first_token":{first_token},"charges":[{",".join(charges)}]}}'


_quote = lru_cache(maxsize=1_024)(json.dumps)


def read_charges(text: str | None) -> tuple[Charge, ...]:
    """The charges of a column ``charges``; none of None, which holds no rates."""
    return () if text is None else read_counted(Counted(None, None, None, text))[2]


def restore_counted(known: CompletionColumns, counted: Counted, response: Any) -> CompletionColumns:
    """``known`` with what the record was counted as, by whatever rules that was."""
    rules, first_token, charges = read_counted(counted, response)
    return replace(
        known,
        model=counted.model,
        input_tokens=counted.input_tokens,
        output_tokens=counted.output_tokens,
        counting=rules,
        first_token=first_token,
        charges=charges,
    )


def read_counted(counted: Counted, response: Any = None) -> tuple[int, float | None, tuple[Charge, ...]]:
    """The rules that a record was counted by, its time to the first token, and its charges.

    ``response`` tells the cached tokens of a record that was counted before there were charges.
    """
    written = None if counted.charges is None else json.loads(counted.charges)
    return interpret_counted(*counted[:3], written, response)


def interpret_counted(
    model: str | None, input_tokens: int | None, output_tokens: int | None, written: Any, response: Any = None
) -> tuple[int, float | None, tuple[Charge, ...]]:
    """What ``read_counted`` gives; ``written`` is the value of the column ``charges``."""
    if written is None:
        cached = _read_cached_tokens(response)
        return 1, None, (Charge(model or "", input_tokens or 0, output_tokens or 0, cached),)
    if isinstance(written, list):
        return 1, None, tuple(Charge(*each) for each in written)
    return written["rules"], written["first_token"], tuple([Charge(*each) for each in written["charges"]])


def _read_cached_tokens(response: Any) -> int:
    """Cached tokens as they were counted before charges."""
    usage = response.get("usage") if isinstance(response, dict) else None
    for name in ("prompt_tokens_details", "input_tokens_details"):
        details = usage.get(name) if isinstance(usage, dict) else None
        value = details.get("cached_tokens") if isinstance(details, dict) else None
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53:
            return value
    return 0
