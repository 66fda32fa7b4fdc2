"""A record is its deliveries: in any order, through any server, it is what SQLite makes of them."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from log10_trace.domain.completion_record import CompletionRecord, parse
from log10_trace.server.store import open_store
from log10_trace.server.store.clickhouse import deletion
from log10_trace.server.store.clickhouse.address import parse_address
from log10_trace.server.store.clickhouse.connections import Connection, connect
from log10_trace.server.store.common import transfer
from log10_trace.server.store.data_types import (
    Arrival,
    CompletionFilter,
    FeedbackTarget,
    StatisticsQuery,
    WriteEffect,
)
from log10_trace.server.store.errors import StoreBusyError
from log10_trace.server.store.protocol import Store
from tests.server.store.factories import ORG, answer, asked, ids, put, text_of
from tests.server.store.test_feedback import add, task

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


def test_a_write_that_fails_in_the_middle_shows_nothing(
    stores: tuple[Store, Store, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails behind the delivery leaves nothing that is seen; sent again it is one record, or deleted."""
    one, other, _ = stores
    for name in ("a", "b"):
        with refused(monkeypatch, "completions"):
            assert one.completions.put(ORG, parse(text_of(id=name))).exception() is not None
    assert one.completions.get(ORG, "a") is None
    assert not one.completions.get_many(ORG, ["a", "b"])
    assert not ids(one)

    put(other, parse(text_of(id="a")))
    assert ids(one) == ["a"]
    stored = one.completions.get(ORG, "a")
    assert stored is not None
    assert stored.fields["status"] == '"finished"'

    assert one.completions.delete_one(ORG, "b").result()
    assert not one.completions.delete_one(ORG, "b").result()


