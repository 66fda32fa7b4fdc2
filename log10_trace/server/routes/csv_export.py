"""Completions as a table: a row for each, with what a person asks of it. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Final

from log10_trace.domain import text_extraction
from log10_trace.domain.charges import read_usage
from log10_trace.domain.completion_record import SMALL_FIELDS, from_stored_fields
from log10_trace.domain.csv_lines import csv_line, literal
from log10_trace.domain.prices import Prices
from log10_trace.domain.prompts import read_prompt
from log10_trace.server.store.common.columns import extract_columns
from log10_trace.server.store.data_types import StoredCompletion

READ: Final = (
    "model", "input_tokens", "cached_tokens", "output_tokens", "cost", "question", "answer", "file", "line",
    "function",
)  # fmt: skip
"""Columns that are read out of the record, as in files of tables; ``cost`` is in US dollars."""
KEPT: Final = tuple(name for name in SMALL_FIELDS if name not in ("created_at", "status"))
"""Columns copied from the record: text as it is, everything else as JSON."""
BODIES: Final = (
    "stacktrace", "request", "response", "native_request", "native_response", "raw_request", "raw_response",
    "raw_events",
)  # fmt: skip
"""The same, for who asks for them."""
COLUMNS: Final = ("id", "created_at", "status", *READ, *KEPT)

_CELL_CHARACTERS: Final = 32_767
"""More of a question or an answer no spreadsheet takes into a cell."""


def csv_lines(records: Iterable[StoredCompletion], prices: Prices, *, bodies: bool) -> Iterator[bytes]:
    """The header and the rows, in UTF-8; with ``bodies`` the whole JSON bodies as well."""
    kept = (*KEPT, *BODIES) if bodies else KEPT
    yield csv_line(("id", "created_at", "status", *READ, *kept))
    for stored in records:
        fields = [_cell(stored.fields.get(name)) for name in ("created_at", "status", *kept)]
        yield csv_line((literal(stored.id), *fields[:2], *_read(stored, prices), *fields[2:]))


def _read(stored: StoredCompletion, prices: Prices) -> Iterator[str]:
    """The cells of ``READ``."""
    incoming = from_stored_fields(stored.id, stored.organization_id, stored.fields)
    words = text_extraction.extract_text(incoming.values)
    known = extract_columns(incoming, words, now_ms=0)
    usage = read_usage(incoming.values.get("response"), incoming.values.get("native_response"))
    is_stated = known.tokens is not None
    yield literal(known.model or "")
    yield _number(known.input_tokens)
    yield _number(usage.cached if is_stated else None)
    yield _number(known.output_tokens)
    yield _dollars(prices.cost_of(known.charges) if is_stated else None)
    yield literal(read_prompt(incoming.values.get("request"), words.request_texts).user[:_CELL_CHARACTERS])
    yield literal(words.response_text[:_CELL_CHARACTERS])
    yield literal(known.file or "")
    stack = incoming.values.get("stacktrace")
    yield _number(stack[-1].get("lineno")) if known.file and stack else ""
    yield literal(known.function or "")


def _number(value: object) -> str:
    return str(value) if isinstance(value, int) else ""


def _dollars(cost: float | None) -> str:
    return "" if cost is None else f"{cost:.10f}".rstrip("0").rstrip(".")


def _cell(text: str | None) -> str:
    if text is None or text == "null":
        return ""
    return literal(json.loads(text)) if text.startswith('"') else text
