"""Statistics of ClickHouse, which sums rows, are those of SQLite, which keeps sums."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from log10_trace.domain.completion_record import CompletionRecord
from log10_trace.domain.times import DAY_MS
from log10_trace.server.store import open_store
from log10_trace.server.store.clickhouse import day_summing, matching_rows
from log10_trace.server.store.clickhouse.address import parse_address
from log10_trace.server.store.clickhouse.connections import Connection, Values, connect
from log10_trace.server.store.clickhouse.day_summing import WhatToSum, note_days, run_round
from log10_trace.server.store.clickhouse.day_sums import DAY, read_day_sums
from log10_trace.server.store.data_types import (
    CompletionFilter,
    GroupBy,
    GroupTotals,
    SortBy,
    Statistics,
    StatisticsQuery,
)
from log10_trace.server.store.errors import StoreError
from log10_trace.server.store.protocol import Store
from tests.server.store.factories import NOON_MS, ORG, answer, asked, completion, put_all
from tests.server.store.test_listing import at, frame

AUDIO = {"prompt_tokens_details": {"audio_tokens": 30}, "completion_tokens_details": {"audio_tokens": 20}}
"""Of the tokens of a call: they are charged at other rates than the rest, so it has three charges."""
FAILED, STREAMED = 0.2, 0.5
"""Shares of the calls."""
QUERIES: list[tuple[GroupBy, SortBy]] = [
    ("none", "calls"),
    ("model", "cost"),
    ("model", "tokens"),
    ("tag", "failed"),
    ("tag", "p95"),
    ("tag", "key"),
    ("call_site", "calls"),
    ("session", "cost"),
    ("failure", "calls"),
    ("metadata.user", "calls"),
]


def make_calls(rng: random.Random) -> Iterator[CompletionRecord]:
    """Calls of two days that begin and end; some only run, some fail, some have several charges."""
    for number in range(60):
        model = rng.choice(["gpt-4o", "gpt-4o-mini", "gpt-4o-audio-preview", "in-house"])
        response = answer("yes", rng.randrange(100, 900), rng.randrange(50, 400)) | {"model": model}
        if model == "gpt-4o-audio-preview":
            response["usage"] |= AUDIO
        begun: dict[str, Any] = {
            "id": f"c{number:02}",
            "created_at": at(rng.randrange(2 * 24 * 60)),
            "request": asked("hi", model=model),
            "tags": rng.sample(["a", "b", "c", "d"], rng.randrange(4)),
            "metadata": {"user": rng.choice(["x", "y"])} if number % 2 else {},
            "session_id": rng.choice([None, "s1", "s2"]),
            "stacktrace": [frame("/app/a.py", rng.choice(["f", "g"]))] if number % 3 else [],
        }
        ended: dict[str, Any] = {"status": "finished", "response": response}
        if rng.random() < FAILED:
            ended = {"status": "failed", "failure_kind": rng.choice(["A", "B"]), "response": ...}
        ended["duration"] = rng.uniform(0.0005, 30)
        if rng.random() < STREAMED:
            ended["time_to_first_token"] = rng.uniform(0.0005, 3)
        if number % 4:
            yield completion(**begun, status="started", response=...)
        if number % 5:
            yield completion(**begun, **ended)


def rounded(found: Statistics) -> list[list[GroupTotals]]:
    """The groups and the series: a sum of costs depends on the order in its last digits."""
    return [
        [one if one.cost is None else one._replace(cost=round(one.cost, 9)) for one in totals]
        for totals in (found.groups, found.series)
    ]


@pytest.fixture
def stores(emptied_clickhouse_url: str, tmp_path: Path) -> Iterator[tuple[Store, Store]]:
    """A store in ClickHouse and one in SQLite with the same calls."""
    calls = list(make_calls(random.Random(3)))
    with (
        closing(open_store(emptied_clickhouse_url)) as clickhouse,
        closing(open_store(str(tmp_path / "completions.db"))) as sqlite,
    ):
        for store in (clickhouse, sqlite):
            # The ends in a later commit than the beginnings: there are rows that do not stand any more.
            put_all(store, [one for one in calls if one.status == "started"])
            put_all(store, [one for one in calls if one.status != "started"])
        yield clickhouse, sqlite


def test_statistics_are_those_of_the_other_stores(stores: tuple[Store, Store]) -> None:
    """Groups, their order, percentiles, costs of several charges, and the series of the first two groups."""
    for group_by, sort in QUERIES:
        query = StatisticsQuery(group_by=group_by, sort=sort, series_groups=2)

        ours, theirs = (rounded(store.reports.statistics(ORG, query)) for store in stores)

        assert ours == theirs, (group_by, sort)
        groups, series = ours
        assert len(series) > len(groups) > 0
        assert any(one.p95 for one in groups)
        assert len({one.key for one in series}) == min(len(groups), 2)


def test_a_series_is_as_long_as_the_groups_that_are_found_allow(stores: tuple[Store, Store]) -> None:
    """Groups that are asked for and have no calls take no steps from the others."""
    calls = [completion(id=f"lone {number}", tags=["lone"], created_at=at(number)) for number in range(300)]
    keys = ("lone", *(f"no {number}" for number in range(99)))
    query = StatisticsQuery(
        group_by="tag",
        keys=keys,
        since_ms=NOON_MS,
        until_ms=NOON_MS + 300 * 60_000,
        interval="minute",
        series_groups=100,
    )
    for store in stores:
        put_all(store, calls)
    ours, sqlite = (store.reports.statistics(ORG, query) for store in stores)

    assert [one.start_ms for one in ours.series] == [one.start_ms for one in sqlite.series]
    assert len(ours.series) == 300


@pytest.mark.parametrize("few", [0, 20_000])
def test_few_and_many_matches_are_counted_alike(
    stores: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """Rows that do not stand any more match too: of the calls that run, of those of a tag."""
    monkeypatch.setattr(matching_rows, "_FEW", few)
    for wanted in (CompletionFilter(status="started"), CompletionFilter(tags=("a", "b"), tag_match="all")):
        query = StatisticsQuery(group_by="tag", wanted=wanted)

        ours, theirs = (rounded(store.reports.statistics(ORG, query)) for store in stores)

        assert ours == theirs
        assert 0 < len(ours[0]) <= len(ours[1])
        count, expected = (store.completions.count(ORG, wanted).calls for store in stores)
        assert count == expected > 0


SUM_ALL = WhatToSum(quiet_s=0, least=1, before_day=2**31)
"""Sum every day that has changed."""
HOUR_MS = 3_600_000
OF_SUMS = [
    *(StatisticsQuery(group_by=group_by, sort=sort, series_groups=2) for group_by, sort in QUERIES[1:7:2]),
    StatisticsQuery(group_by="model", interval="minute", sort="p95"),
    StatisticsQuery(group_by="session", sort="cost", interval="day"),
    StatisticsQuery(group_by="tag", since_ms=NOON_MS + HOUR_MS, until_ms=NOON_MS + DAY_MS + HOUR_MS),
    StatisticsQuery(wanted=CompletionFilter(model="gpt-4o")),
]
WITHIN = CompletionFilter(since_ms=NOON_MS + 90 * 60_000 + 1, until_ms=NOON_MS + DAY_MS + 7 * HOUR_MS - 1)
OF_PARTS = [
    StatisticsQuery(interval="day", wanted=WITHIN),
    StatisticsQuery(group_by="tag", wanted=WITHIN, sort="cost"),
    StatisticsQuery(group_by="session", wanted=WITHIN),
]
"""Spans that begin and end within an hour: SQLite gives the whole of their first and last step."""


@pytest.fixture
def summer(emptied_clickhouse_url: str) -> Iterator[Connection]:
    """A connection that sums days of the store in ClickHouse."""
    with closing(connect(parse_address(emptied_clickhouse_url))) as connection:
        yield connection


def compare(stores: tuple[Store, Store], queries: Sequence[StatisticsQuery] = OF_SUMS[1:4:2]) -> None:
    """Fail unless all figures are those of SQLite, and so is the number of calls."""
    for query in queries:
        ours, theirs = (rounded(store.reports.statistics(ORG, query)) for store in stores)
        assert ours == theirs, query
    for wanted in (CompletionFilter(), CompletionFilter(since_ms=NOON_MS + DAY_MS // 2)):
        ours, theirs = (store.completions.count(ORG, wanted) for store in stores)
        assert ours == theirs, wanted


def days_of_sums(connection: Connection) -> dict[int, int]:
    """The days whose sums are taken, and the batch of each."""
    found = read_day_sums(connection, ORG, CompletionFilter(), "none").spans
    return {one.begin // DAY: one.batch for one in found}


def test_sums_of_days_are_those_of_their_rows(
    stores: tuple[Store, Store], summer: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever comes, is repeated, deleted or pruned after a day was summed: figures are those of SQLite."""
    of_rows = [rounded(stores[0].reports.statistics(ORG, query)) for query in OF_PARTS]
    assert run_round(summer, SUM_ALL) == len(days_of_sums(summer)) == 3
    assert [rounded(stores[0].reports.statistics(ORG, query)) for query in OF_PARTS] == of_rows
    assert run_round(summer, SUM_ALL) == 0
    compare(stores, OF_SUMS)

    calls = list(make_calls(random.Random(3)))
    for store in stores:
        put_all(store, [completion(id=one.id, tags=["late"], created_at=...) for one in calls[:4]])
    changed = days_of_sums(summer)
    assert len(changed) < 3
    compare(stores)
    with monkeypatch.context() as patched:
        patched.setattr(day_summing, "_ROWS_AT_ONCE", 20)
        assert run_round(summer, SUM_ALL) == 3 - len(changed)
    compare(stores)

    for store in stores:
        store.completions.delete(ORG, CompletionFilter(session_id="s2")).result()
    compare(stores)
    run_round(summer, SUM_ALL)
    compare(stores)

    before_ms = NOON_MS + DAY_MS
    for store in stores:
        store.maintenance.prune(before_ms=before_ms).result()
    compare(stores)
    run_round(summer, SUM_ALL)
    compare(stores)
    assert min(days_of_sums(summer)) * DAY_MS >= before_ms


