"""The backup of a database file and its restoration, and what kills, full disks and damage leave behind."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from log10_trace.domain.prices import Prices
from log10_trace.errors import SetupError
from log10_trace.server.store.sqlite.backup import back_up, restore
from log10_trace.server.store.sqlite.file_copy import Contents
from log10_trace.server.store.sqlite.store import SqliteStore
from tests.processes import program
from tests.server.store.factories import ORG, asked, completion

DYING = """
import os, signal, sys
from contextlib import contextmanager
from pathlib import Path
from log10_trace.server.store.sqlite import backup

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

@contextmanager
def stage(what, _size):
    if what == {stage!r} == "Checking":
        die()
    yield die if what == {stage!r} else lambda _: None

if {stage!r} == "In place":
    backup.put_in_place = die
backup.{work}(Path({source!r}), Path({target!r}), overwrite=True, stage=stage)
"""


@contextmanager
def silent(_what: str, _size: int | None) -> Iterator[Callable[[int], None]]:
    """A stage that shows nothing."""
    yield lambda _bytes: None


@contextmanager
def opened(path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(path, prices=Prices.load())) as store:
        yield store


def add(store: SqliteStore, *ids: str) -> None:
    """Store calls of 40 KB each, so that a copy of a few takes several steps."""
    noise = [completion(id=each, request=asked(os.urandom(20_000).hex())) for each in ids]
    for future in store.completions.put_many(ORG, noise):
        future.result()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database of sixty calls."""
    path = tmp_path / "db" / "completions.db"
    with opened(path) as store:
        add(store, *(f"old-{number:02d}" for number in range(60)))
    return path


def save(path: Path, file: Path, *, overwrite: bool = False) -> Contents:
    return back_up(path, file, overwrite=overwrite, stage=silent)


def put_back(file: Path, path: Path, *, overwrite: bool = False) -> Contents:
    return restore(file, path, overwrite=overwrite, stage=silent)


def ids_in(path: Path) -> set[str]:
    """The ids of the calls in a database that is whole."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return {row[0] for row in connection.execute("SELECT id FROM completions")}


def names_in(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


def test_a_backup_is_one_private_whole_file(database: Path, tmp_path: Path) -> None:
    """It holds what the database holds, needs no side files, and only its user may read it."""
    file = tmp_path / "saved" / "a.db"
    file.parent.mkdir()
    with opened(database) as store:
        add(store, "in the log")
        contents = save(database, file)
        add(store, "later")

    assert contents == Contents(calls=61, tasks=0, feedback=0, keys=0)
    assert names_in(file.parent) == {"a.db"}
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(ids_in(file)) == 61
    assert "in the log" in ids_in(file)
    assert names_in(file.parent) == {"a.db"}


def test_a_restored_database_is_the_backup(database: Path, tmp_path: Path) -> None:
    """On another machine, in a folder that is not there yet, the store reads, searches and goes on."""
    file, path = tmp_path / "a.db", tmp_path / "elsewhere" / "completions.db"
    save(database, file)
    path.parent.mkdir()
    contents = put_back(file, path)

    with opened(path) as store:
        add(store, "new")
        assert store.maintenance.wait_until_searchable()
    assert contents.calls == 60
    assert path.stat().st_mode & 0o777 == 0o600
    assert ids_in(path) == ids_in(file) | {"new"}


@pytest.mark.parametrize("stage", ["Copying", "Checking", "In place"])
def test_a_killed_backup_leaves_no_file_of_its_name(database: Path, tmp_path: Path, stage: str) -> None:
    """Wherever it is killed the name does not appear, and the next backup overwrites what it left."""
    file = tmp_path / "saved" / "a.db"
    file.parent.mkdir()
    done = program(
        tmp_path, DYING.format(stage=stage, work="back_up", source=str(database), target=str(file))
    )

    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not file.exists()
    save(database, file)
    assert names_in(file.parent) == {"a.db"}
    assert ids_in(file) == ids_in(database)


@pytest.mark.parametrize("stage", ["Copying", "Checking", "In place"])
def test_a_killed_restoration_leaves_the_database(database: Path, tmp_path: Path, stage: str) -> None:
    """Wherever it is killed the database is what it was, with what stood in its log."""
    file = tmp_path / "a.db"
    save(database, file)
    with opened(database) as store:
        add(store, "newer")
    done = program(
        tmp_path, DYING.format(stage=stage, work="restore", source=str(file), target=str(database))
    )

    assert done.returncode == -signal.SIGKILL, done.stderr
    assert "newer" in ids_in(database)
    put_back(file, database, overwrite=True)
    assert ids_in(database) == ids_in(file)


def test_the_log_of_the_replaced_database_is_not_applied(database: Path, tmp_path: Path) -> None:
    """A database whose process died has its last commits in the log; after --force they are gone with it."""
    file, path = tmp_path / "a.db", tmp_path / "died" / "completions.db"
    save(database, file)
    with opened(database) as store:
        add(store, "in the log")
        shutil.copytree(database.parent, path.parent)  # as a process leaves it that dies
    assert "completions.db-wal" in names_in(path.parent)

    put_back(file, path, overwrite=True)

    assert ids_in(path) == ids_in(file)
    assert names_in(path.parent) == {"completions.db"}


def test_a_database_that_holds_something_is_replaced_only_by_force(database: Path, tmp_path: Path) -> None:
    """Without it what would be lost is named; one that holds nothing but this machine's key is replaced."""
    file, fresh = tmp_path / "a.db", tmp_path / "fresh.db"
    save(database, file)
    with opened(fresh):
        pass

    with pytest.raises(SetupError, match=r"holds 60 calls, 0 feedback, 0 tasks and 0 keys\. Use --force"):
        put_back(file, database)
    assert put_back(file, fresh).calls == put_back(file, database, overwrite=True).calls == 60


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_restored_database_keeps_its_owner(database: Path, tmp_path: Path) -> None:
    """Root restores for the user whom the server runs as."""
    file = tmp_path / "a.db"
    save(database, file)
    os.chown(database, 12345, 54321)

    put_back(file, database, overwrite=True)

    assert (database.stat().st_uid, database.stat().st_gid) == (12345, 54321)


