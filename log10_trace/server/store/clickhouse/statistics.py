"""Sums of calls, straight from the rows: by group and by step of time, in ClickHouse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from log10_trace.domain.call_labels import FAILED
from log10_trace.domain.prices import Prices
from log10_trace.server.store.clickhouse.connections import Connection, Row
from log10_trace.server.store.clickhouse.matching_rows import read_page
from log10_trace.server.store.clickhouse.queries import SQL
from log10_trace.server.store.clickhouse.record_rows import SORT_KEYS
from log10_trace.server.store.clickhouse.text_search import BoundCondition
from log10_trace.server.store.clickhouse.value_lists import split_list
from log10_trace.server.store.common.aggregates import (
    DURATION_SHARES,
    FIRST_TOKEN_SHARES,
    Aggregate,
    bucket_midpoint,
)
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
    "tag": "notEmpty(tags)",
    "call_site": "file IS NOT NULL",
    "session": "session_id <> ''",
    "failure": f"status = '{FAILED}'",
}
_IN_GROUPS: Final[dict[GroupBy, str]] = {"session": "session_id IN {keys:Array(String)}"}
"""Groups of few calls each, which an index finds."""
_METADATA: Final = (
    "arrayJoin(arrayMap(pair -> substring(pair, length({metadata_key:String}) + 1),"
    " arrayFilter(pair -> startsWith(pair, {metadata_key:String}), metadata)))"
)
_WITH_METADATA: Final = "arrayExists(pair -> startsWith(pair, {metadata_key:String}), metadata)"
ORDERS: Final[dict[SortBy, str]] = {
    "calls": "count()",
    "failed": f"countIf(status = '{FAILED}')",
    "tokens": "sum(arraySum(charged_input) + arraySum(charged_output))",
    "cost": "",
}
"""Orders in which the first groups are those of all; by any other, those with most calls and the dearest."""
_MANY: Final = 1_000_000
"""Tokens of which a price is asked, so that it is no rounded number."""
_NO_STEP: Final = -1


class Steps(NamedTuple):
    """Which steps of time are wanted of which groups."""

    width: int
    """Minutes of a step."""
    first: int
    """The minute from which on there are steps."""
    keys: Sequence[str] | None
    """The groups; None: all."""
    with_times: bool
    """Whether their percentiles are wanted."""


@dataclass(slots=True)
class RankedAggregate(Aggregate):
    """A sum of which the engine has told the buckets in which each share of the calls is reached."""

    ended_in: Sequence[int] = ()
    """Of ``DURATION_SHARES``; none where no call has ended."""
    first_token_in: Sequence[int] = ()
    """Of ``FIRST_TOKEN_SHARES``."""

    @property
    def has_times(self) -> bool:
        """Whether a call of it has ended or had a first token."""
        return bool(self.ended_in or self.first_token_in)

    def percentiles(self, *shares: float) -> Sequence[float | None]:
        """The durations of ``DURATION_SHARES``, which are the only ``shares`` that are known."""
        return [bucket_midpoint(bucket) for bucket in self.ended_in] or [None] * len(shares)

    def first_token_percentiles(self, *shares: float) -> Sequence[float | None]:
        """The times to the first token of ``FIRST_TOKEN_SHARES``."""
        return [bucket_midpoint(bucket) for bucket in self.first_token_in] or [None] * len(shares)


class GroupReader:
    """The groups of one dimension among the rows that match."""

    def __init__(
        self, connection: Connection, where: BoundCondition, group_by: GroupBy, *, of_few: str = ""
    ) -> None:
        self._connection = connection
        text, self._values = where.text, dict(where.values)
        condition = _CONDITIONS.get(group_by, "")
        if is_dimension(group_by):
            self._key, condition = _METADATA, _WITH_METADATA
            self._values["metadata_key"] = f"{key_of_dimension(group_by)}="
        else:
            self._key = _KEYS[group_by]
        self._where = f"{text} AND {condition}" if condition else text
        self._of_few = of_few
        self._in_groups = _IN_GROUPS.get(group_by, "")

    def find_leading(self, sort: SortBy, limit: int, prices: Prices) -> list[str]:
        """The first groups in an order, ``limit`` of them; somewhat more where figures order them."""
        if sort in ORDERS:
            return self._find(sort, limit, prices)
        dearest = self._find("cost", GROUPS // 2, prices) if sort != "key" else []
        return list(dict.fromkeys((*dearest, *self._find("calls", GROUPS, prices))))[:GROUPS]

    def sum_groups(
        self, keys: Sequence[str] | None, steps: Steps | None = None
    ) -> tuple[dict[str, Aggregate], dict[Step, Aggregate]]:
        """The sums of some groups (None: of all), and of them in each of ``steps``: all of one moment."""
        totals: dict[str, Aggregate] = {}
        by_step: dict[Step, Aggregate] = {}
        most = 0
        for key, step, is_total, counts, charges, *times in self._ask("sums_of_groups", keys, steps):
            one = _read_sums(counts, *times)
            most = max(most, charges)
            if is_total:
                totals[key] = one
            elif step != _NO_STEP and steps is not None:
                by_step[key, step] = one if steps.with_times else Aggregate(one.counts)
        if most > 1:
            for key, step, rate, *tokens in self._ask("further_charges", keys, steps):
                for each in (totals.get(key), by_step.get((key, step))):
                    if each is not None:  # a call that came between the two queries waits for the next
                        each.add_counts({rate: (0, 0, 0, *tokens)})
        return totals, by_step

    def read_last_minute(self) -> int | None:
        """The minute in which the last call of any group began; None without any."""
        where = BoundCondition(self._where, self._values)
        rows = read_page(self._connection, "keys", where, limit=1, order="newest")
        return SORT_KEYS.began_ms(rows[0][0]) // MINUTE_MS if rows else None

    def _ask(self, name: str, keys: Sequence[str] | None, steps: Steps | None) -> Sequence[Row]:
        values, where, of_few, among = dict(self._values), self._where, self._of_few, "1"
        if keys is not None:
            values["keys"], among = list(keys), "key IN {keys:Array(String)}"
            if self._in_groups:
                where += f" AND {self._in_groups}"
                of_few = SQL["of_few"].replace("@condition", where)
        step = str(_NO_STEP)
        if steps is not None:
            width = SORT_KEYS.first_of(steps.width * MINUTE_MS)
            has_step = f"place >= {SORT_KEYS.first_of(steps.first * MINUTE_MS):d}"
            if steps.keys is not None:
                values["stepped"] = list(steps.keys)
                has_step += " AND key IN {stepped:Array(String)}"
            step = f"if({has_step}, intDiv(place, {width:d}) * {steps.width:d}, {_NO_STEP})"
        query = _write(name, where, self._key, of_few).replace("@step", step).replace("@keys", among)
        return self._connection.ask(query, values)

    def _find(self, sort: SortBy, limit: int, prices: Prices) -> list[str]:
        figure, values = ORDERS[sort], {**self._values, "limit": limit}
        if sort == "cost":
            rates, most = self._read_rates()
            template = SQL["cost"] if most > 1 else SQL["cost_of_first_charges"]
            pieces = split_list(rates)
            for number, piece in enumerate(pieces):
                values |= {f"{name}_{number}": each for name, each in _price(piece, prices).items()}
            # A rate that is not in a piece costs nothing there.
            figure = " + ".join(template.replace("@piece", str(number)) for number in range(len(pieces)))
        query = _write("leading_groups", self._where, self._key, self._of_few).replace("@figure", figure)
        return [key for (key,) in self._connection.ask(query, values)]

    def _read_rates(self) -> tuple[list[str], int]:
        """The rates at which calls are charged, and the most charges of a call."""
        rows = self._connection.ask(_write("rates", self._where), self._values)
        most = max((charges for _, charges in rows), default=0)
        if most > 1:
            rows = self._connection.ask(_write("all_rates", self._where), self._values)
        return [row[0] for row in rows], most


def _write(name: str, where: str, key: str = "", of_few: str = "") -> str:
    """A query of groups."""
    query = SQL[name].replace("@group", key).replace("@of_few", of_few).replace("@where", where)
    for place, shares in (("durations", DURATION_SHARES), ("first_tokens", FIRST_TOKEN_SHARES)):
        query = query.replace(f"@shares_of_{place}", ", ".join(map(str, shares)))
    return query


def _read_sums(
    counts: Sequence[Sequence[Any]],
    ended: int,
    ended_in: Sequence[int],
    streamed: int,
    first_token_in: Sequence[int],
) -> Aggregate:
    rates, *columns = counts
    return RankedAggregate(
        counts=dict(zip(rates, zip(*columns, strict=True), strict=True)),
        ended_in=ended_in if ended else (),
        first_token_in=first_token_in if streamed else (),
    )


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