@pytest.mark.parametrize("moment", ["deliveries", "completions"])
def test_a_deletion_within_a_write_leaves_nothing(
    stores: tuple[Store, Store, Store], monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """One server deletes a record while another adds to it, before either of its rows is in."""
    one, other, _ = stores
    put(one, parse(text_of(id="a", status="started", response=...)))
    insert = Connection.insert
    begun: list[str] = []

    def insert_after_the_deletion(self: Connection, table: str, rows: Any, token: str = "") -> None:
        if table == moment and not begun:
            begun.append(table)
            assert other.completions.delete_one(ORG, "a").result()
        insert(self, table, rows, token)

    with monkeypatch.context() as patched:
        patched.setattr(Connection, "insert", insert_after_the_deletion)
        put(one, parse(text_of(id="a", response=answer("an okapi"))))

    assert one.completions.get(ORG, "a") is None
    assert not ids(other)
    assert one.completions.count(ORG, CompletionFilter()).calls == 0
    assert not other.completions.delete_one(ORG, "a").result()


@pytest.mark.parametrize("moment", ["delete_deliveries", "delete_completions"])
def test_a_record_that_is_made_anew_within_a_deletion_stays(
    stores: tuple[Store, Store, Store], monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """A deletion takes away what it found, and nothing of what was written after it had begun."""
    one, other, _ = stores
    put(one, parse(text_of(id="a", tags=["old"])))
    execute = Connection.execute
    begun: list[str] = []

    def execute_after_the_write(self: Connection, name: str, values: Any = None) -> None:
        if name == moment and not begun:
            begun.append(name)
            put(other, parse(text_of(id="a", tags=["new"])))
        execute(self, name, values)

    with monkeypatch.context() as patched:
        patched.setattr(Connection, "execute", execute_after_the_write)
        assert one.completions.delete_one(ORG, "a").result()

    stored = one.completions.get(ORG, "a")
    assert stored is not None
    assert stored.fields["tags"] == '["new"]'
    assert ids(one) == ["a"]
    assert ids(one, CompletionFilter(tags=("old",))) == []
    put(one, parse(text_of(id="a", tags=["later"])))
    assert ids(other, CompletionFilter(tags=("new", "later"), tag_match="all")) == ["a"]


@contextmanager
def breaking_off(monkeypatch: pytest.MonkeyPatch, statement: str, code: int, is_done: bool) -> Iterator[None]:
    """A statement fails, after the engine did it or before; ``delete_`` are all that delete."""
    execute = Connection.execute

    def execute_and_fail(self: Connection, name: str, values: Any = None) -> None:
        fails = name.startswith(statement)
        if is_done or not fails:
            execute(self, name, values)
        if fails:
            raise DatabaseError("not finished", code=code)

    with monkeypatch.context() as patched:
        patched.setattr(Connection, "execute", execute_and_fail)
        yield


def test_what_comes_while_a_deletion_reads_bodies_is_deleted(
    stores: tuple[Store, Store, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it reads, and without the allowance for clocks that differ."""
    one, other, _ = stores
    put(one, parse(text_of(id="a")))
    load = deletion.load_records

    def load_slowly(connection: Connection, keys: Any) -> Any:
        found = load(connection, keys)
        put(other, parse(text_of(id="a", request=asked("a secret"))))
        return found

    monkeypatch.setattr(deletion, "_MAX_SKEW_NS", 0)
    monkeypatch.setattr(deletion, "load_records", load_slowly)
    assert one.completions.delete(ORG, CompletionFilter()).result() == 1
    monkeypatch.setattr(deletion, "load_records", load)

    again = put(other, parse(text_of(id="a", comment="new", request=...)))
    assert "request" not in again.stored.fields


@pytest.mark.parametrize(
    ("failure", "how"),
    [
        (("delete_", 341, True), "by filter"),
        (("delete_deliveries", 159, False), "by id"),
        (("delete_completions", 241, False), "by id of another"),
        (("delete_deliveries", 341, False), "by pruning"),
    ],
)
def test_a_deletion_that_breaks_off_shows_nothing_and_is_finished_by_the_next(
    stores: tuple[Store, Store, Store],
    monkeypatch: pytest.MonkeyPatch,
    emptied_clickhouse_url: str,
    failure: tuple[str, int, bool],
    how: str,
) -> None:
    """Whichever statement fails: rows, texts, sessions and feedback are gone, and a new record is whole."""
    one, other, _ = stores
    one.feedback.add_task(ORG, task()).result()
    for name in ("a", "b"):
        put(one, parse(text_of(id=name, tags=["x"], session_id="s", request=asked("a heron"))))
        said = add(one, FeedbackTarget(completion_ids=(name,)))
    wanted = CompletionFilter(tags=("x",))
    with breaking_off(monkeypatch, *failure):
        assert isinstance(one.completions.delete(ORG, wanted).exception(), StoreBusyError)

    for server in (one, other):
        assert not server.completions.get_many(ORG, ["a", "b"])
        assert not server.completions.get_summaries(ORG, ["a", "b"])
        assert not ids(server)
        assert server.completions.count(ORG, CompletionFilter()).calls == 0
        assert server.sessions.get(ORG, "s") is None
        assert server.feedback.get(ORG, said.id) is None
    update = {"request": ..., "response": ..., "kind": ..., "status": ...}
    put(other, parse(text_of(id="b", tags=["new"], **update)))

    if how == "by filter":
        assert one.completions.delete(ORG, wanted).result() == 0
    elif how == "by pruning":
        one.maintenance.prune().result()
    else:
        one.completions.delete_one(ORG, "a" if how == "by id" else "none").result()

    connection = connect(parse_address(emptied_clickhouse_url))
    with closing(connection):
        left = connection.ask("SELECT id, position(body, 'heron') FROM deliveries", {})
        assert left == [("b", 0)]
        assert connection.ask("SELECT id, is_gone FROM completions", {}) == [("b", 0)]
    assert ids(other) == ["b"]
    stored = other.completions.get(ORG, "b")
    assert stored is not None
    assert stored.fields["tags"] == '["new"]'


def test_what_is_pruned_within_a_write_is_gone(
    stores: tuple[Store, Store, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An addition to an old record, between whose two rows another server prunes, brings nothing back."""
    one, other, _ = stores
    put(one, parse(text_of(id="a", status="started", response=...)))
    insert = Connection.insert
    begun: list[str] = []

    def insert_after_pruning(self: Connection, table: str, rows: Any, token: str = "") -> None:
        if table == "completions" and not begun:
            begun.append(table)
            assert other.maintenance.prune(before_ms=time.time_ns() // 1_000_000).result().completions == 1
        insert(self, table, rows, token)

    with monkeypatch.context() as patched:
        patched.setattr(Connection, "insert", insert_after_pruning)
        put(one, parse(text_of(id="a", response=answer("an okapi"))))

    assert one.completions.get(ORG, "a") is None
    assert not ids(other)


def test_a_deletion_reads_few_bodies_at_once(
    stores: tuple[Store, Store, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records that are deleted together are read in batches, and each of them is remembered."""
    monkeypatch.setattr(transfer, "_MAX_RECORDS", 2)
    store, *_ = stores
    records = [parse(text_of(id=f"r{number}", source="p", sequence=number + 1)) for number in range(5)]
    for future in store.completions.put_many(ORG, records):
        assert future.result().change is WriteEffect.CREATED

    assert store.completions.delete(ORG, CompletionFilter()).result() == 5

    again = [future.result().change for future in store.completions.put_many(ORG, records)]
    assert again == [WriteEffect.DELETED] * 5


def test_a_long_range_of_arrivals_is_copied_as_a_range(stores: tuple[Store, Store, Store]) -> None:
    """Millions of numbers from another database are one report, and no list in memory."""
    one, *_ = stores
    marks = [Arrival("process", 1, 3_000_000), Arrival("process", 3_000_002, 3_000_002)]
    one.transfer.put_marks(ORG, marks).result()

    (report,) = one.reports.sources(ORG)
    assert (report.count, report.last, report.missing) == (3_000_001, 3_000_002, ((3_000_001, 3_000_001),))


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