def test_days_are_summed_when_they_are_over(emptied_clickhouse_url: str, summer: Connection) -> None:
    """And quiet, and of many rows. Sums of rows that have changed are not taken, and made anew."""
    with closing(open_store(emptied_clickhouse_url)) as store:
        put_all(store, [completion(id="a", created_at=at(0)), completion(id="b", created_at=at(24 * 60))])
        day = NOON_MS // DAY_MS
        for changed in ({"quiet_s": 600}, {"least": 10}, {"before_day": day}):
            assert run_round(summer, replace(SUM_ALL, **changed)) == 0
        assert run_round(summer, replace(SUM_ALL, before_day=day + 1)) == 1
        old = days_of_sums(summer)
        assert list(old) == [day]

        put_all(store, [completion(id="c", created_at=at(5))])
        assert days_of_sums(summer) == {}
        assert run_round(summer, SUM_ALL) == 2
        assert days_of_sums(summer).keys() == {day, day + 1}
        assert store.completions.count(ORG, CompletionFilter()).calls == 3
        assert batches(summer) == {*old.values(), *days_of_sums(summer).values()}


def test_sums_that_nothing_takes_are_deleted(
    emptied_clickhouse_url: str, summer: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of rows that were there before rows were counted are made, and go when another row comes."""
    with closing(open_store(emptied_clickhouse_url)) as store:
        put_all(store, [completion(id="a", created_at=at(0))])
        summer.run("TRUNCATE TABLE day_writes")
        assert run_round(summer, SUM_ALL) == 0
        note_days(summer, SUM_ALL)
        assert run_round(summer, SUM_ALL) == 1
        old = batches(summer)
        assert old == set(days_of_sums(summer).values())

        assert store.completions.delete_one(ORG, "a").result()
        monkeypatch.setattr(day_summing, "_KEPT_NS", 0)
        for remaining in (old, set()):
            assert run_round(summer, replace(SUM_ALL, least=100)) == 0
            assert batches(summer) == remaining


def test_minutes_of_sessions_are_of_the_rows(stores: tuple[Store, Store], summer: Connection) -> None:
    """A day of which the last minutes are read from rows has no sums of hours by session."""
    query = StatisticsQuery(group_by="session", interval="minute", series_groups=2)
    compare(stores, [query])
    assert run_round(summer, SUM_ALL) == 3
    compare(stores, [query])


def test_a_deletion_that_failed_before_it_was_counted_is_counted_when_it_is_done(
    stores: tuple[Store, Store], summer: Connection
) -> None:
    """Rows are hidden by an insert whose view may fail; the next deletion counts them and takes them away."""
    assert run_round(summer, SUM_ALL) == 3
    made = "CREATE MATERIALIZED VIEW day_writes_of_completions TO day_writes AS @question"
    ((question,),) = summer.ask(
        "SELECT as_select FROM system.tables"
        " WHERE database = currentDatabase() AND name = 'day_writes_of_completions'",
        {},
    )
    wanted = CompletionFilter(session_id="s2")
    summer.run("DROP VIEW day_writes_of_completions")
    summer.run(made.replace("@question", question.replace("count()", "count() + throwIf(count() > 0)")))
    try:
        with pytest.raises(StoreError):
            stores[0].completions.delete(ORG, wanted).result()
    finally:
        summer.run("DROP VIEW day_writes_of_completions")
        summer.run(made.replace("@question", question))
    for store in stores:
        store.completions.delete(ORG, wanted).result()

    compare(stores)


def test_a_day_that_cannot_be_summed_keeps_no_other_from_it(
    emptied_clickhouse_url: str, summer: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine may have too little memory for one; the older days are summed all the same."""
    day = NOON_MS // DAY_MS
    change = Connection.change

    def fail_for_the_newer(self: Connection, statement: str, values: Values) -> None:
        if values.get("day") == day + 1:
            message = "memory limit exceeded"
            raise DatabaseError(message, code=241)
        change(self, statement, values)

    with closing(open_store(emptied_clickhouse_url)) as store:
        put_all(store, [completion(id="a", created_at=at(0)), completion(id="b", created_at=at(24 * 60))])
        with monkeypatch.context() as patched:
            patched.setattr(Connection, "change", fail_for_the_newer)
            with pytest.raises(DatabaseError):
                run_round(summer, SUM_ALL)
        assert days_of_sums(summer).keys() == {day}


def batches(connection: Connection) -> set[int]:
    """The batches of which there are sums."""
    return {batch for (batch,) in connection.ask("SELECT DISTINCT batch FROM day_sums", {})}
