"""Copies of a database file: private, checked, complete under their name or not there at all."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from log10_trace.domain.keys import OWN_USER
from log10_trace.errors import SetupError
from log10_trace.server.store.sqlite.connection import SQL, connect
from log10_trace.server.store.sqlite.schema import APPLICATION_ID, DATABASE_MAGIC

Stage: TypeAlias = "Callable[[str, int | None], AbstractContextManager[Callable[[int], None]]]"
"""Begins a stage of the work, by its name and its size in bytes, where it is known; gives what counts it."""

SIDE_FILES: Final = ("-wal", "-shm", "-journal")
_PAGES_AT_ONCE: Final = 256
_INSTRUCTIONS: Final = 1_000_000
"""Steps of SQLite between two looks at whether Ctrl-C was pressed: about ten a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a database holds."""

    calls: int
    tasks: int
    feedback: int
    keys: int
    """Without the one that the server makes for this machine's own user."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is lost with it."""
        return not (self.calls or self.tasks or self.feedback or self.keys)


def open_own(path: Path) -> sqlite3.Connection:
    """A connection to a database of ours that is there already; others may use it at the same time.

    Raises:
        SetupError: there is none at ``path``, or it is something else.
        sqlite3.Error: it is damaged.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            message = f"{path} is not a file."
            raise SetupError(message)
        with path.open("rb") as file:
            is_database = file.read(len(DATABASE_MAGIC)) == DATABASE_MAGIC
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}."
        raise SetupError(message) from None
    connection = connect(path, can_write=True) if is_database else None
    try:
        if connection and connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID:
            owned, connection = connection, None
            return owned
    finally:
        if connection:
            connection.close()
    message = f"{path} is not a database of log10-trace."
    raise SetupError(message)


def read_contents(connection: sqlite3.Connection) -> Contents:
    """What the database holds."""
    return Contents(**connection.execute(SQL["contents"], {"own": OWN_USER}).fetchone())


@contextmanager
def partial_file(target: Path) -> Iterator[Path]:
    """An empty private file beside ``target``, for this process alone; deleted unless it was put in place.

    What a killed process left under the same name is overwritten.

    Raises:
        SetupError: it cannot be made, or another process writes to it.
    """
    partial = target.with_name(f".{target.name}.partial")
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(partial, flags, 0o600)
    except OSError as error:
        message = f"{target} cannot be written: {error.strerror}."
        raise SetupError(message) from None
    try:
        _lock(descriptor, partial, target)
        try:
            os.fchmod(descriptor, 0o600)
            os.ftruncate(descriptor, 0)
            remove_side_files(partial)
            yield partial
        finally:
            partial.unlink(missing_ok=True)
            remove_side_files(partial)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, partial: Path, target: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Another process may have put the file in place between our opening and locking it.
        if os.path.samestat(os.fstat(descriptor), partial.stat()):
            return
    except OSError:
        pass
    message = f"Another process is writing {target}."
    raise SetupError(message)


def copy_database(source: sqlite3.Connection, partial: Path, target: Path, stage: Stage) -> None:
    """Copy the database as it is now to ``partial``; commits go on meanwhile.

    The copy needs no side files, so it can be moved, and read where nothing can be written.

    Raises:
        SetupError: ``target``'s disk has no room.
        sqlite3.Error: the database is damaged.
    """
    # The snapshot of a read transaction: without it each commit of others makes the copying start again.
    source.execute("BEGIN")
    try:
        pages, page_bytes = source.execute(SQL["size"]).fetchone()
        total = pages * page_bytes
        _require_room(target, total)
        with closing(connect(partial, can_write=True)) as copy, stage("Copying", total) as advance:
            # It is made anew after a crash; the caller syncs it before it gets its name.
            copy.execute("PRAGMA journal_mode = OFF")
            copy.execute("PRAGMA synchronous = OFF")
            done = 0

            def count(_status: int, remaining: int, of: int) -> None:
                nonlocal done
                advance((of - remaining - done) * page_bytes)
                done = of - remaining

            source.backup(copy, pages=_PAGES_AT_ONCE, progress=count)
        with closing(connect(partial, can_write=True)) as copy:
            copy.execute("PRAGMA journal_mode = DELETE").fetchone()
    except sqlite3.OperationalError as error:  # that of a damaged database is a DatabaseError
        message = f"{target} cannot be written: {error}."
        raise SetupError(message) from error
    finally:
        source.rollback()


def _require_room(target: Path, size: int) -> None:
    free = shutil.disk_usage(target.parent).free
    if free < size:
        message = (
            f"The disk of {target.parent} is full: {target.name} needs {size:,} bytes, and {free:,} are free."
        )
        raise SetupError(message)


def check_database(path: Path, name: Path, stage: Stage, *, check: str) -> None:
    """Run SQLite's ``check``, which is integrity_check or quick_check.

    Raises:
        SetupError: the database is damaged; the message calls it ``name``.
        KeyboardInterrupt: Ctrl-C was pressed.
    """
    with closing(connect(path, can_write=False)) as connection, stage("Checking", None):
        connection.set_progress_handler(lambda: 0, _INSTRUCTIONS)
        try:
            found: str = connection.execute(f"PRAGMA {check}(1)").fetchone()[0]
        except sqlite3.Error as error:
            if str(error) == "interrupted":  # the handler is where Python hears of Ctrl-C
                raise KeyboardInterrupt from None
            found = str(error)
    if found != "ok":
        message = f"{name} is damaged ({found.splitlines()[0]})."
        raise SetupError(message)


def put_in_place(partial: Path, target: Path) -> None:
    """Give the file its name, once all of it is on the disk.

    Raises:
        OSError: it cannot be.
    """
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(target)
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def remove_side_files(path: Path) -> None:
    """Delete the files that SQLite keeps beside a database."""
    for ending in SIDE_FILES:
        path.with_name(path.name + ending).unlink(missing_ok=True)
