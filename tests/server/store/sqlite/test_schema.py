"""The database file: private, recognised, migrated, and refused when it is not ours."""

from __future__ import annotations

import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from log10_trace.errors import SetupError
from log10_trace.server.store import open_store
from log10_trace.server.store.common.migrations import Migration
from log10_trace.server.store.data_types import CompletionFilter, StatisticsQuery
from log10_trace.server.store.errors import StoreClosedError
from log10_trace.server.store.sqlite.connection import connect
from log10_trace.server.store.sqlite.deletion import BackgroundDeleter
from log10_trace.server.store.sqlite.schema import load_known_migrations, open_database
from log10_trace.server.store.sqlite.writer import Writer
from tests.processes import until
from tests.server.store.factories import NOON_MS, ORG, asked, completion, ids, put, put_all

NEXT = Migration(
    load_known_migrations()[-1].number + 1,
    "colours.sql",
    "ALTER TABLE keys ADD COLUMN colour TEXT;\nCREATE TABLE more (a TEXT);",
)


def test_the_file_and_its_side_files_are_the_owners_alone(tmp_path: Path) -> None:
    """Database, log and index of the log can be read by their owner only, whatever the umask."""
    store = open_store(tmp_path / "new" / "a.db")
    put(store, completion())

    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "new").iterdir()}

    assert modes == {"a.db": 0o600, "a.db-wal": 0o600, "a.db-shm": 0o600}
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    store.close()


def test_a_file_that_others_can_read_is_closed_to_them(tmp_path: Path) -> None:
    """Opening a database takes other people's rights to it away."""
    open_store(tmp_path / "a.db").close()
    (tmp_path / "a.db").chmod(0o644)

    open_store(tmp_path / "a.db").close()

    assert stat.S_IMODE((tmp_path / "a.db").stat().st_mode) == 0o600


@pytest.mark.parametrize("url", ["{}", "sqlite:///{}"])
def test_a_path_and_an_address_name_the_same_file(tmp_path: Path, url: str) -> None:
    """A database can be named by its path or as sqlite:///path, with signs of every kind in it."""
    path = tmp_path / "it's 100% ? #1.db"
    store = open_store(url.format(path))
    put(store, completion(id="a"))

    assert ids(store) == ["a"]
    assert path.exists()
    store.close()


def test_a_file_that_is_no_database_is_refused_unharmed(tmp_path: Path) -> None:
    """A file of another kind is named in a clear sentence and stays as it was."""
    path = tmp_path / "notes.txt"
    path.write_text("my notes")

    with pytest.raises(SetupError, match=r"notes\.txt is not a database"):
        open_store(path)

    assert path.read_text() == "my notes"


@pytest.mark.parametrize("statement", ["CREATE TABLE theirs (a)", "PRAGMA application_id = 7"])
def test_another_programs_database_is_refused_unharmed(tmp_path: Path, statement: str) -> None:
    """A database that another program made is left alone."""
    path = tmp_path / "theirs.db"
    theirs = sqlite3.connect(path)
    theirs.execute(statement)
    theirs.close()
    before = path.read_bytes()

    with pytest.raises(SetupError, match="another program's database"):
        open_store(path)

    assert path.read_bytes() == before


def test_a_folder_is_refused(tmp_path: Path) -> None:
    """A folder in the database's place is named, without a traceback of SQLite's."""
    with pytest.raises(SetupError, match="cannot be opened"):
        open_store(tmp_path)


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """A database of a newer version says that the program must be upgraded."""
    open_database(tmp_path / "a.db", [*load_known_migrations(), NEXT]).close()

    with pytest.raises(SetupError, match="newer version"):
        open_store(tmp_path / "a.db")


def test_a_migration_that_was_changed_is_refused(tmp_path: Path) -> None:
    """A schema whose migration is not the known one, to the letter, is not touched."""
    first, *others = load_known_migrations()
    changed = Migration(1, first.name, first.text + "-- changed\n")
    open_database(tmp_path / "a.db", [changed, *others]).close()

    with pytest.raises(SetupError, match="0001_completions"):
        open_store(tmp_path / "a.db")


