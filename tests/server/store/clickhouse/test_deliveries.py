"""A record is its deliveries: in any order, through any server, it is what SQLite makes of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from log10_trace.domain.completion_record import CompletionRecord, parse
from log10_trace.server.store import open_store
from log10_trace.server.store.clickhouse.connections import Connection
from log10_trace.server.store.data_types import CompletionFilter, StatisticsQuery, WriteEffect
from log10_trace.server.store.protocol import Store
from tests.server.store.factories import ORG, answer, asked, ids, put, text_of

DELIVERIES: tuple[dict[str, Any], ...] = (
    {"status": "started", "request": asked("a heron"), "response": ..., "tags": ["a"], "source": "p"},
    {"status": "finished", "response": answer("an okapi"), "tags": ["b", "a"], "duration": 1.5},
    {"status": "failed", "failure_kind": "ProcessDied", "failure_reason": "gone", "response": ...},
    {"status": ..., "request": ..., "response": ..., "tags": ["c"], "metadata": {"plan": "pro"}},
)
"""What may come of one call: its beginning, its end, the guess that its process died, and an update."""


@pytest.fixture
def stores(emptied_clickhouse_url: str, tmp_path: Path) -> Iterator[tuple[Store, Store, Store]]:
    """Two servers on one ClickHouse database, and one on SQLite."""
    with ExitStack() as stack:
        urls = (emptied_clickhouse_url, emptied_clickhouse_url, str(tmp_path / "calls.db"))
        one, other, sqlite = (stack.enter_context(closing(open_store(url))) for url in urls)
        yield one, other, sqlite


def delivery(number: int, sequence: Sequence[int], place: int) -> CompletionRecord:
    """One delivery of a record."""
    return parse(text_of(id=f"r{number}", **DELIVERIES[sequence[place]]))


def test_any_order_and_repetition_is_what_sqlite_makes_of_it(stores: tuple[Store, Store, Store]) -> None:
    """Every permutation of four deliveries, one of them twice, through two servers in turn."""
    *servers, sqlite = stores
    sequences = [(*order, order[number % 4]) for number, order in enumerate(itertools.permutations(range(4)))]
    for place in range(5):
        coming = [delivery(number, each, place) for number, each in enumerate(sequences)]
        server = servers[place % 2]
        expected = [future.result() for future in sqlite.completions.put_many(ORG, coming)]
        outcomes = [future.result() for future in server.completions.put_many(ORG, coming)]
        assert [one.change for one in outcomes] == [one.change for one in expected]
        assert [one.has_ended_call for one in outcomes] == [one.has_ended_call for one in expected]

    for number in range(len(sequences)):
        assert servers[0].completions.get(ORG, f"r{number}") == sqlite.completions.get(ORG, f"r{number}")
    filters = (
        CompletionFilter(),
        CompletionFilter(tags=("a", "c"), tag_match="all"),
        CompletionFilter(status="finished"),
        CompletionFilter(failure_kind="ProcessDied"),
        CompletionFilter(text="okapi"),
        CompletionFilter(metadata=("plan=pro",)),
    )
    for wanted in filters:
        assert sorted(ids(servers[1], wanted)) == sorted(ids(sqlite, wanted)), wanted


def test_half_a_character_in_a_name_is_replaced(stores: tuple[Store, Store, Store]) -> None:
    """A model whose name no column can hold is found and counted, and costs no record."""
    one, *_ = stores
    odd = {"request": asked("hi", model="half-\ud800"), "response": answer("x") | {"model": "half-\ud800"}}

    assert put(one, parse(text_of(id="a", tags=["t"], **odd))).change is WriteEffect.CREATED
    assert ids(one, CompletionFilter(model="half-\ud800")) == ["a"]
    assert one.reports.statistics(ORG, StatisticsQuery(group_by="model")).groups[0].calls == 1


def test_deliveries_of_one_moment_are_merged(
    stores: tuple[Store, Store, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One server's write lies within the other's: neither is lost, and there is one line, at one time."""
    one, other, _ = stores
    insert = Connection.insert
    begun: list[str] = []

    def insert_after_the_other(self: Connection, table: str, rows: Any, token: str = "") -> None:
        if table == "deliveries" and not begun:
            begun.append(table)
            put(other, parse(text_of(id="a", created_at=..., tags=["other"], request=asked("a heron"))))
        insert(self, table, rows, token)

    monkeypatch.setattr(Connection, "insert", insert_after_the_other)
    put(one, parse(text_of(id="a", created_at=..., tags=["one"], status="started", response=...)))

    stored = one.completions.get(ORG, "a")
    assert stored is not None
    assert sorted(stored.fields["tags"].strip("[]").split(", ")) == ['"one"', '"other"']
    assert stored.fields["status"] == '"finished"'
    (line,) = other.completions.page(ORG, CompletionFilter(), limit=9).items
    assert line.fields["created_at"] == stored.fields["created_at"]
    assert line.fields["status"] == '"finished"'
    assert other.completions.count(ORG, CompletionFilter()).calls == 1
    assert put(other, parse(text_of(id="a", created_at=..., tags=["one"]))).change is not WriteEffect.CREATED


@contextmanager
def refused(monkeypatch: pytest.MonkeyPatch, refused_table: str) -> Iterator[None]:
    """The engine takes no rows of a table."""
    insert = Connection.insert

    def insert_others(self: Connection, table: str, rows: Any, token: str = "") -> None:
        if table == refused_table:
            raise DatabaseError("no row")
        insert(self, table, rows, token)

    with monkeypatch.context() as patched:
        patched.setattr(Connection, "insert", insert_others)
        yield


def test_a_record_that_was_half_written_can_be_deleted(
    stores: tuple[Store, Store, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that fails behind the delivery leaves what ``get`` shows; to delete it takes that away."""
    one, *_ = stores
    with refused(monkeypatch, "completions"):
        assert one.completions.put(ORG, parse(text_of(id="a"))).exception() is not None
    assert one.completions.get(ORG, "a") is not None
    assert not ids(one)

    assert one.completions.delete_one(ORG, "a").result()
    assert one.completions.get(ORG, "a") is None
    assert not one.completions.delete_one(ORG, "a").result()


def test_words_of_a_failed_write_are_found_in_the_next_call(
    stores: tuple[Store, Store, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a session said in a call that was not kept is not taken for indexed."""
    one, *_ = stores
    with refused(monkeypatch, "deliveries"):
        lost = parse(text_of(id="a", session_id="s", request=asked("a heron"), response=answer("yes")))
        assert one.completions.put(ORG, lost).exception() is not None

    put(one, parse(text_of(id="b", session_id="s", request=asked("a heron", "yes", "and an okapi"))))

    assert ids(one, CompletionFilter(text="heron")) == ["b"]
