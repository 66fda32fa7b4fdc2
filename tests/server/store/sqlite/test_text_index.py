"""Words reach the text index behind the commit of their record, and are found from the commit on."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from log10_trace.server.store import open_store
from log10_trace.server.store.common import group_commit
from log10_trace.server.store.common.record_codec import encode
from log10_trace.server.store.data_types import CompletionFilter
from log10_trace.server.store.protocol import Store
from log10_trace.server.store.sqlite import index_backlog, text_index, writer
from log10_trace.server.store.sqlite.connection import connect
from log10_trace.server.store.sqlite.index_backlog import LARGE_BATCH, SMALL_BATCH, IndexBacklog, IndexEntry
from log10_trace.server.store.sqlite.index_readiness import is_indexed
from log10_trace.server.store.sqlite.records import organization_word
from log10_trace.server.store.sqlite.schema import load_known_migrations, open_database
from log10_trace.server.store.sqlite.store import SqliteStore
from log10_trace.server.store.sqlite.text_index import index_older
from log10_trace.server.store.sqlite.transaction import Transaction
from tests.processes import DEADLINE_S, until
from tests.server.store.factories import NOON_MS, ORG, OTHER, answer, asked, completion, ids, put

LATER_S = 3600.0
OLDER, UNREADABLE = 300, 7

KILLED = """
import os, signal, sys
from log10_trace.domain.completion_record import parse
from log10_trace.server.store import open_store

store = open_store(sys.argv[1])
for number in range(3):
    text = '{"id": "%d", "request": {"messages": [{"role": "user", "content": "heron"}]}}' % number
    store.completions.put("org", parse(text)).result()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def never_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writers index only what they have to."""
    monkeypatch.setattr(group_commit, "IDLE_S", LATER_S)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store that is shut at the end."""
    made = open_store(tmp_path / "a.db")
    yield made
    made.close()


@pytest.fixture
def waiting(never_idle: None, tmp_path: Path) -> Iterator[Store]:
    """A store with one record, ``a``, whose words (``heron``) are not indexed."""
    made = open_store(tmp_path / "a.db")
    made.completions.put(ORG, completion(id="a", request=asked("a heron"))).result()
    assert unindexed(tmp_path) == 1
    yield made
    made.close()
    assert_sound(tmp_path)


def test_a_record_is_found_from_its_acknowledgement_on(waiting: Store, tmp_path: Path) -> None:
    """A search right after the commit finds the record, and has its words indexed for that."""
    assert ids(waiting, CompletionFilter(text="heron")) == ["a"]
    assert unindexed(tmp_path) == 0


def test_a_stream_finds_what_is_not_indexed_yet(waiting: Store) -> None:
    """An export of what a search matches holds the latest records, too."""
    assert [one.id for one in waiting.completions.stream(ORG, CompletionFilter(text="heron"))] == ["a"]


def test_a_deletion_by_words_reaches_what_is_not_indexed_yet(waiting: Store) -> None:
    """Deleting what a search matches deletes the latest records, too."""
    assert waiting.completions.delete(ORG, CompletionFilter(text="heron")).result() == 1


def test_words_are_indexed_when_there_is_nothing_else_to_do(store: Store, tmp_path: Path) -> None:
    """Nobody has to search for the words to be indexed."""
    store.completions.put(ORG, completion()).result()

    until(lambda: unindexed(tmp_path) == 0, "the words are indexed")


