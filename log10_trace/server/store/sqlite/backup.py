"""A backup of the database file, made while servers write to it, and its restoration."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from log10_trace.errors import SetupError
from log10_trace.server.store.common.migrations import select_pending_migrations
from log10_trace.server.store.errors import StoreBusyError
from log10_trace.server.store.sqlite.connection import SQL, connect, translate
from log10_trace.server.store.sqlite.file_copy import (
    SIDE_FILES,
    Contents,
    Stage,
    check_database,
    copy_database,
    open_own,
    partial_file,
    put_in_place,
    read_contents,
    remove_side_files,
)
from log10_trace.server.store.sqlite.schema import load_known_migrations

_TAKE_OUT_OF_USE: Final = (
    "PRAGMA busy_timeout = 0",
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA journal_mode = DELETE",
    "BEGIN EXCLUSIVE",
)


def back_up(path: Path, file: Path, *, overwrite: bool, stage: Stage) -> Contents:
    """Copy the database at ``path``, as it is when this begins, to ``file``; commits go on meanwhile.

    Args:
        path: The database; servers may have it open.
        file: The backup. It appears when it is complete and checked, and only its user can read it.
        overwrite: Whether a file of that name is replaced.
        stage: Shows how far the work is.

    Raises:
        SetupError: there is no database, the file is there already or cannot be written, or the database is
            damaged.
    """
    file = _resolve(file)
    _check_target(file, path, overwrite=overwrite)
    with _explaining_damage(path), closing(open_own(path)) as source, partial_file(file) as partial:
        copy_database(source, partial, file, stage)
        check_database(partial, path, stage, check="quick_check")
        with closing(connect(partial, can_write=False)) as copy:
            contents = read_contents(copy)
        put_in_place(partial, file)
    return contents


def _resolve(file: Path) -> Path:
    try:
        return file.resolve()
    except (OSError, RuntimeError) as error:  # a loop of links
        message = f"{file} cannot be used: {error}."
        raise SetupError(message) from None


def _check_target(file: Path, path: Path, *, overwrite: bool) -> None:
    if file in (path, *(path.with_name(path.name + ending) for ending in SIDE_FILES)):
        message = f"{file} belongs to the database itself. Name another file."
    elif file.is_dir():
        message = f"{file} is a folder. Name a file in it."
    elif file.exists() and not file.is_file():
        message = f"{file} is not a file that can be replaced."
    elif file.exists() and not overwrite:
        message = f"{file} already exists. Use --force to overwrite it."
    else:
        return
    raise SetupError(message)


def restore(file: Path, path: Path, *, overwrite: bool, stage: Stage) -> Contents:
    """Put the backup ``file`` in the place of the database at ``path``, which no server may have open.

    Until the last step the database is as it was. The caller holds the server's lock of the database.

    Args:
        file: The backup, or any other whole database of ours.
        path: The database; it need not be there yet.
        overwrite: Whether a database that holds something is replaced.
        stage: Shows how far the work is.

    Raises:
        SetupError: the backup is damaged, of a newer version or something else; the database is in use, holds
            something, is another program's, or cannot be written.
    """
    file = _resolve(file)
    if file == path:
        message = f"{file} is the database itself. Name a backup of it."
        raise SetupError(message)
    _require_replaceable(path, overwrite=overwrite)
    with _explaining_damage(file), closing(open_own(file)) as source, partial_file(path) as partial:
        applied = {row["number"]: row["checksum"] for row in source.execute(SQL["migrations"])}
        select_pending_migrations(load_known_migrations(), applied, f"The backup {file}")
        copy_database(source, partial, path, stage)
        check_database(partial, file, stage, check="integrity_check")
        with closing(connect(partial, can_write=False)) as copy:
            contents = read_contents(copy)
        if path.exists() and os.geteuid() == 0:  # root restores for the user whom the server runs as
            shutil.chown(partial, path.stat().st_uid, path.stat().st_gid)
        with _taken_out_of_use(path):
            put_in_place(partial, path)
    return contents


@contextmanager
def _explaining_damage(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        message = f"{path} is damaged ({error})."
        raise SetupError(message) from error


def _require_replaceable(path: Path, *, overwrite: bool) -> None:
    if not path.exists() or (path.is_file() and not path.stat().st_size):
        return
    try:
        with closing(open_own(path)) as connection:
            found = read_contents(connection)
    except sqlite3.Error as error:
        if overwrite:
            return
        message = f"The database {path} is damaged ({error}). Use --force to replace it."
        raise SetupError(message) from None
    if not (overwrite or found.is_empty):
        message = (
            f"The database {path} holds {found.calls:,} calls, {found.feedback:,} feedback, {found.tasks:,} "
            f"tasks and {found.keys:,} keys. Use --force to replace them, or name another --database."
        )
        raise SetupError(message)


@contextmanager
def _taken_out_of_use(path: Path) -> Iterator[None]:
    """Hold the database so that nobody else can open it, its write-ahead log applied and gone.

    A log that is left behind would be applied to the file that comes in the database's place.

    Raises:
        SetupError: another process uses the database.
    """
    if not path.exists():
        remove_side_files(path)
        yield
        return
    with closing(connect(path, can_write=True)) as connection:
        try:
            for statement in _TAKE_OUT_OF_USE:
                connection.execute(statement).fetchone()
        except sqlite3.Error as error:
            if isinstance(translate(error), StoreBusyError):
                message = f"Another process uses the database {path}. End it, and try again."
                raise SetupError(message) from None
            remove_side_files(path)  # it is damaged, and about to be replaced
        yield
