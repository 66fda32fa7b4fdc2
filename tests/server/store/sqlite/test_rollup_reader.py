"""Reading roll-ups: groups are sought one by one, or all groups of a span are passed."""

from __future__ import annotations

from pathlib import Path
from sqlite3 import Connection
from typing import Any

import pytest

from log10_trace.server.store import open_store
from log10_trace.server.store.data_types import GroupBy, StatisticsQuery
from log10_trace.server.store.sqlite import rollup_reader
from log10_trace.server.store.sqlite.connection import connect
from log10_trace.server.store.sqlite.rollup_compaction import compact_all
from tests.server.store.factories import NOON_MS, ORG, completion, put_all
from tests.server.store.test_listing import at

DAY_MIN = 1_440
GROUPINGS: tuple[GroupBy, ...] = ("model", "tag", "session")
TAGS = 40


def test_answers_do_not_depend_on_how_groups_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all groups and of some, over all time and over days, hours and minutes."""
    store = open_store(tmp_path / "a.db")
    put_all(
        store,
        [
            completion(id=f"{number}", tags=[f"t{number % TAGS}"], session_id="s", created_at=at(number * 50))
            for number in range(3 * TAGS)
        ],
    )
    with connect(tmp_path / "a.db", can_write=True) as connection:
        compact_all(connection)
    connection.close()
    spans = [(None, None), (NOON_MS + 61 * 60_000, NOON_MS + 5_001 * 60_000)]
    queries = [
        StatisticsQuery(group_by=group_by, keys=keys, since_ms=since_ms, until_ms=until_ms, interval="hour")
        for group_by in GROUPINGS
        for keys in ((), ("t1", "t39", "none"))
        for since_ms, until_ms in spans
    ]

    monkeypatch.setattr(rollup_reader, "_SEEK", 0)
    sought = store.reports.statistics_together(ORG, queries)
    monkeypatch.setattr(rollup_reader, "_SEEK", 1_000)
    passed = store.reports.statistics_together(ORG, queries)
    store.close()

    assert sought == passed
    of_some, in_span = sought[6], sought[7]
    assert {group.key: group.calls for group in of_some.groups} == {"t1": 3, "t39": 3}
    assert {group.key: group.calls for group in in_span.groups} == {"t1": 2, "t39": 2}
    assert [step.calls for step in in_span.series] == [1] * 4


def test_a_day_without_calls_does_not_tell_that_groups_are_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some of many groups are sought, although the middle of the span has none."""
    store = open_store(tmp_path / "a.db")
    put_all(
        store,
        [
            completion(id=f"{day} {tag}", tags=[f"t{tag}"], created_at=at(day * DAY_MIN))
            for day in (1, 3)
            for tag in range(TAGS)
        ],
    )
    with connect(tmp_path / "a.db", can_write=True) as connection:
        compact_all(connection)
    connection.close()
    asked: list[str] = []
    query = rollup_reader._query

    def note(connection: Connection, name: str, values: Any) -> Any:
        asked.append(name)
        return query(connection, name, values)

    monkeypatch.setattr(rollup_reader, "_query", note)
    midnight = NOON_MS - 12 * 3_600_000
    days = StatisticsQuery(
        group_by="tag",
        keys=("t1", "t39"),
        since_ms=midnight + DAY_MIN * 60_000,
        until_ms=midnight + 4 * DAY_MIN * 60_000,
        interval="day",
    )
    (found,) = store.reports.statistics_together(ORG, [days])
    store.close()

    assert {group.key: group.calls for group in found.groups} == {"t1": 2, "t39": 2}
    assert "rollups_of_keys" in asked
    assert "rollups_of_many_keys" not in asked