def test_many_records_are_indexed_whatever_there_is_to_do(
    never_idle: None, store: Store, tmp_path: Path
) -> None:
    """Under load what waits for the index stays bounded."""
    for _ in range(6):
        for future in store.completions.put_many(ORG, [completion() for _ in range(LARGE_BATCH // 2)]):
            future.result()

    assert unindexed(tmp_path) < 2 * LARGE_BATCH


def test_words_that_cannot_be_indexed_cost_no_record(
    never_idle: None, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records are committed all the same, and their words are indexed as soon as they can be."""

    def fail(_: Transaction, at_once: int) -> None:
        message = f"{at_once} records cannot be indexed"
        raise sqlite3.OperationalError(message)

    records = [completion(id=f"{number}", request=asked("a heron")) for number in range(SMALL_BATCH)]
    with monkeypatch.context() as broken:
        broken.setattr(writer, "index_many", fail)
        for future in store.completions.put_many(ORG, records[1:]):
            future.result()
        assert unindexed(tmp_path) == SMALL_BATCH - 1
        put(store, records[0])
    assert len(ids(store, CompletionFilter(text="heron"), limit=2 * SMALL_BATCH)) == SMALL_BATCH


def test_no_commit_adds_to_words_that_take_much_memory(
    never_idle: None, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much a commit brought is indexed before the next one, so that memory does not fill."""
    monkeypatch.setattr(index_backlog, "_LARGE_CHARACTERS", 2_000)
    monkeypatch.setattr(text_index, "_STEP_CHARACTERS", 500)
    records = [completion(id=f"{number}", request=asked(f"heron{number} " * 40)) for number in range(50)]

    for future in store.completions.put_many(ORG, records):
        future.result()
    store.completions.put(ORG, completion(id="next")).result()

    assert unindexed(tmp_path) < 12


def test_single_records_wait_in_smaller_numbers() -> None:
    """A commit of few records indexes few, one of many records many, and none as long as they are fewer."""
    waiting = IndexBacklog(count=SMALL_BATCH)

    assert waiting.due_batch_size(20) == SMALL_BATCH
    assert waiting.due_batch_size(200) == 0
    waiting.count = LARGE_BATCH
    assert waiting.due_batch_size(200) == LARGE_BATCH


def test_long_texts_wait_in_smaller_numbers() -> None:
    """The words that are kept in memory are bounded, too."""
    waiting = IndexBacklog(count=0)
    waiting.note(1, IndexEntry("o", "x" * 5_000_000, "x" * 4_000_000))

    assert waiting.due_batch_size(1)
    assert waiting.take(1) is not None
    assert not waiting.due_batch_size(1)


def test_closing_leaves_nothing_to_index(waiting: Store, tmp_path: Path) -> None:
    """The file of a store that was shut is whole."""
    waiting.close()

    assert unindexed(tmp_path) == 0


def test_words_that_wait_outlive_a_kill(tmp_path: Path) -> None:
    """What an earlier process committed and did not index is found."""
    command = [sys.executable, "-c", KILLED, str(tmp_path / "a.db")]
    process = subprocess.run(command, env=os.environ, timeout=DEADLINE_S, check=False)
    assert process.returncode == -signal.SIGKILL
    assert unindexed(tmp_path) == 3

    store = open_store(tmp_path / "a.db")

    assert sorted(ids(store, CompletionFilter(text="heron"))) == ["0", "1", "2"]
    store.close()
    assert_sound(tmp_path)


def test_a_record_that_changes_before_it_is_indexed_is_found_as_it_is(waiting: Store) -> None:
    """Words that were replaced meanwhile never reach the index."""
    waiting.completions.put(ORG, completion(id="a", request=asked("an egret"))).result()

    assert ids(waiting, CompletionFilter(text="heron")) == []
    assert ids(waiting, CompletionFilter(text="egret")) == ["a"]


def test_a_record_that_goes_before_it_is_indexed_leaves_nothing(waiting: Store, tmp_path: Path) -> None:
    """A deleted record waits for nothing any more."""
    waiting.completions.delete_one(ORG, "a").result()

    assert unindexed(tmp_path) == 0
    assert ids(waiting, CompletionFilter(text="heron")) == []


def test_what_another_process_changes_meanwhile_is_indexed_as_it_is(waiting: Store, tmp_path: Path) -> None:
    """Words that one process remembers give way to those that another has written since."""
    other = open_store(tmp_path / "a.db")
    other.completions.put(ORG, completion(id="a", request=asked("an egret"))).result()
    waiting.completions.put(OTHER, completion(id="b")).result()

    assert ids(waiting, CompletionFilter(text="heron")) == []
    assert ids(waiting, CompletionFilter(text="egret")) == ["a"]
    other.close()


def test_a_full_disk_does_not_stop_searches(tmp_path: Path, never_idle: None) -> None:
    """While nothing can be written, what was indexed before is found."""
    store = open_store(tmp_path / "a.db")
    assert isinstance(store, SqliteStore)
    put(store, completion(id="a", request=asked("a heron")))
    store.completions.put(ORG, completion(id="b", request=asked(*map(str, range(9_000))))).result()
    connection = store._writer._transaction.flush_deferred()
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")

    assert ids(store, CompletionFilter(text="heron")) == ["a"]
    assert not is_indexed(store._readers)
    connection.execute("PRAGMA max_page_count = 1000000")
    assert ids(store, CompletionFilter(text="8999")) == ["b"]
    store.close()


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A database of an earlier version with ``OLDER`` records, one of which cannot be read."""
    path = tmp_path / "a.db"
    connection = open_database(path, [one for one in load_known_migrations() if one.name < "0011"])
    for number in range(OLDER):
        position, text = (NOON_MS << 8) + number, f"heron number{number}"
        packed = encode(completion(id=f"old{number}", request=asked(text), response=answer("熊本城")).fields)
        connection.execute(
            "INSERT INTO completions (position, organization_id, id, status) VALUES (?, ?, ?, 'finished')",
            (position, ORG, f"old{number}"),
        )
        connection.execute(
            "INSERT INTO bodies (position, head, preview_request, preview_response, skipped, body)"
            " VALUES (?, ?, '', '', 0, ?)",
            (position, packed.head, packed.body),
        )
        connection.execute(
            "INSERT INTO search (rowid, organization, words) VALUES (?, ?, ?)",
            (position, organization_word(ORG), text),
        )
    connection.execute("UPDATE bodies SET body = x'00' WHERE position = ?", ((NOON_MS << 8) + UNREADABLE,))
    connection.close()
    return path


def test_older_records_are_indexed_anew_and_go_on_after_a_kill(never_idle: None, older: Path) -> None:
    """After an upgrade the newest records are found first; what was done before a kill is not done again."""
    process = Transaction(open_database(older))
    assert process.run([index_older]) == [True]
    process.close()  # each step is committed, so that a kill leaves no more behind
    store = open_store(older)

    assert ids(store, CompletionFilter(text="in:response 本城"), limit=1000) == [
        f"old{number}" for number in reversed(range(OLDER - SMALL_BATCH, OLDER))
    ]
    assert not store.maintenance.wait_until_searchable(timeout=0)
    assert store.completions.delete_one(ORG, "old1").result()
    store.completions.put(ORG, completion(id="old2", request=asked("an egret"))).result()
    assert store.maintenance.wait_until_searchable()
    found = ids(store, CompletionFilter(text="heron"), limit=1000)
    assert sorted(found) == sorted(f"old{n}" for n in range(OLDER) if n not in (1, 2, UNREADABLE))
    assert ids(store, CompletionFilter(text="egret")) == ["old2"]
    store.close()
    assert_sound(older.parent)


def test_a_server_that_is_never_idle_indexes_older_records(never_idle: None, older: Path) -> None:
    """The commits of new records take some older ones along."""
    store = open_store(older)
    store.completions.put(ORG, completion(request=asked("an egret"))).result()

    assert ids(store, CompletionFilter(text=f"number{OLDER - 1}")) == [f"old{OLDER - 1}"]
    store.close()


def unindexed(folder: Path) -> int:
    """How many records of the database in ``folder`` wait for the text index."""
    reader = connect(folder / "a.db", can_write=False)
    count: int = reader.execute("SELECT count(*) FROM unindexed").fetchone()[0]
    reader.close()
    return count


def assert_sound(folder: Path) -> None:
    """The text index agrees with itself."""
    connection = open_database(folder / "a.db")
    connection.execute("INSERT INTO search (search) VALUES ('integrity-check')")
    connection.close()
