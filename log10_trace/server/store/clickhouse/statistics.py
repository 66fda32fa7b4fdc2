"""Sums of calls, of the rows and of the days that are summed already: by group and by step, in ClickHouse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from log10_trace.domain.call_labels import FAILED
from log10_trace.domain.prices import Prices
from log10_trace.server.store.clickhouse.connections import Connection, Row
from log10_trace.server.store.clickhouse.day_sums import DAY, HOUR, SUMMED, DaySums
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
_ORDERS_OF_SUMS: Final[dict[SortBy, str]] = {
    "calls": "arraySum(calls)",
    "failed": "arraySum(failed)",
    "tokens": "arraySum(charged_input) + arraySum(charged_output)",
}
"""The same figures of a row of sums."""
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
        self,
        connection: Connection,
        where: BoundCondition,
        group_by: GroupBy,
        *,
        of_few: str = "",
        sums: DaySums | None = None,
    ) -> None:
        self._connection = connection
        self._sums = sums or DaySums()
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
        for key, step, counts, charges, *times in self._ask("sums_of_groups", keys, steps):
            one = _read_sums(counts, *times)
            most = max(most, charges)
            if step == _NO_STEP:
                totals[key] = one
            elif steps is not None:
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
        values, where, of_few, among, sums = dict(self._values), self._where, self._of_few, "1", self._sums
        if steps is not None and steps.width < HOUR:
            sums = sums.ending_by(steps.first)
        elif steps is not None and steps.width < SUMMED.get(sums.grouping, DAY):
            sums = DaySums()
        where = _of_other_days(where, sums)
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
        query = _write(name, where, self._key, of_few)
        added = sums.write("add_sums_of_groups", {"keys": among}) + _add_steps(sums, steps, among)
        query = query.replace("@sums", added).replace("@no_step", str(_NO_STEP))
        return self._connection.ask(query.replace("@step", step).replace("@keys", among), values)

    def _find(self, sort: SortBy, limit: int, prices: Prices) -> list[str]:
        figure, values = ORDERS[sort], {**self._values, "limit": limit}
        of_sums = _ORDERS_OF_SUMS.get(sort, "")
        if sort == "cost":
            rates, most = self._read_rates()
            of_charges = SQL["cost_of_charges"]
            template = f"sum({of_charges})" if most > 1 else SQL["cost_of_first_charges"]
            pieces = split_list(rates)
            for number, piece in enumerate(pieces):
                values |= {f"{name}_{number}": each for name, each in _price(piece, prices).items()}
            # A rate that is not in a piece costs nothing there.
            figure = _add_pieces(template, len(pieces))
            of_sums = _add_pieces(of_charges, len(pieces))
        name = "leading_groups_with_sums" if self._sums.spans else "leading_groups"
        query = _write(name, _of_other_days(self._where, self._sums), self._key, self._of_few)
        query = query.replace("@sums", self._sums.write("add_sums_of_leading_groups", {"figure": of_sums}))
        query = query.replace("@figure", figure)
        return [key for (key,) in self._connection.ask(query, values)]

    def _read_rates(self) -> tuple[list[str], int]:
        """The rates at which calls are charged, and the most charges of a call."""
        where, added = _of_other_days(self._where, self._sums), self._sums.write("add_summed_rates", {})
        rows = self._connection.ask(_write("rates", where).replace("@sums", added), self._values)
        most = max((charges for _, charges in rows), default=0)
        if most > 1:
            rows = self._connection.ask(_write("all_rates", where).replace("@sums", added), self._values)
        return list(dict.fromkeys(row[0] for row in rows)), most


def write_summing() -> list[str]:
    """The statements that sum the rows of a span within a day."""
    statements = []
    for grouping, width in SUMMED.items():
        query = _write("add_sums", _CONDITIONS.get(grouping, "1"), _KEYS[grouping])
        statements.append(query.replace("@name", grouping).replace("@width", str(width)))
    return statements


def write_adding_hours() -> str:
    """The statement that adds up the hours of a day."""
    return _write("add_sums_of_days", "")


def _of_other_days(where: str, sums: DaySums) -> str:
    return f"{where} AND {sums.restrict_rows()}" if sums.spans else where


def _add_steps(sums: DaySums, steps: Steps | None, among: str) -> str:
    """The sums of the steps of time, which are of hours or days."""
    if steps is None:
        return ""
    of_sums = {
        "rows": "@totals" if steps.width % DAY == 0 else "@hours",
        "first": str(steps.first),
        "step": f"intDiv(minute, {steps.width:d}) * {steps.width:d}",
        "stepped": among if steps.keys is None else "key IN {stepped:Array(String)}",
    }
    return sums.write("add_sums_of_steps", {f"{name}_of_sums": text for name, text in of_sums.items()})


def _add_pieces(template: str, pieces: int) -> str:
    return " + ".join(template.replace("@piece", str(number)) for number in range(pieces))


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
