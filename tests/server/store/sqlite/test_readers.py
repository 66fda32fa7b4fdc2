"""Reading SQLite has a deadline."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from log10_trace.server.store.errors import StoreBusyError, StoreClosedError
from log10_trace.server.store.sqlite import readers
from log10_trace.server.store.sqlite.readers import ReadPool
from log10_trace.server.store.sqlite.schema import open_database

FOR_EVER = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
WAIT_S = 120


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[ReadPool]:
    """Readers of an empty database."""
    path = tmp_path / "completions.db"
    open_database(path).close()
    pool = ReadPool(path)
    yield pool
    pool.close()


def test_a_statement_that_does_not_end_is_given_up(pool: ReadPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement that runs at the deadline ends with an error; the connection then serves the next read."""
    monkeypatch.setattr(readers, "READ_TIMEOUT_S", 0.05)
    with pytest.raises(StoreBusyError, match="timed out"), pool.snapshot() as connection:
        connection.execute(FOR_EVER).fetchone()

    monkeypatch.undo()
    with pool.snapshot() as connection:
        assert connection.execute("SELECT 1").fetchone()[0] == 1


def test_many_short_statements_share_one_deadline(pool: ReadPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read of many statements ends at the deadline, although none of them takes long."""
    monkeypatch.setattr(readers, "READ_TIMEOUT_S", 0.05)

    def read() -> None:
        with pool.snapshot() as connection:
            while True:
                connection.execute("SELECT 1").fetchone()

    with pytest.raises(StoreBusyError, match="timed out"):
        read()


def test_a_block_spends_no_more_than_it_may(pool: ReadPool) -> None:
    """It ends with an error of its own; the snapshot goes on, and the next block has its time again."""
    with pool.snapshot() as connection:
        for _ in range(2):
            with pytest.raises(TimeoutError), connection.spend_at_most(0.01):
                connection.execute(FOR_EVER).fetchone()
        with pytest.raises(TimeoutError), connection.spend_at_most(0.0):
            connection.execute("SELECT 1")
        with connection.spend_at_most(WAIT_S):
            assert connection.execute("SELECT 1").fetchone()[0] == 1


def test_the_deadline_of_a_read_holds_within_a_block(pool: ReadPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read that is over is over, however much its block might still spend."""
    monkeypatch.setattr(readers, "READ_TIMEOUT_S", 0.05)
    with (
        pytest.raises(StoreBusyError, match="timed out"),
        pool.snapshot() as connection,
        connection.spend_at_most(WAIT_S),
    ):
        connection.execute(FOR_EVER).fetchone()


def test_closing_ends_the_reads_that_run(pool: ReadPool) -> None:
    """A store that is closed does not wait for the reads under way: they end with an error."""
    runs = threading.Event()
    errors: list[Exception] = []

    def read() -> None:
        try:
            with pool.snapshot() as connection:
                runs.set()
                connection.execute(FOR_EVER).fetchone()
        except StoreClosedError as error:
            errors.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    assert runs.wait(WAIT_S)
    pool.close()
    thread.join(WAIT_S)

    assert len(errors) == 1
