"""Folding what commits changed into the roll-ups."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import pytest

from log10_trace.server.store import open_store
from log10_trace.server.store.data_types import CompletionFilter, GroupBy, Interval, StatisticsQuery
from log10_trace.server.store.protocol import Store
from log10_trace.server.store.sqlite import rollup_compaction
from log10_trace.server.store.sqlite.connection import connect
from tests.processes import until
from tests.server.store.factories import NOON_MS, ORG, OTHER, completion, ids, put, put_all
from tests.server.store.test_listing import at

GROUPINGS: tuple[GroupBy, ...] = ("none", "model", "tag", "session")
INTERVALS: tuple[Interval, ...] = ("minute", "hour", "day")


@pytest.fixture(params=[0, 20, rollup_compaction._MOST_DELTAS])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A store that folds after every commit, now and then, or not at all."""
    monkeypatch.setattr(rollup_compaction, "_MOST_DELTAS", request.param)
    store = open_store(tmp_path / "a.db")
    yield store
    store.close()


def test_answers_do_not_depend_on_what_is_folded(store: Store, tmp_path: Path) -> None:
    """Records that came, changed and went are counted right, folded or not; folding changes nothing."""
    put(store, completion(tags=["x"]), OTHER)
    for minute in range(0, 4_000, 100):
        put(store, completion(id=f"{minute}", status="started", response=..., created_at=at(minute)))
    put_all(
        store,
        [
            completion(id=f"{number}", tags=["x", f"t{number}"], session_id="s", duration=number)
            for number in range(0, 4_000, 100)
        ],
    )
    for minute in range(0, 4_000, 200):
        store.completions.delete_one(ORG, f"{minute}").result()
    queries = [
        StatisticsQuery(group_by=group_by, interval=interval, since_ms=since_ms)
        for group_by in GROUPINGS
        for interval in INTERVALS
        for since_ms in (None, NOON_MS + 90 * 60_000)
    ]

    before = [store.reports.statistics(ORG, query) for query in queries]
    connection = connect(tmp_path / "a.db", can_write=True)
    rollup_compaction.compact_all(connection)
    connection.close()

    assert [store.reports.statistics(ORG, query) for query in queries] == before
    assert [group.calls for group in before[0].groups] == [20]
    assert before[0].series[0].p99 is not None
    assert sorted(store.reports.tags(ORG, prefix="t")) == sorted(
        f"t{number}" for number in range(100, 4_000, 200)
    )
    assert [session.calls for session in store.sessions.page(ORG, limit=9).items] == [20]


def test_a_quiet_moment_is_used_to_fold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When nothing else is to do, all but a few deltas go into the roll-ups; the answers stay the same."""
    monkeypatch.setattr(rollup_compaction, "_FEW_DELTAS", 5)
    store = open_store(tmp_path / "a.db")
    put_all(store, [completion(tags=[f"t{number}"]) for number in range(40)])

    reader = connect(tmp_path / "a.db", can_write=False)
    until(lambda: reader.execute("SELECT count(*) FROM rollup_deltas").fetchone()[0] <= 5, "folded")
    reader.close()

    (total,) = store.reports.statistics(ORG, StatisticsQuery()).groups
    assert total.calls == 40
    store.close()


def test_what_another_process_folded_is_not_folded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store whose deltas were folded by another goes on counting right."""
    monkeypatch.setattr(rollup_compaction, "_MOST_DELTAS", 20)
    store = open_store(tmp_path / "a.db")
    put_all(store, [completion(tags=["x"], created_at=at(number)) for number in range(8)])
    other = connect(tmp_path / "a.db", can_write=True)
    rollup_compaction.compact_all(other)
    other.close()

    put_all(store, [completion(tags=["x"], created_at=at(number)) for number in range(20, 28)])

    (total,) = store.reports.statistics(ORG, StatisticsQuery(group_by="tag")).groups
    assert (total.key, total.calls) == ("x", 16)
    store.close()


def test_what_lost_a_tag_is_found_while_only_the_hours_are_folded(tmp_path: Path) -> None:
    """A record counts as tagged until its tag is folded; a list of what has none of the tag knows better."""
    store = open_store(tmp_path / "a.db")
    put_all(store, [completion(id=name, tags=["x"]) for name in ("a", "b")])
    connection = connect(tmp_path / "a.db", can_write=True)
    rollup_compaction.compact_all(connection)

    put(store, completion(id="a", tags=[]), replace_tags=True)
    rollup_compaction._fold_share(connection, crc32(b"") % rollup_compaction._SHARDS)
    found = ids(store, CompletionFilter(tags=("x",), tag_match="none"))
    connection.close()
    store.close()

    assert found == ["a"]
