"""Compaction: adds the deltas of commits to the roll-ups. Inside a transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Final
from zlib import crc32

from log10_trace.domain.prices import Prices
from log10_trace.server.store.common.aggregates import Aggregate, SerializedAggregate, parse_counts
from log10_trace.server.store.common.costs import rank_cost
from log10_trace.server.store.common.rollups import (
    RollupDeltas,
    RollupKey,
    aggregate_deltas,
    apply_deltas,
    group_by_organization,
)
from log10_trace.server.store.sqlite.connection import SQL, insert_rows

_MOST_DELTAS: Final = 16_000
"""Unfolded under load: with more a sum is written less often, and each question reads longer."""
_FEW_DELTAS: Final = 500
"""Unfolded when there is nothing else to do: questions do not notice them."""
_PRICED_AT_ONCE: Final = 1_000
"""Sums of one commit; other writes wait for it."""
_SHARDS: Final = 16
"""Deltas are compacted by shares of the keys, so that no commit compacts all and delays the next."""


class RollupCompactor:
    """Keeps deltas, and folds them when they are many. For one thread."""

    def __init__(self, prices: Prices | None = None) -> None:
        self._prices = prices
        self._next_share = 0
        self._count: int | None = None
        """Deltas that are not folded; None until they are counted."""

    @property
    def has_some(self) -> bool:
        """Whether there may be more to fold than is left in quiet times."""
        return self._count is None or self._count > _FEW_DELTAS

    def forget(self) -> None:
        """Count anew: what was done was undone, or another process did something."""
        self._count = None

    def keep(self, connection: sqlite3.Connection, changes: Mapping[str, RollupDeltas]) -> None:
        """Keep what changed in each organization."""
        rows = [
            (crc32(delta.key.encode()) % _SHARDS, organization_id, *delta)
            for organization_id, deltas in changes.items()
            for delta in deltas.rows()
        ]
        insert_rows(connection, "add_deltas", rows)
        if self._count is not None:
            self._count += len(rows)
        while rows and self._count_deltas(connection) > _MOST_DELTAS:
            self.compact_next_shard(connection)

    def compact_next_shard(self, connection: sqlite3.Connection) -> None:
        """Fold the share whose turn it is."""
        self._count = self._count_deltas(connection) - _fold_share(connection, self._next_share, self._prices)
        self._next_share = (self._next_share + 1) % _SHARDS

    def _count_deltas(self, connection: sqlite3.Connection) -> int:
        if self._count is None:
            self._count = int(connection.execute(SQL["count_deltas"]).fetchone()["deltas"])
        return self._count


def compact_all(connection: sqlite3.Connection, prices: Prices | None = None) -> None:
    """Fold all deltas. Without ``prices`` what the sums cost is left to ``price_some``."""
    for share in range(_SHARDS):
        _fold_share(connection, share, prices)


def price_some(connection: sqlite3.Connection, prices: Prices) -> bool:
    """Work out what some of the sums cost of which it is not known; whether there may be more."""
    rows = connection.execute(SQL["rollups_without_cost"], (_PRICED_AT_ONCE,)).fetchall()
    costs = [(rank_cost(parse_counts(row["counts"]), prices), *row[:5]) for row in rows]
    connection.executemany(SQL["put_cost"], costs)
    return len(rows) == _PRICED_AT_ONCE


def _fold_share(connection: sqlite3.Connection, share: int, prices: Prices | None = None) -> int:
    """Fold the deltas of one share; how many they were."""
    by_organization = group_by_organization(connection.execute(SQL["take_deltas"], {"share": share}))
    for organization_id, deltas in by_organization.items():
        _change(connection, organization_id, aggregate_deltas(deltas), prices)
    return sum(map(len, by_organization.values()))


def _change(
    connection: sqlite3.Connection,
    organization_id: str,
    changes: Mapping[RollupKey, Aggregate],
    prices: Prices | None,
) -> None:
    # In the order of their table's key, so that neighbours find the page that they share at hand.
    slots = sorted(changes)
    values = {"organization_id": organization_id, "slots": json.dumps(slots, ensure_ascii=False)}
    before = {
        row[:4]: SerializedAggregate(row[4], row[5]) for row in connection.execute(SQL["rollups_at"], values)
    }
    kept, empty = apply_deltas(before, changes, prices)
    insert_rows(connection, "put_rollup", [(organization_id, *row) for row in kept])
    connection.executemany(SQL["delete_rollup"], [(organization_id, *key) for key in empty])
