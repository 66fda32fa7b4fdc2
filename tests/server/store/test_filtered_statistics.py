"""Statistics of what matches a filter: exact where that is cheap, otherwise of more, and they say of what."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from log10_trace.server.pages.chart_axis import HOUR_MS
from log10_trace.server.store.common import statistics_of_matches
from log10_trace.server.store.data_types import CompletionFilter, GroupTotals, SortBy, StatisticsQuery
from log10_trace.server.store.errors import SearchError
from log10_trace.server.store.protocol import Store
from tests.server.store.factories import NOON_MS, ORG, answer, asked, completion, ids, put_all
from tests.server.store.test_counting import FILTERS, SPANS, fill


def read(store: Store, wanted: CompletionFilter, **more: Any) -> list[GroupTotals]:
    """The groups of what matches; the statistics say that they are of just that."""
    found = store.reports.statistics(ORG, StatisticsQuery(wanted=wanted, **more))
    assert found.counted == wanted
    return list(found.groups)


def test_statistics_are_of_what_matches(store: Store) -> None:
    """Whatever the filter and the span, the figures are those of the calls that the list shows."""
    fill(store)
    for conditions in FILTERS:
        for since_ms, until_ms in SPANS:
            wanted = CompletionFilter(**conditions, since_ms=since_ms, until_ms=until_ms)
            matching = len(ids(store, wanted))
            assert sum(group.calls for group in read(store, wanted)) == matching, wanted


def test_groups_of_what_matches(store: Store) -> None:
    """Matching calls are grouped as all calls are, by tags too."""
    fill(store)
    wanted = CompletionFilter(min_duration=2.0, status="failed")
    everything = read(store, CompletionFilter(status="failed"), group_by="model")
    assert {group.key: group.calls for group in everything} == Counter({"gpt-4o": 6})
    assert read(store, wanted, group_by="tag") == []

    slow = CompletionFilter(min_duration=2.0)
    for group_by in ("model", "tag", "call_site", "session", "metadata.user_id"):
        for group in read(store, slow, group_by=group_by):
            assert group.key is not None
            narrowed = {
                "model": replace(slow, model=group.key),
                "tag": replace(slow, tags=(group.key,)),
                "call_site": replace(slow, file="/app.py", function=group.key.rpartition(":")[2]),
                "session": replace(slow, session_id=group.key),
                "metadata.user_id": replace(slow, metadata=(f"user_id={group.key}",)),
            }
            assert group.calls == len(ids(store, narrowed[group_by]))


def test_too_many_matches_give_the_statistics_of_more(
    rollup_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the records are too many, the figures are those of the smallest group that roll-ups have."""
    fill(rollup_store)
    span = {"since_ms": NOON_MS, "until_ms": NOON_MS + 60_000_000}
    wanted = CompletionFilter(tags=("a",), model="gpt-4o", min_duration=1.0, **span)
    monkeypatch.setattr(statistics_of_matches, "MAX_RECORDS", 1)

    found = rollup_store.reports.statistics(ORG, StatisticsQuery(wanted=wanted))

    assert found.counted == CompletionFilter(tags=("a",), **span)
    assert found.groups[0].calls == len(ids(rollup_store, found.counted))
    grouped = rollup_store.reports.statistics(ORG, StatisticsQuery(wanted=wanted, group_by="model"))
    assert grouped.counted == CompletionFilter(**span)


def test_many_known_matches_are_not_looked_for(rollup_store: Store) -> None:
    """Where more are known to match than can be summed, the figures are of more at once."""
    fill(rollup_store)
    wanted = CompletionFilter(model="gpt-4o", min_duration=1.0)
    known = StatisticsQuery(wanted=wanted, min_matches=statistics_of_matches.MAX_RECORDS + 1)

    assert rollup_store.reports.statistics(ORG, known).counted == CompletionFilter(model="gpt-4o")
    assert rollup_store.reports.statistics(ORG, replace(known, min_matches=5)).counted == wanted


def test_many_records_in_a_part_of_a_minute_widen_the_span(
    rollup_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ends of a span are counted to the millisecond unless they hold too much, which is said."""
    fill(rollup_store)
    monkeypatch.setattr(statistics_of_matches, "_EDGE_RECORDS", 0)
    wanted = CompletionFilter(since_ms=NOON_MS + 30_500)

    found = rollup_store.reports.statistics(ORG, StatisticsQuery(wanted=wanted))

    assert found.counted == CompletionFilter(since_ms=NOON_MS)
    assert found.groups[0].calls == len(ids(rollup_store, found.counted))


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("calls", ["many", "dear", "slow", ""]),
        ("cost", ["dear", "many", "slow", ""]),
        ("tokens", ["dear", "many", "slow", ""]),
        ("failed", ["slow", "many", "dear", ""]),
        ("p95", ["slow", "dear", "many", ""]),
        ("key", ["", "dear", "many", "slow"]),
    ],
)
def test_groups_are_sorted_by_any_figure(store: Store, sort: SortBy, expected: list[str]) -> None:
    """The largest first, what is not known last; the limit and the series hold to the order."""
    chat = {name: asked("hi", model="gpt-4o") for name in ("many", "dear", "slow")}
    put_all(
        store,
        [
            *(completion(request=chat["many"], session_id="many", duration=0.1) for _ in range(4)),
            *(
                completion(
                    request=chat["dear"], session_id="dear", duration=1.0, response=answer("x", 9_000_000)
                )
                for _ in range(2)
            ),
            completion(status="failed", response=..., session_id="slow", duration=9.0),
            completion(status="started", response=..., session_id=""),
        ],
    )
    query = StatisticsQuery(group_by="session", sort=sort, series_groups=1)
    found = store.reports.statistics(ORG, query)

    keys = [group.key for group in found.groups]
    assert keys == [key for key in expected if key]
    assert {step.key for step in found.series} == set(keys[:1])
    assert len(store.reports.statistics(ORG, replace(query, limit=2)).groups) == 2
    assert store.reports.statistics(ORG, replace(query, series_groups=0)).series == ()


def test_text_without_a_word_is_refused(store: Store) -> None:
    """As a list of it would be."""
    with pytest.raises(SearchError):
        store.reports.statistics(ORG, StatisticsQuery(wanted=CompletionFilter(text="!")))


def test_groups_are_compared_with_what_they_were_before(store: Store) -> None:
    """With the figures come those of the same groups in another span, as a query of their own gives them."""
    fill(store)
    later, earlier = (
        CompletionFilter(since_ms=at, until_ms=at + HOUR_MS) for at in (NOON_MS + HOUR_MS, NOON_MS)
    )
    for group_by in ("none", "model", "tag"):
        query = StatisticsQuery(wanted=later, before=earlier, group_by=group_by)
        found = store.reports.statistics(ORG, query)
        keys = tuple(group.key for group in found.groups if group.key is not None)
        alone = replace(query, wanted=earlier, before=None, keys=keys)

        assert found.before
        assert found.before == store.reports.statistics(ORG, alone).groups
        assert found.groups == store.reports.statistics(ORG, replace(query, before=None)).groups
