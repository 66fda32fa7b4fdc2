"""Roll-ups in PostgreSQL: servers append deltas, the leader compacts them, each query sums both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from psycopg import Connection

from log10_trace.server.store.common.aggregates import Aggregate, SerializedAggregate
from log10_trace.server.store.common.columns import CompletionColumns
from log10_trace.server.store.common.rollups import (
    Delta,
    RollupKey,
    aggregate_deltas,
    apply_deltas,
    group_by_organization,
)
from log10_trace.server.store.common.rollups import RollupDeltas as OfOrganization
from log10_trace.server.store.postgres.arrays import rows_to_columns
from log10_trace.server.store.postgres.connections import Row
from log10_trace.server.store.postgres.locks import FOLDING_LOCK
from log10_trace.server.store.postgres.queries import load

SQL: Final = load("tallies.sql")

_FOLDED_AT_ONCE: Final = 20_000
"""Rows of one transaction, about a second's work."""


class Deltas:
    """What a group of writes changes in the sums."""

    def __init__(self) -> None:
        self._by_organization: dict[str, OfOrganization] = {}

    def count(self, organization_id: str, facts: CompletionColumns, sign: int = 1) -> None:
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
        connection.execute(SQL["add_deltas"], rows_to_columns(("organization_id", *Delta._fields), rows))


def compact(connection: Connection[Row]) -> None:
    """Add what was appended to the sums, and forget names that no call carries any more."""
    has_more = True
    while has_more:
        with connection.transaction():
            connection.execute(SQL["alone"], {"lock": FOLDING_LOCK})
            taken = connection.execute(SQL["take"], {"limit": _FOLDED_AT_ONCE}).fetchall()
            for organization_id, deltas in group_by_organization(taken).items():
                _change(connection, organization_id, aggregate_deltas(deltas))
        has_more = len(taken) == _FOLDED_AT_ONCE


def _change(
    connection: Connection[Row], organization_id: str, changes: Mapping[RollupKey, Aggregate]
) -> None:
    common = {"organization_id": organization_id}
    slots = sorted(changes)
    rows = connection.execute(SQL["standing"], common | rows_to_columns(RollupKey._fields, slots))
    before = {row[:4]: SerializedAggregate(*row[4:]) for row in rows}
    kept, gone = apply_deltas(before, changes)
    if kept:
        connection.execute(
            SQL["put"],
            common | rows_to_columns((*RollupKey._fields, "calls", *SerializedAggregate._fields), kept),
        )
    if gone:
        connection.execute(SQL["remove"], common | rows_to_columns(RollupKey._fields, gone))
