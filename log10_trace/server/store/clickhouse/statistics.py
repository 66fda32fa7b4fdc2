"""Sums of calls, straight from the rows: by group and by step of time, in ClickHouse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from log10_trace.domain.call_labels import FAILED
from log10_trace.domain.prices import Prices
from log10_trace.server.store.clickhouse.connections import Connection
from log10_trace.server.store.clickhouse.queries import SQL
from log10_trace.server.store.clickhouse.text_search import BoundCondition
from log10_trace.server.store.common.aggregates import Aggregate
from log10_trace.server.store.common.metadata_labels import is_dimension, key_of_dimension
from log10_trace.server.store.common.rollups import MINUTE_MS
from log10_trace.server.store.common.usage_statistics import GROUPS, Step
from log10_trace.server.store.data_types import GroupBy, SortBy

_KEYS: Final[dict[GroupBy, str]] = {
    "none": "''",
    "model": "ifNull(model, '')",
    "tag": "arrayJoin(tags)",
    "call_site": "concat(assumeNotNull(file), ':', ifNull(function, 'None'))",
    "session": "assumeNotNull(session_id)",
    "failure": "ifNull(failure_kind, '')",
}
_CONDITIONS: Final[dict[GroupBy, str]] = {
    "call_site": "file IS NOT NULL",
    "session": "session_id <> ''",
    "failure": f"status = '{FAILED}'",
}
_IN_GROUPS: Final[dict[GroupBy, str]] = {"session": "session_id IN {keys:Array(String)}"}
"""Conditions that leave the other groups unread, by an index."""
_METADATA: Final = (
    "arrayJoin(arrayMap(pair -> substring(pair, length({metadata_key:String}) + 1),"
    " arrayFilter(pair -> startsWith(pair, {metadata_key:String}), metadata)))"
)
_COST: Final = SQL["cost"]
_ORDERS: Final[dict[SortBy, str]] = {
    "calls": "count()",
    "failed": f"countIf(status = '{FAILED}')",
    "tokens": "sum(arraySum(charged_input) + arraySum(charged_output))",
    "cost": _COST,
}
"""Orders in which the first groups are those of all; by any other, those with most calls and the dearest."""
_MANY: Final = 1_000_000
"""Tokens of which a price is asked, so that it is no rounded number."""


class GroupReader:
    """The groups of one dimension among the rows that match."""

    def __init__(self, connection: Connection, where: BoundCondition, group_by: GroupBy) -> None:
        self._connection = connection
        text, self._values = where.text, dict(where.values)
        if is_dimension(group_by):
            self._key = _METADATA
            self._values["metadata_key"] = f"{key_of_dimension(group_by)}="
        else:
            self._key = _KEYS[group_by]
            text += f" AND {_CONDITIONS[group_by]}" if group_by in _CONDITIONS else ""
        self._where = text
        self._narrow = _IN_GROUPS.get(group_by, "")

    def find_leading(self, sort: SortBy, limit: int, prices: Prices) -> list[str]:
        """The first groups in an order, ``limit`` of them; somewhat more where figures order them."""
        if sort in _ORDERS:
            return self._find(sort, limit, prices)
        dearest = self._find("cost", GROUPS // 2, prices) if sort != "key" else []
        return list(dict.fromkeys((*dearest, *self._find("calls", GROUPS, prices))))[:GROUPS]

    def sum_groups(self, keys: Sequence[str] | None, *, with_durations: bool = True) -> dict[str, Aggregate]:
        """The sums of some groups (None: of all)."""
        steps = self.sum_steps(keys, width=0, first=0, with_durations=with_durations)
        return {key: one for (key, _), one in steps.items()}

    def sum_steps(
        self, keys: Sequence[str] | None, *, width: int, first: int, with_durations: bool
    ) -> dict[Step, Aggregate]:
        """The sums of some groups in each step of ``width`` minutes, from the minute ``first`` on.

        With a width of 0 there is one step, at 0.
        """
        start = f"intDiv(began_ms, {MINUTE_MS * width:d}) * {width:d}" if width else "0"
        query = self._write("counts_of_groups", start, first, keys)
        found: dict[Step, Aggregate] = {}
        for key, begin, rates, calls, failed, with_usage, *tokens in self._ask(query, keys):
            one = found.setdefault((key, begin), Aggregate())
            for number, (rate, given, made, cached) in enumerate(zip(rates, *tokens, strict=True)):
                counted = (0, 0, 0) if number else (calls, failed, with_usage)
                one.add_counts({rate: [*counted, given, made, cached]})
        if with_durations:
            query = self._write("durations_of_groups", start, first, keys)
            for key, begin, bucket, calls in self._ask(query, keys):
                if (key, begin) in found:  # a call that came between the two queries waits for the next
                    found[key, begin].durations[bucket] = calls
        return found

    def read_last_minute(self) -> int | None:
        """The minute in which the last call of any group began; None without any."""
        query = self._write("last_minute", f"intDiv(began_ms, {MINUTE_MS:d})", 0)
        ((minute, calls),) = self._ask(query, None) or ((0, 0),)
        return int(minute) if calls else None

    def _write(self, name: str, start: str, first: int, keys: Sequence[str] | None = None) -> str:
        """A query of groups, from the minute ``first`` on; of ``start`` it gives what it says of each row."""
        where = self._where + (f" AND began_ms >= {first * MINUTE_MS:d}" if first else "")
        where += f" AND {self._narrow}" if self._narrow and keys is not None else ""
        query = SQL[name].replace("@group", self._key).replace("@start", start)
        return query.replace("@where", where)

    def _ask(self, query: str, keys: Sequence[str] | None) -> Sequence[Sequence[Any]]:
        if keys is None:
            return self._connection.ask(query.replace("@keys", "1"), self._values)
        values = {**self._values, "keys": list(keys)}
        return self._connection.ask(query.replace("@keys", "key IN {keys:Array(String)}"), values)

    def _find(self, sort: SortBy, limit: int, prices: Prices) -> list[str]:
        values = {**self._values, "limit": limit}
        if sort == "cost":
            rates = [rate for (rate,) in self._connection.ask(f"{SQL['rates']} {self._where}", self._values)]
            values |= _price(rates, prices)
        query = self._write("leading_groups", "0", 0).replace("@figure", _ORDERS[sort])
        return [key for (key,) in self._connection.ask(query, values)]


def _price(rates: Sequence[str], prices: Prices) -> dict[str, list[Any]]:
    """What a token costs at each rate; nothing where there is no price."""

    def of(given: int, made: int, cached: int) -> list[float]:
        return [(prices.cost(rate, given, made, cached) or 0.0) / _MANY for rate in rates]

    return {
        "rates": list(rates),
        "fresh": of(_MANY, 0, 0),
        "made": of(0, _MANY, 0),
        "cached": of(_MANY, 0, _MANY),
    }
