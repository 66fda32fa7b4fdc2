"""The writer: many writes a commit, bounded, and unharmed by a full disk."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from log10_trace.server.store import open_store
from log10_trace.server.store.common import group_commit
from log10_trace.server.store.errors import StoreBusyError, StoreError, StoreFullError
from log10_trace.server.store.sqlite.connection import translate
from log10_trace.server.store.sqlite.schema import open_database
from log10_trace.server.store.sqlite.transaction import Transaction
from log10_trace.server.store.sqlite.writer import WriteJob, Writer
from tests.processes import DEADLINE_S
from tests.server.store.factories import ORG, asked, completion, ids, put


@pytest.fixture
def connection(tmp_path: Path) -> sqlite3.Connection:
    """The writing connection of a new database; the writer closes it."""
    return open_database(tmp_path / "a.db")


@pytest.fixture
def writer(connection: sqlite3.Connection) -> Iterator[Writer]:
    """A writer that is shut at the end."""
    made = Writer(connection)
    yield made
    made.close(10)


class Gate:
    """A job that holds the writer until it is opened."""

    def __init__(self, writer: Writer) -> None:
        self._opened, self._entered = threading.Event(), threading.Event()
        self._future = writer.submit(self._wait)
        assert self._entered.wait(DEADLINE_S)

    def _wait(self, transaction: Transaction) -> None:
        self._entered.set()
        assert self._opened.wait(DEADLINE_S)

    def open(self) -> None:
        """Let the writer go on."""
        self._opened.set()
        self._future.result(60)


def test_what_waits_together_is_committed_together(writer: Writer) -> None:
    """Writes that wait while a commit is under way share the next one."""
    commits: list[int] = []

    def note(transaction: Transaction) -> None:
        commits.append(transaction.flush_deferred().total_changes)
        transaction.execute("put_chore", ("note",))

    gate = Gate(writer)
    futures = [writer.submit(note) for _ in range(50)]
    gate.open()

    assert [future.result(60) for future in futures] == [None] * 50
    assert len(commits) == 50


def test_a_job_that_raises_fails_alone(writer: Writer) -> None:
    """In a shared commit a job that raises fails as the store does, and the others get their results."""

    def fail(transaction: Transaction) -> None:
        message = "no"
        raise KeyError(message)

    gate = Gate(writer)
    good, bad, also_good = writer.submit(len_of), writer.submit(fail), writer.submit(len_of)
    gate.open()

    assert type(bad.exception(60)) is StoreError
    assert good.result(60) == also_good.result(60) == 0


def len_of(transaction: Transaction) -> int:
    """How many completions there are."""
    return len(transaction.flush_deferred().execute("SELECT id FROM completions").fetchall())


def test_a_cancelled_job_is_not_run(writer: Writer) -> None:
    """A future that is cancelled while it waits takes its job with it."""
    gate = Gate(writer)
    future = writer.submit(len_of)
    assert future.cancel()
    gate.open()

    assert writer.submit(len_of).result(60) == 0


def test_jobs_side_by_side_share_a_commit_and_its_bound(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jobs know their size, and fail in their futures when more waits than may."""
    gate = Gate(writer)
    monkeypatch.setattr(group_commit, "MAX_WAITING_BYTES", 100)
    first, second = writer.submit_all([WriteJob(len_of, 50), WriteJob(len_of, 40)])

    rejected = writer.submit_all([WriteJob(len_of, 5), WriteJob(len_of, 20)])
    gate.open()

    assert [type(future.exception(60)) for future in rejected] == [StoreBusyError] * 2
    assert first.result(60) == second.result(60) == 0


def test_a_full_disk_is_said_and_survived(tmp_path: Path) -> None:
    """When the disk is full writes fail with that reason, reads go on, and with room writes go on too."""
    store = open_store(tmp_path / "a.db")
    put(store, completion(id="before"))
    limit = store._writer._transaction.flush_deferred()
    pages = limit.execute("PRAGMA page_count").fetchone()[0]
    limit.execute(f"PRAGMA max_page_count = {pages + 20}")
    large = [completion(id=f"large-{number}", request=asked(noise(number))) for number in range(100)]

    futures = store.completions.put_many(ORG, large)
    outcomes = [future.exception() for future in futures]

    assert any(isinstance(error, StoreFullError) for error in outcomes)
    assert all(error is None or isinstance(error, StoreFullError) for error in outcomes)
    kept = {f"large-{number}" for number, error in enumerate(outcomes) if error is None}
    assert set(ids(store, limit=200)) == kept | {"before"}

    limit.execute("PRAGMA max_page_count = 1000000")
    put(store, completion(id="after"))

    assert "after" in ids(store, limit=200)
    assert limit.execute("PRAGMA integrity_check").fetchall()[0][0] == "ok"
    store.close()


def noise(number: int) -> str:
    """Text that does not compress much."""
    return " ".join(f"{(number * 7919 + step) * 2654435761 % 2**32:x}" for step in range(800))


def test_a_locked_database_is_said_to_be_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When another process holds the write lock for too long, writes fail as busy and go on after it."""
    store = open_store(tmp_path / "a.db")
    store._writer._transaction.flush_deferred().execute("PRAGMA busy_timeout = 20")
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreBusyError):
        put(store, completion(id="a"))
    other.execute("ROLLBACK")
    other.close()

    put(store, completion(id="a"))
    assert ids(store) == ["a"]
    store.close()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("database or disk is full", StoreFullError),
        ("database is locked", StoreBusyError),
        ("disk I/O error", StoreError),
    ],
)
def test_sqlites_complaints_are_told_apart(text: str, kind: type[StoreError]) -> None:
    """Every complaint of SQLite's becomes the store's error that says what to do."""
    assert type(translate(sqlite3.OperationalError(text))) is kind
