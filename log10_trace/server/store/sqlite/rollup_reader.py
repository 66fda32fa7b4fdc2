"""Reads roll-ups, on SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import chain
from typing import Any

from log10_trace.server.store.common.aggregates import Aggregate
from log10_trace.server.store.common.rollup_cover import RollupRange, cover_range, list_starts
from log10_trace.server.store.common.rollup_reading import (
    Bounds,
    KeyCalls,
    KeyCost,
    RollupBounds,
    RollupReader,
)
from log10_trace.server.store.common.rollups import EVERY_CALL
from log10_trace.server.store.common.usage_statistics import RollupRow, sum_by_key
from log10_trace.server.store.data_types import GroupBy
from log10_trace.server.store.sqlite.connection import SQL


class SqliteRollupReader(RollupReader):
    """The roll-ups of one dimension, and deltas that are not folded yet."""

    def __init__(
        self, connection: sqlite3.Connection, organization_id: str, bounds: RollupBounds, dimension: GroupBy
    ) -> None:
        super().__init__(bounds)
        self._connection = connection
        self._common = {"organization_id": organization_id, "dimension": dimension}

    def _read_bounds(self) -> Bounds | None:
        return _read_bounds(self._connection, "rollup_bounds", self._common)

    def _read_largest(self, width: int, starts: Sequence[int], limit: int) -> Iterable[KeyCalls]:
        common = {"width": width, "limit": limit}
        return chain.from_iterable(self._query("largest_keys", common | {"start": start}) for start in starts)

    def _read_costliest(self, width: int, starts: Sequence[int], limit: int) -> Iterable[KeyCost]:
        common = {"width": width, "limit": limit}
        return chain.from_iterable(
            self._query("costliest_keys", common | {"start": start}) for start in starts
        )

    def _has_all_costs(self) -> bool:
        return self._query("has_no_cost", {}).fetchone() is None

    def _read_calls(self, piece: RollupRange) -> Iterable[KeyCalls]:
        return self._query("calls_of_keys", piece._asdict())

    def _read_delta_calls(self, start: int, end: int) -> Iterable[KeyCalls]:
        return self._query("delta_calls_of_keys", {"start": start, "end": end})

    def _read_rollups(self, pieces: Sequence[RollupRange], keys: Sequence[str] | None) -> Iterable[RollupRow]:
        if keys is None:
            return chain.from_iterable(self._query("rollups_in", piece._asdict()) for piece in pieces)
        names = json.dumps(keys)
        return chain.from_iterable(
            self._query(
                "rollups_of_keys",
                {"width": piece.width, "starts": json.dumps(list(list_starts(piece))), "keys": names},
            )
            for piece in pieces
        )

    def _read_deltas(self, start: int, end: int, keys: Sequence[str] | None) -> Iterable[RollupRow]:
        values = {"start": start, "end": end, "keys": None if keys is None else json.dumps(keys)}
        return self._query("deltas_of_keys", values)

    def _query(self, name: str, values: dict[str, Any]) -> sqlite3.Cursor:
        cursor = self._connection.execute(SQL[name], self._common | values)
        cursor.row_factory = None  # tuples: some thousand rows are read
        return cursor


def open_readers(connection: sqlite3.Connection, organization_id: str) -> Callable[[GroupBy], RollupReader]:
    """What opens the roll-ups of a dimension, within a snapshot."""
    values = {"organization_id": organization_id, "dimension": EVERY_CALL}
    bounds = RollupBounds(
        partial(_read_bounds, connection, "rollup_bounds", values),
        partial(_read_bounds, connection, "delta_bounds", values),
    )
    return partial(SqliteRollupReader, connection, organization_id, bounds)


def _read_bounds(connection: sqlite3.Connection, name: str, values: dict[str, str]) -> Bounds | None:
    first, last = connection.execute(SQL[name], values).fetchone()
    return None if first is None else (first, last)


def read_totals(
    connection: sqlite3.Connection, organization_id: str, dimension: GroupBy, keys: Sequence[str]
) -> dict[str, Aggregate]:
    """The sums over all time of some keys."""
    reader = open_readers(connection, organization_id)(dimension)
    return sum_by_key(reader.read(cover_range(None, None), keys))
