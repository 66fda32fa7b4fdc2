"""Roll-ups in PostgreSQL: servers append what changes, and every question sums what lies there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from psycopg import Connection

from log10_trace.server.store.counting import Sum
from log10_trace.server.store.postgres.columns import by_name
from log10_trace.server.store.postgres.connections import Readers, Row
from log10_trace.server.store.postgres.locks import FOLDING_LOCK
from log10_trace.server.store.postgres.statements import load
from log10_trace.server.store.tallies import (
    ALL_TIME,
    LAST_MINUTE,
    Slot,
    Span,
    Tallies,
    Tally,
    spans,
)

SQL: Final = load("tallies.sql")

MINUTES: Final = (1,)
"""The width that servers append; the wider ones are made of it."""
_SUMS: Final = -1
"""The bucket of a row that holds sums, not the count of one step of the duration scale."""
_COLUMNS: Final = (
    "organization_id", "dimension", "start", "key", "model", "bucket", "calls", "failed", "metered",
    "input_tokens", "output_tokens", "cached_tokens",
)  # fmt: skip


def add_deltas(connection: Connection[Row], changes: Mapping[str, Tallies]) -> None:
    """Append what a group of writes changes, by organization."""
    rows = [
        row
        for organization_id, tallies in changes.items()
        for slot, tally in tallies.changes().items()
        for row in _rows(organization_id, slot, tally)
    ]
    if rows:
        connection.execute(SQL["add_deltas"], by_name(_COLUMNS, rows))


def _rows(organization_id: str, slot: Slot, tally: Tally) -> list[tuple[Any, ...]]:
    head = (organization_id, slot.dimension, slot.start, slot.key, slot.model)
    sums = (
        tally.calls,
        tally.failed,
        tally.metered,
        tally.input_tokens,
        tally.output_tokens,
        tally.cached_tokens,
    )
    rows = [(*head, _SUMS, *sums)] if any(sums) else []
    return rows + [(*head, bucket, n, 0, 0, 0, 0, 0) for bucket, n in tally.durations.items() if n]


def fold(connection: Connection[Row]) -> None:
    """Add what was appended to the sums, and forget names that no call carries any more."""
    with connection.transaction():
        connection.execute(SQL["alone"], {"lock": FOLDING_LOCK})
        connection.execute(SQL["fold"])
        connection.execute(SQL["sweep"])


def read_sums(rows: Iterable[Row]) -> list[Sum]:
    """Sums from rows of (key, model, start, bucket, calls, failed, metered, tokens of three kinds)."""
    found: dict[tuple[str, str, int], Tally] = {}
    for key, model, start, bucket, calls, failed, metered, *tokens in rows:
        tally = found.setdefault((key, model, start), Tally())
        if bucket == _SUMS:
            tally.calls, tally.failed, tally.metered = calls, failed, metered
            tally.input_tokens, tally.output_tokens, tally.cached_tokens = tokens
        else:
            tally.durations[bucket] = calls
    return [Sum(*slot, tally) for slot, tally in found.items() if tally.calls]


def over(pieces: Sequence[Span]) -> dict[str, Any]:
    """The values that bound a question to pieces of time."""
    has_all = any(piece.width == ALL_TIME for piece in pieces)
    return {
        "widths": [piece.width for piece in pieces],
        "starts": [piece.start for piece in pieces],
        "ends": [piece.end for piece in pieces],
        "start": 0 if has_all else min(piece.start for piece in pieces),
        "end": LAST_MINUTE if has_all else max(piece.end for piece in pieces),
    }


def of_keys(readers: Readers, organization_id: str, dimension: str, keys: Sequence[str]) -> list[Sum]:
    """The sums of some keys over all time."""
    values = {"organization_id": organization_id, "dimension": dimension, "keys": list(keys)}
    return read_sums(readers.rows(SQL["totals"], values | over(spans(None, None))))