def test_a_database_in_use_is_never_replaced(database: Path, tmp_path: Path) -> None:
    """Also with --force; the process that has it open goes on, and nothing is left behind."""
    file = tmp_path / "a.db"
    save(database, file)
    with opened(database) as store:
        with pytest.raises(SetupError, match="Another process uses the database"):
            put_back(file, database, overwrite=True)
        add(store, "afterwards")

    assert "afterwards" in ids_in(database)
    assert not [name for name in names_in(database.parent) if "partial" in name]


@pytest.mark.parametrize("at", [0, 100, 8192 * 10])
def test_a_damaged_backup_changes_nothing(database: Path, tmp_path: Path, at: int) -> None:
    """A file that is not whole is named, in the beginning or in the middle, and the database stays."""
    file = tmp_path / "a.db"
    save(database, file)
    with file.open("r+b") as damaged:
        damaged.seek(at)
        damaged.write(b"\xff" * 4000)

    with pytest.raises(SetupError, match=r"a\.db is (damaged|not a database)"):
        put_back(file, database, overwrite=True)
    assert len(ids_in(database)) == 60


def test_a_damaged_database_is_not_saved_and_can_be_replaced(database: Path, tmp_path: Path) -> None:
    """A backup of a damaged database is refused; an older one takes its place by force."""
    file = tmp_path / "a.db"
    save(database, file)
    with database.open("r+b") as damaged:
        damaged.seek(8192 + 100)
        damaged.write(b"\xff" * 8192 * 20)

    with pytest.raises(SetupError, match=r"completions\.db is damaged"):
        save(database, tmp_path / "b.db")
    with pytest.raises(SetupError, match="--force"):
        put_back(file, database)
    put_back(file, database, overwrite=True)
    assert ids_in(database) == ids_in(file)
    assert not (tmp_path / "b.db").exists()


def test_a_backup_of_a_newer_version_is_refused(database: Path, tmp_path: Path) -> None:
    """Its schema is not known here; the message says what to do."""
    file = tmp_path / "a.db"
    save(database, file)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("INSERT INTO migrations VALUES (999, 'newer', 'x', 0)")

    with pytest.raises(SetupError, match="Upgrade log10-trace"):
        put_back(file, database, overwrite=True)


def test_what_is_something_else_is_left_alone(database: Path, tmp_path: Path) -> None:
    """Files of other programs, folders, devices and the database's own are neither read nor replaced."""
    other, text = tmp_path / "other.db", tmp_path / "text"
    with closing(sqlite3.connect(other)) as connection, connection:
        connection.execute("CREATE TABLE t (a)")
    text.write_text("text")
    good = tmp_path / "good.db"
    save(database, good)

    for path, said in (
        (other, "not a database of log10-trace"),
        (text, "not a database"),
        (tmp_path, "not a"),
    ):
        with pytest.raises(SetupError, match=said):
            put_back(path, database, overwrite=True)
        with pytest.raises(SetupError, match=said):
            put_back(good, path, overwrite=True)
        with pytest.raises(SetupError, match=said):
            save(path, tmp_path / "b.db")
    with pytest.raises(SetupError, match=r"missing cannot be read: No such file"):
        save(tmp_path / "missing", tmp_path / "b.db")
    for file, said in (
        (tmp_path, "is a folder"),
        (Path("/dev/null"), "not a file that can be replaced"),
        (database, "belongs to the database"),
        (database.with_name("completions.db-wal"), "belongs to the database"),
        (text, "already exists. Use --force"),
        (tmp_path / "no" / "folder", "cannot be written: No such file or directory"),
        (tmp_path / ("n" * 250), "cannot be written: File name too long"),
    ):
        with pytest.raises(SetupError, match=said):
            save(database, file, overwrite=file != text)
    with pytest.raises(SetupError, match="is the database itself"):
        put_back(database, database)
    assert (text.read_text(), save(database, text, overwrite=True).calls) == ("text", 60)


def test_a_full_disk_is_said_before_anything_is_written(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says how much is needed and how much there is."""
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))

    with pytest.raises(SetupError, match=r"disk of .* is full: a\.db needs [\d,]+ bytes, and 1,000 are free"):
        save(database, tmp_path / "a.db")


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_a_disk_that_fills_up_leaves_nothing(database: Path, tmp_path: Path) -> None:
    """When the disk refuses a write in the middle the file is taken away again, and the message names it."""
    file = tmp_path / "saved" / "a.db"
    file.parent.mkdir()
    source = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))\n"
        f"sys.argv = ['log10-trace', 'backup', {str(file)!r}, '--database', {str(database)!r}]\n"
        "from log10_trace.cli import main\n"
        "sys.exit(main())"
    )
    done = program(tmp_path, source)

    assert (done.returncode, done.stdout) == (1, "")
    assert f"{file} cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert names_in(file.parent) == set()
