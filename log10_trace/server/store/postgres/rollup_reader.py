"""Reads roll-ups, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any, Final

from psycopg import Connection

from log10_trace.server.store.common.aggregates import Aggregate
from log10_trace.server.store.common.held_rollups import HeldRollups, MissingRollups
from log10_trace.server.store.common.rollup_cover import RollupRange, cover_range
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
from log10_trace.server.store.postgres.arrays import rows_to_columns
from log10_trace.server.store.postgres.connections import ReadPool, Row, fetch_rows
from log10_trace.server.store.postgres.index_keys import truncate_key
from log10_trace.server.store.postgres.queries import load

_SQL: Final = load("rollups.sql")


class PostgresRollupReader(RollupReader):
    """The roll-ups of one dimension, and deltas that are not folded yet."""

    def __init__(
        self,
        connection: Connection[Row],
        organization_id: str,
        bounds: RollupBounds,
        held: HeldRollups,
        dimension: GroupBy,
    ) -> None:
        super().__init__(bounds, held, dimension)
        self._connection = connection
        self._common = {"organization_id": organization_id, "dimension": dimension}

    def _read_bounds(self) -> Bounds | None:
        return _read_bounds(self._connection, "bounds", self._common)

    def _read_largest(self, width: int, starts: Sequence[int], limit: int) -> Iterable[KeyCalls]:
        return self._query("largest", {"width": width, "starts": list(starts), "limit": limit})

    def _read_costliest(self, width: int, starts: Sequence[int], limit: int) -> Iterable[KeyCost]:
        return self._query("costliest", {"width": width, "starts": list(starts), "limit": limit})

    def _has_all_costs(self) -> bool:
        return not self._query("has_no_cost", {})

    def _read_calls(self, piece: RollupRange) -> Iterable[KeyCalls]:
        return self._query("calls", piece._asdict())

    def _read_delta_calls(self, start: int, end: int) -> Iterable[KeyCalls]:
        return self._query("delta_calls", {"start": start, "end": end})

    def _read_every_rollup(self, pieces: Sequence[RollupRange]) -> Iterable[RollupRow]:
        return chain.from_iterable(self._query("rollups", piece._asdict()) for piece in pieces)

    def _read_deltas(self, start: int, end: int, keys: Sequence[str] | None) -> Iterable[RollupRow]:
        if keys is None:
            return self._query("deltas", {"start": start, "end": end})
        return self._query("deltas_of_keys", {"start": start, "end": end, "keys": list(keys)})

    def fit_key(self, key: str) -> str:
        """The key under which the store keeps a group; of a call site, file and function are kept apart."""
        if self._common["dimension"] != "call_site":
            return truncate_key(key)
        file, _, function = key.rpartition(":")
        return f"{truncate_key(file)}:{truncate_key(function)}"

    def _query(self, name: str, values: dict[str, Any]) -> list[Any]:
        return fetch_rows(self._connection, _SQL[name], self._common | values)


def open_rollups(connection: Connection[Row], organization_id: str) -> RollupSource:
    """The roll-ups of an organization, within a snapshot."""
    values = {"organization_id": organization_id, "dimension": EVERY_CALL}
    bounds = RollupBounds(
        partial(_read_bounds, connection, "bounds", values),
        partial(_read_bounds, connection, "delta_bounds", values),
    )
    held = HeldRollups(partial(_fetch, connection, organization_id))
    return RollupSource(partial(PostgresRollupReader, connection, organization_id, bounds, held), held)


def _fetch(
    connection: Connection[Row], organization_id: str, missing: Sequence[MissingRollups]
) -> Iterator[tuple[GroupBy, int, RollupRow]]:
    """What is missing, with one question, however many dimensions it is of."""
    steps = [
        (number, each.dimension, len(each.keys), *step)
        for number, each in enumerate(missing)
        for step in each.steps
    ]
    keys = [(number, key) for number, each in enumerate(missing) for key in each.keys]
    values = {
        "organization_id": organization_id,
        **rows_to_columns(("numbers", "dimensions", "groups", "widths", "starts"), steps),
        **rows_to_columns(("key_numbers", "keys"), keys),
    }
    for number, width, *row in fetch_rows(connection, _SQL["rollups_of_keys"], values):
        yield missing[number].dimension, width, (*row,)


def _read_bounds(connection: Connection[Row], name: str, values: dict[str, Any]) -> Bounds | None:
    ((first, last),) = fetch_rows(connection, _SQL[name], values)
    return None if first is None else (first, last)


def read_totals(
    readers: ReadPool, organization_id: str, dimension: GroupBy, keys: Sequence[str]
) -> dict[str, Aggregate]:
    """The sums of some keys over all time."""
    with readers.snapshot() as connection:
        reader = open_rollups(connection, organization_id).open(dimension)
        return sum_by_key(reader.read(cover_range(None, None), keys))
