"""Roll-ups in PostgreSQL: servers append what changes, the leader folds it, every question adds both up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from psycopg import Connection

from log10_trace.server.store.answers import GroupBy
from log10_trace.server.store.counting import by_key
from log10_trace.server.store.facts import Facts
from log10_trace.server.store.postgres.columns import by_name
from log10_trace.server.store.postgres.connections import Readers, Row
from log10_trace.server.store.postgres.locks import FOLDING_LOCK
from log10_trace.server.store.postgres.statements import load
from log10_trace.server.store.rollups import Delta, Slot, Span, changed, folded, minutes_of, spans
from log10_trace.server.store.rollups import Deltas as OfOrganization
from log10_trace.server.store.tallies import NOTHING, Tally, Written

SQL: Final = load("tallies.sql")

_FOLDED_AT_ONCE: Final = 20_000
"""Rows of one transaction, about a second's work."""


class Deltas:
    """What a group of writes changes in the sums."""

    def __init__(self) -> None:
        self._by_organization: dict[str, OfOrganization] = {}

    def count(self, organization_id: str, facts: Facts, sign: int = 1) -> None:
        """Add one call, or with ``sign`` -1 take it away."""
        self._by_organization.setdefault(organization_id, OfOrganization()).count(facts, sign)

    def append(self, connection: Connection[Row]) -> None:
        """Append them for the leader to fold."""
        append(
            connection,
            [(name, *delta) for name, deltas in self._by_organization.items() for delta in deltas.rows()],
        )


def append(connection: Connection[Row], rows: Sequence[Row]) -> None:
    """Append rows of organization and delta."""
    if rows:
        connection.execute(SQL["add_deltas"], by_name(("organization_id", *Delta._fields), rows))


def fold(connection: Connection[Row]) -> None:
    """Add what was appended to the sums, and forget names that no call carries any more."""
    has_more = True
    while has_more:
        with connection.transaction():
            connection.execute(SQL["alone"], {"lock": FOLDING_LOCK})
            taken = connection.execute(SQL["take"], {"limit": _FOLDED_AT_ONCE}).fetchall()
            by_organization: dict[str, list[Any]] = {}
            for organization_id, *delta in taken:
                by_organization.setdefault(organization_id, []).append(delta)
            for organization_id, deltas in by_organization.items():
                _change(connection, organization_id, folded(deltas))
        has_more = len(taken) == _FOLDED_AT_ONCE


def _change(connection: Connection[Row], organization_id: str, changes: Mapping[Slot, Tally]) -> None:
    common = {"organization_id": organization_id}
    slots = sorted(changes)
    rows = connection.execute(SQL["standing"], common | by_name(Slot._fields, slots))
    before = {row[:4]: Written(*row[4:]) for row in rows}
    kept, gone = [], []
    for slot in slots:
        calls, written = changed(before.get(slot), changes[slot])
        if written == NOTHING:
            gone.append(slot)
        else:
            kept.append((*slot, calls, *written))
    if kept:
        connection.execute(SQL["put"], common | by_name((*Slot._fields, "calls", *Written._fields), kept))
    if gone:
        connection.execute(SQL["remove"], common | by_name(Slot._fields, gone))


def over(pieces: Sequence[Span]) -> dict[str, Any]:
    """The values that bound a question to pieces of time."""
    start, end = minutes_of(pieces)
    return {
        "widths": [piece.width for piece in pieces],
        "starts": [piece.start for piece in pieces],
        "ends": [piece.end for piece in pieces],
        "start": start,
        "end": end,
    }


def of_keys(
    readers: Readers, organization_id: str, dimension: GroupBy, keys: Sequence[str]
) -> dict[str, Tally]:
    """The sums of some keys over all time."""
    values = {"organization_id": organization_id, "dimension": dimension, "keys": list(keys)}
    return by_key(readers.rows(SQL["totals"], values | over(spans(None, None))))
