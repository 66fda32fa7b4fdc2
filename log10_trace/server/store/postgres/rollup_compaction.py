"""Roll-ups in PostgreSQL: servers append deltas, the leader compacts them, each query sums both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from psycopg import Connection

from log10_trace.domain.prices import Prices
from log10_trace.server.store.common.aggregates import Aggregate, SerializedAggregate, parse_counts
from log10_trace.server.store.common.columns import CompletionColumns
from log10_trace.server.store.common.costs import rank_cost
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

_PRICED_AT_ONCE: Final = 5_000
"""Sums of one transaction; pruning waits for it."""
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


def compact(connection: Connection[Row], prices: Prices | None = None) -> None:
    """Add what was appended to the sums, and forget names that no call carries any more.

    Without ``prices`` what the sums cost is left to ``price_some``.
    """
    has_more = True
    while has_more:
        with connection.transaction():
            connection.execute(SQL["alone"], {"lock": FOLDING_LOCK})
            taken = connection.execute(SQL["take"], {"limit": _FOLDED_AT_ONCE}).fetchall()
            for organization_id, deltas in group_by_organization(taken).items():
                _change(connection, organization_id, aggregate_deltas(deltas), prices)
        has_more = len(taken) == _FOLDED_AT_ONCE


def price_some(connection: Connection[Row], prices: Prices) -> None:
    """Work out what some of the sums cost of which it is not known."""
    with connection.transaction():
        connection.execute(SQL["alone"], {"lock": FOLDING_LOCK})
        rows = connection.execute(SQL["without_cost"], {"limit": _PRICED_AT_ONCE}).fetchall()
        costs = [(*row[:5], rank_cost(parse_counts(row[5]), prices)) for row in rows]
        if costs:
            names = ("organization_id", *RollupKey._fields, "cost")
            connection.execute(SQL["put_costs"], rows_to_columns(names, costs))


def _change(
    connection: Connection[Row],
    organization_id: str,
    changes: Mapping[RollupKey, Aggregate],
    prices: Prices | None,
) -> None:
    common = {"organization_id": organization_id}
    slots = sorted(changes)
    rows = connection.execute(SQL["standing"], common | rows_to_columns(RollupKey._fields, slots))
    before = {row[:4]: SerializedAggregate(*row[4:]) for row in rows}
    kept, gone = apply_deltas(before, changes, prices)
    if kept:
        connection.execute(
            SQL["put"],
            common
            | rows_to_columns((*RollupKey._fields, "calls", "cost", *SerializedAggregate._fields), kept),
        )
    if gone:
        connection.execute(SQL["remove"], common | rows_to_columns(RollupKey._fields, gone))
