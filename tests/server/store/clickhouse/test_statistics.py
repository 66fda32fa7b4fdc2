"""Statistics of ClickHouse, which sums rows, are those of SQLite, which keeps sums."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from log10_trace.domain.completion_record import CompletionRecord
from log10_trace.server.store import open_store
from log10_trace.server.store.clickhouse import matching_rows
from log10_trace.server.store.data_types import (
    CompletionFilter,
    GroupBy,
    GroupTotals,
    SortBy,
    Statistics,
    StatisticsQuery,
)
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
