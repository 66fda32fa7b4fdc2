"""Long lists of ids go to a server in pieces that it takes, and the answers are one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from log10_trace.domain.completion_record import CompletionRecord
from log10_trace.server.store import open_store
from log10_trace.server.store.clickhouse.connections import Connection
from log10_trace.server.store.clickhouse.value_lists import is_one_piece, split_lists
from log10_trace.server.store.data_types import (
    CompletionFilter,
    Feedback,
    FeedbackTarget,
    FeedbackTask,
    StatisticsQuery,
)
from log10_trace.server.store.protocol import Store
from tests.server.clickhouse_engine import DATABASE
from tests.server.store.factories import NOON_MS, ORG, answer, completion, ids

CALLS = 260
RUNNING = 10
TASK = FeedbackTask(
    id="task",
    name="t",
    instruction="",
    json_schema="{}",
    completion_tags_selector=("x",),
    created_at_ms=NOON_MS,
)
STARTED = CompletionFilter(status="started")


@pytest.fixture
def store(emptied_clickhouse_url: str, clickhouse_folder: Path) -> Iterator[Store]:
    """A store that speaks HTTP to a server that takes values and URLs of usual lengths."""
    from tests.server.store.clickhouse.http_endpoint import serving

    assert emptied_clickhouse_url.startswith("chdb")
    with serving(str(clickhouse_folder), DATABASE) as served, closing(open_store(served.url)) as opened:
        yield opened


def call(number: int, status: str) -> CompletionRecord:
    """The call of a second, whose id is as long as ids are; some have characters of two bytes."""
    return completion(
        id=f"{number:05}".ljust(512, "x" if number % 10 else "é"),
        created_at=f"2026-03-01T12:{number // 60:02}:{number % 60:02}Z",
        session_id=f"session {number}".ljust(512, "s"),
        status=status,
        tags=["x"],
        source="process",
        sequence=number + 1,
    )


def test_a_server_takes_what_is_asked_of_many_records(store: Store) -> None:
    """Pages, feedback by tags, copies, sessions, deletions: of ids too many and long for one value."""
    calls = [call(number, "started") for number in range(CALLS)]
    names = [str(one.id) for one in calls]
    for some in (calls, [call(number, "finished") for number in range(RUNNING, CALLS)]):
        for future in store.completions.put_many(ORG, some):
            future.result()

    assert ids(store, STARTED, limit=1000) == names[:RUNNING][::-1]
    assert ids(store, limit=1000) == names[::-1]
    assert set(store.completions.get_summaries(ORG, names)) == set(names)
    assert [one.id for one in store.transfer.read_records(ORG)] == names

    store.feedback.add_task(ORG, TASK).result()
    feedback = Feedback(
        id="f",
        task_id="task",
        json_values="{}",
        comment=None,
        matched_completion_ids=(),
        created_at_ms=NOON_MS,
    )
    target = FeedbackTarget(tags=("x",), max_matched=CALLS)
    kept = store.feedback.add(ORG, feedback, target).result()
    assert kept.matched_completion_ids == tuple(names[::-1])

    sessions = store.sessions.page(ORG, limit=CALLS)
    assert len(sessions.items) == CALLS
    assert store.completions.delete(ORG, CompletionFilter(status="finished")).result() == CALLS - RUNNING
    assert ids(store, limit=1000) == names[:RUNNING][::-1]


def test_a_server_takes_the_longest_names_of_groups(store: Store) -> None:
    """A hundred tags of 2 KB each, each with its series: more than one value takes."""
    names = [f"{number:03}".ljust(512, "😀") for number in range(100)]
    store.completions.put(ORG, completion(tags=names)).result()

    found = store.reports.statistics(ORG, StatisticsQuery(group_by="tag", series_groups=100))

    assert [one.key for one in found.groups] == names
    assert [one.key for one in found.series] == names


def test_a_server_takes_the_longest_names_of_models(store: Store) -> None:
    """All models have a price of their own where groups are ordered by cost."""
    names = [f"{number:03}".ljust(512, "😀") for number in range(100)]
    calls = [
        completion(id=f"{number}", request={"model": name, "messages": []}, response=answer("a"))
        for number, name in enumerate(names)
    ]
    for put in store.completions.put_many(ORG, calls):
        put.result()

    found = store.reports.statistics(ORG, StatisticsQuery(group_by="model", sort="cost", limit=100))

    assert sorted(one.key or "" for one in found.groups) == names


def test_the_endpoint_of_these_tests_refuses_what_a_server_refuses(
    emptied_clickhouse_url: str, clickhouse_folder: Path
) -> None:
    """A value above 128 KiB is an error there, whatever the engine would take."""
    from log10_trace.server.store.clickhouse.address import parse_address
    from log10_trace.server.store.clickhouse.connections import connect
    from tests.server.store.clickhouse.http_endpoint import serving

    assert emptied_clickhouse_url.startswith("chdb")
    with (
        serving(str(clickhouse_folder), DATABASE) as served,
        closing(connect(parse_address(served.url))) as connection,
    ):
        assert isinstance(connection, Connection)
        assert connection.ask("SELECT length({text:String})", {"text": "x" * 131_072}) == [(131_072,)]
        with pytest.raises(DatabaseError, match="Field value too long"):
            connection.ask("SELECT length({text:String})", {"text": "x" * 131_073})


def test_lists_are_cut_alike_and_conditions_stay_whole() -> None:
    """A piece has a thousand values and 64 KiB at most; a value above that goes alone."""
    whole = {"tags": ["x" * 100] * 5_000, "ids": ["a"] * 1_000, "limit": 3}
    assert list(split_lists(whole)) == [whole]
    assert list(split_lists({})) == [{}]
    assert list(split_lists({"ids": []})) == [{"ids": []}]

    numbers = list(range(2_500))
    pieces = list(split_lists({"places": numbers, "ids": [str(one) for one in numbers], "tags": ["t"]}))
    assert [len(piece["ids"]) for piece in pieces] == [1_000, 1_000, 500]
    assert [one for piece in pieces for one in piece["places"]] == numbers
    assert all([str(one) for one in piece["places"]] == piece["ids"] for piece in pieces)
    assert all(piece["tags"] == ["t"] for piece in pieces)

    assert [len(piece["ids"]) for piece in split_lists({"ids": ["'" * 8_000] * 5})] == [2, 2, 1]
    assert [len(piece["ids"]) for piece in split_lists({"ids": ["x" * 70_000, "y", "z"]})] == [1, 2]
    assert is_one_piece(["x"] * 1_000)
    assert not is_one_piece(["x"] * 1_001)
    with pytest.raises(ValueError, match="shorter"):
        list(split_lists({"ids": ["a", "b"], "places": [1]}))
