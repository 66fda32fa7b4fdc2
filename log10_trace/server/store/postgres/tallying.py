"""Roll-ups in PostgreSQL: servers append what changes, and every question sums what lies there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import add
from typing import Any, Final

from psycopg import Connection

from log10_trace.server.store.counting import MINUTE_MS, Sum
from log10_trace.server.store.facts import Facts
from log10_trace.server.store.postgres.columns import by_name
from log10_trace.server.store.postgres.connections import Readers, Row
from log10_trace.server.store.postgres.locks import FOLDING_LOCK
from log10_trace.server.store.postgres.statements import load
from log10_trace.server.store.tallies import (
    ALL_TIME,
    LAST_MINUTE,
    Span,
    Tally,
    keys,
    spans,
    tally,
)

SQL: Final = load("tallies.sql")

_FOLDED_AT_ONCE: Final = 20_000
"""Rows of one transaction, about a second's work."""
_UNTIMED: Final = -1
"""The bucket of calls that have not ended, or say nothing of their duration."""
_COLUMNS: Final = (
    "organization_id", "dimension", "start", "key", "model", "bucket", "calls", "failed", "metered",
    "input_tokens", "output_tokens", "cached_tokens",
)  # fmt: skip


class Deltas:
    """What a group of writes changes in the sums."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str | int, ...], list[int]] = {}

    def count(self, organization_id: str, facts: Facts, sign: int = 1) -> None:
        """Add one call, or with ``sign`` -1 take it away."""
        one = tally(facts)
        bucket = next(iter(one.durations), _UNTIMED)
        minute = facts.began_ms // MINUTE_MS
        changes = [sign * count for count in one.counts()]
        for dimension, key in keys(facts):
            place = (organization_id, dimension, minute, key, facts.model or "", bucket)
            sums = self._sums.get(place)
            self._sums[place] = changes if sums is None else list(map(add, sums, changes))

    def append(self, connection: Connection[Row]) -> None:
        """Append them for the leader to fold."""
        rows = [(*place, *sums) for place, sums in self._sums.items() if any(sums)]
        if rows:
            connection.execute(SQL["add_deltas"], by_name(_COLUMNS, rows))


def fold(connection: Connection[Row]) -> None:
    """Add what was appended to the sums, and forget names that no call carries any more."""
    has_more = True
    while has_more:
        with connection.transaction():
            connection.execute(SQL["alone"], {"lock": FOLDING_LOCK})
            row = connection.execute(SQL["fold"], {"limit": _FOLDED_AT_ONCE}).fetchone()
            connection.execute(SQL["sweep"])
        has_more = row == (_FOLDED_AT_ONCE,)


def read_sums(rows: Iterable[Row]) -> list[Sum]:
    """Sums from rows of (key, model, start, bucket, calls, failed, metered, tokens of three kinds)."""
    found: dict[tuple[str, str, int], Tally] = {}
    for key, model, start, bucket, calls, failed, metered, *tokens in rows:
        part = Tally(calls, failed, metered, *tokens)
        part.durations = {} if bucket == _UNTIMED else {bucket: calls}
        found.setdefault((key, model, start), Tally()).add(part)
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