def test_an_older_database_is_backed_up_and_migrated(tmp_path: Path) -> None:
    """Before a migration the database is copied beside itself; after it the records are there."""
    path = tmp_path / "a.db"
    store = open_store(path)
    put(store, completion(id="a"))
    store.close()

    migrated = open_database(path, [*load_known_migrations(), NEXT])

    assert migrated.execute("SELECT count(*) FROM completions").fetchone()[0] == 1
    assert migrated.execute("PRAGMA user_version").fetchone()[0] == NEXT.number
    migrated.close()
    backup = tmp_path / f"a.db.before-migration-{NEXT.number:04d}"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    before = open_store(backup)
    assert ids(before) == ["a"]
    before.close()


def test_roll_ups_of_the_first_schema_are_carried_over(tmp_path: Path) -> None:
    """What the first schema held in a row for each model is counted as before."""
    path, minute = tmp_path / "a.db", NOON_MS // 60_000
    connection = open_database(path, load_known_migrations()[:1])
    connection.executemany(
        f"INSERT INTO rollups VALUES ('{ORG}', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (dimension, width, start, key, *sums)
            for dimension, key in (("none", ""), ("tag", "x"))
            for width, start in ((0, 0), (1, minute), (60, minute), (1440, minute - 720))
            for sums in (
                ("gpt-4o", 3, 1, 2, 1_000_000, 100_000, 400_000, '{"66":1,"73":1}'),
                ("in-house", 1, 0, 1, 10, 5, 0, "{}"),
            )
        ],
    )
    connection.close()

    store = open_store(path)

    for span in ({}, {"since_ms": NOON_MS}):
        (total,) = store.reports.statistics(ORG, StatisticsQuery(group_by="tag", **span)).groups
        assert (total.key, total.calls, total.failed, total.unpriced) == ("x", 4, 1, 1)
        assert (total.input_tokens, total.output_tokens) == (1_000_010, 100_005)
        assert total.cost == pytest.approx(0.6 * 2.5 + 0.4 * 1.25 + 1.0)
        assert (total.p50, total.p99) == (pytest.approx(0.5, rel=0.06), pytest.approx(1.0, rel=0.06))
    store.close()


def test_a_migration_that_fails_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    """A migration happens whole or not at all."""
    path = tmp_path / "a.db"
    open_store(path).close()
    broken = Migration(NEXT.number, "broken.sql", "CREATE TABLE more (a);\nSELECT nonsense FROM nowhere;")

    with pytest.raises(SetupError, match="nowhere"):
        open_database(path, [*load_known_migrations(), broken])

    store = open_store(path)
    assert ids(store) == []
    store.close()


def test_two_processes_may_use_one_database(tmp_path: Path) -> None:
    """What one writes the other reads; stacks that one has deleted are not taken for present by the other."""
    one, other = open_store(tmp_path / "a.db"), open_store(tmp_path / "a.db")
    stack = [{"file": "shop.py", "line": "", "lineno": 1, "name": "checkout"}]
    put(one, completion(id="a", stacktrace=stack))
    assert other.completions.delete_one(ORG, "a").result() is True
    put(one, completion(id="b", stacktrace=stack))

    stored = other.completions.get(ORG, "b")

    assert stored is not None
    assert "shop.py" in stored.fields["stacktrace"]
    one.close()
    other.close()


def test_deleted_words_leave_the_file(tmp_path: Path) -> None:
    """After a deletion is cleaned up behind, nothing of what was said is in the database's bytes."""
    path = tmp_path / "a.db"
    store = open_store(path)
    secret = "extraordinarysecretword"
    stack = [{"file": secret, "line": secret, "lineno": 1, "name": secret}]
    put_all(store, [completion(id=f"other-{number}") for number in range(50)])
    put(
        store,
        completion(id=secret, request=asked(secret), tags=[secret], session_id=secret, stacktrace=stack),
    )
    store.completions.delete_one(ORG, secret).result()
    store.maintenance.prune(max_bytes=1 << 40).result()
    log = tmp_path / "a.db-wal"
    until(lambda: _chores(path) == 0 and not log.stat().st_size, "the deletion is cleaned up behind")

    assert secret.encode() not in path.read_bytes()
    store.close()
    assert not log.exists()


def test_cleaning_up_goes_on_after_a_restart(tmp_path: Path) -> None:
    """Deleted words that a process left in the index are taken out by the next."""
    path = tmp_path / "a.db"
    store = open_store(path)
    put(store, completion(id="a"))
    store.close()
    connection = open_database(path)
    connection.execute("INSERT INTO chores VALUES ('cleanse')")
    connection.close()
    assert _chores(path) == 1

    store = open_store(path)

    until(lambda: _chores(path) == 0, "the chore is done")
    store.close()


