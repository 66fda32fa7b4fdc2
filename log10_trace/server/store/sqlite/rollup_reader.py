"""Reads roll-ups, on SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any, Final

from log10_trace.server.store.common.aggregates import Aggregate
from log10_trace.server.store.common.held_rollups import HeldRollups, MissingRollups
from log10_trace.server.store.common.rollup_cover import RollupRange, cover_range, join_steps, list_starts
from log10_trace.server.store.common.rollup_reading import (
    Bounds,
    KeyCalls,
    KeyCost,
    RollupBounds,
    RollupReader,
    RollupSource,
)
from log10_trace.server.store.common.rollups import EVERY_CALL
from log10_trace.server.store.common.summed_rollups import RollupRow
from log10_trace.server.store.common.usage_statistics import sum_by_key
from log10_trace.server.store.data_types import GroupBy
from log10_trace.server.store.sqlite.connection import SQL

_SEEK: Final = 4
"""Groups that are passed in the time that it takes to seek one."""
_ASKED: Final = 8
"""Steps of a piece whose groups are counted, at most."""


class SqliteRollupReader(RollupReader):
    """The roll-ups of one dimension, and deltas that are not folded yet."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        organization_id: str,
        bounds: RollupBounds,
        held: HeldRollups,
        dimension: GroupBy,
    ) -> None:
        super().__init__(bounds, held, dimension)
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

    def _read_every_rollup(self, pieces: Sequence[RollupRange]) -> Iterable[RollupRow]:
        return chain.from_iterable(self._query("rollups_in", piece._asdict()) for piece in pieces)

    def _read_deltas(self, start: int, end: int, keys: Sequence[str] | None) -> Iterable[RollupRow]:
        values = {"start": start, "end": end, "keys": None if keys is None else json.dumps(keys)}
        return self._query("deltas_of_keys", values)

    def _query(self, name: str, values: dict[str, Any]) -> sqlite3.Cursor:
        return _query(self._connection, name, self._common | values)


def _query(connection: sqlite3.Connection, name: str, values: dict[str, Any]) -> sqlite3.Cursor:
    cursor = connection.execute(SQL[name], values)
    cursor.row_factory = None  # tuples: some thousand rows are read
    return cursor


def open_rollups(connection: sqlite3.Connection, organization_id: str) -> RollupSource:
    """The roll-ups of an organization, within a snapshot."""
    values = {"organization_id": organization_id, "dimension": EVERY_CALL}
    bounds = RollupBounds(
        partial(_read_bounds, connection, "rollup_bounds", values),
        partial(_read_bounds, connection, "delta_bounds", values),
    )
    held = HeldRollups(partial(_fetch, connection, organization_id))
    return RollupSource(partial(SqliteRollupReader, connection, organization_id, bounds, held), held)


def _fetch(
    connection: sqlite3.Connection, organization_id: str, missing: Sequence[MissingRollups]
) -> Iterator[tuple[GroupBy, int, RollupRow]]:
    for dimension, steps, keys in missing:
        common = {
            "organization_id": organization_id,
            "dimension": dimension,
            "keys": json.dumps(sorted(keys)),
        }
        for piece in join_steps(steps):
            starts = list_starts(piece)
            values = common | piece._asdict() | {"starts": json.dumps([*starts])}
            # Some steps tell enough of all: one alone may be of a night or a Sunday.
            some = starts[:: -(-len(starts) // _ASKED)]
            most = _SEEK * len(keys) * len(some)
            asked = {"some": json.dumps([*some]), "most": most}
            passed = _query(connection, "groups_of_steps", values | asked).fetchone()[0]
            name = "rollups_of_many_keys" if passed < most else "rollups_of_keys"
            for row in _query(connection, name, values):
                yield dimension, piece.width, row


def _read_bounds(connection: sqlite3.Connection, name: str, values: dict[str, str]) -> Bounds | None:
    first, last = connection.execute(SQL[name], values).fetchone()
    return None if first is None else (first, last)


def read_totals(
    connection: sqlite3.Connection, organization_id: str, dimension: GroupBy, keys: Sequence[str]
) -> dict[str, Aggregate]:
    """The sums over all time of some keys."""
    reader = open_rollups(connection, organization_id).open(dimension)
    return sum_by_key(reader.read(cover_range(None, None), keys))