def test_pruning_by_size_keeps_the_newest(tmp_path: Path) -> None:
    """The oldest records go until the file is as small as asked, and the room is given back to the disk."""
    store = open_store(tmp_path / "a.db")
    filler = " ".join(f"word{number}" for number in range(2_000))
    minutes = [f"2026-03-01T12:{number % 60:02d}:00Z" for number in range(300)]
    put_all(store, [completion(request=asked(filler), created_at=moment) for moment in minutes])
    before = store.maintenance.health().bytes

    report = store.maintenance.prune(max_bytes=before // 2).result()

    assert report.bytes_before == before
    assert report.bytes_after <= before // 2
    left = [one.fields["created_at"] for one in store.completions.stream(ORG, CompletionFilter())]
    assert 50 < len(left) < 250
    assert report.completions == 300 - len(left)
    assert min(left) >= '"2026-03-01T12:10'
    store.close()


def test_readers_cannot_write(tmp_path: Path) -> None:
    """The connections that read are opened read-only."""
    open_store(tmp_path / "a.db").close()
    reader = connect(tmp_path / "a.db", can_write=False)

    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("DELETE FROM completions")
    reader.close()


def test_nothing_of_a_deleted_record_is_left_in_any_table(tmp_path: Path) -> None:
    """When all is deleted every table that holds something of records is empty; the index agrees."""
    store = open_store(tmp_path / "a.db")
    stack = [{"file": "shop.py", "line": "", "lineno": 1, "name": "checkout"}]
    records = [completion(tags=["x"], session_id="s", stacktrace=stack) for _ in range(30)]
    put_all(store, records)
    store.completions.delete(ORG, CompletionFilter()).result()
    until(lambda: _chores(tmp_path / "a.db") == 0, "the deletion is cleaned up behind")
    store.close()

    connection = open_database(tmp_path / "a.db")
    tables = (
        "completions",
        "bodies",
        "tags",
        "stacks",
        "rollups",
        "sessions",
        "search_docsize",
        "chores",
        "unindexed",
    )
    counts = {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}

    assert counts == dict.fromkeys(tables, 0)
    connection.execute("INSERT INTO search (search) VALUES ('integrity-check')")
    connection.close()


def test_a_sweep_ends_when_the_store_is_shut(tmp_path: Path) -> None:
    """Work of many commits does not hold up the end of the program."""
    writer = Writer(open_database(tmp_path / "a.db"))
    deleter = BackgroundDeleter(writer, tmp_path / "a.db")
    deleter.close()
    writer.close(5)

    assert isinstance(deleter.start(deleter.purge_deleted).exception(120), StoreClosedError)


def test_no_deletion_waits_for_a_cleansing(tmp_path: Path) -> None:
    """Two that take long wait for one another, on a thread of their own."""
    writer = Writer(open_database(tmp_path / "a.db"))
    deleter = BackgroundDeleter(writer, tmp_path / "a.db")
    opened = threading.Event()
    cleansings = [deleter.start_cleansing(lambda: opened.wait(120)) for _ in range(3)]

    assert deleter.start(lambda: 7).result(120) == 7
    assert not any(cleansing.done() for cleansing in cleansings)

    opened.set()
    assert [cleansing.result(120) for cleansing in cleansings] == [True] * 3
    deleter.close()
    writer.close(5)


def test_a_sweep_that_did_not_begin_fails_when_the_store_is_closed(tmp_path: Path) -> None:
    """What waits for a thread at the end fails as closed; what was cancelled stays cancelled."""
    writer = Writer(open_database(tmp_path / "a.db"))
    deleter = BackgroundDeleter(writer, tmp_path / "a.db")
    begun, opened = threading.Semaphore(0), threading.Event()

    def run() -> bool:
        begun.release()
        return opened.wait(120)

    running = [deleter.start(run) for _ in range(2)]
    assert all(begun.acquire(timeout=120) for _ in running)
    waiting, cancelled = deleter.start(lambda: 1), deleter.start(lambda: 2)
    assert cancelled.cancel()

    deleter.close()
    opened.set()

    assert isinstance(waiting.exception(120), StoreClosedError)
    assert cancelled.cancelled()
    assert [work.result(120) for work in running] == [True, True]
    writer.close(5)


def _chores(path: Path) -> int:
    reader = connect(path, can_write=False)
    count: int = reader.execute("SELECT count(*) FROM chores").fetchone()[0]
    reader.close()
    return count
