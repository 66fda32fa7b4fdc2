"""The schema of the database file: creation, recognition and migrations; its permissions are private.

Migrations are numbered, go forward only, and are checked against what was applied. They run in one
transaction under the database's write lock, so two processes that start together do not both migrate.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Final

from log10_trace.errors import SetupError
from log10_trace.server.store.common.migrations import Migration, load_migrations, select_pending_migrations
from log10_trace.server.store.sqlite.connection import SQL, connect

APPLICATION_ID: Final = 0x4C313054  # "L10T"
DATABASE_MAGIC: Final = b"SQLite format 3\0"
_PAGE_BYTES: Final = 8_192
_OLDEST_SQLITE: Final = (3, 37, 0)


def load_known_migrations() -> list[Migration]:
    """The migrations of this version, in order."""
    return load_migrations((resources.files(__package__) / "sql").iterdir())


def open_database(path: Path, migrations: Sequence[Migration] | None = None) -> sqlite3.Connection:
    """The writing connection to the database at ``path``, made or migrated where it has to be.

    Raises:
        SetupError: the file is another program's, its schema is newer, or it cannot be used.
    """
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        message = f"Python's SQLite is {sqlite3.sqlite_version}; 3.37 or newer is needed."
        raise SetupError(message)
    try:
        _make_private(path)
        connection = connect(path, can_write=True)
        try:
            _check_application_id(connection, path)
            _migrate(connection, path, load_known_migrations() if migrations is None else migrations)
        except BaseException:
            connection.close()
            raise
    except (OSError, sqlite3.Error) as error:
        message = f"The database {path} cannot be opened: {error}."
        raise SetupError(message) from error
    return connection


def check_is_made(path: Path) -> None:
    """Raise ``SetupError`` when there is no file, or nothing in it."""
    try:
        is_made = path.stat().st_size > 0
    except OSError:
        is_made = False
    if not is_made:
        message = f"There is no database {path}."
        raise SetupError(message)


def _make_private(path: Path) -> None:
    """Make the file and its folder where they are missing; SQLite gives its side files the same mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and not path.is_file():  # a pipe would be waited for, a device change its mode
        message = f"The database {path} cannot be opened: it is not a file."
        raise SetupError(message)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    with path.open("rb") as file:
        start = file.read(len(DATABASE_MAGIC))
    if start and start != DATABASE_MAGIC:
        message = f"{path} is not a database; name another file, or move this one away."
        raise SetupError(message)
    path.chmod(0o600)


def _check_application_id(connection: sqlite3.Connection, path: Path) -> None:
    application_id = _pragma(connection, "application_id")
    if application_id == APPLICATION_ID:
        return
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if application_id or tables:
        message = f"{path} is another program's database; name another file."
        raise SetupError(message)


def _migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration]) -> None:
    if _pragma(connection, "user_version") == 0:
        # Effective only before the first table. A larger page holds two bodies and more, not one and a gap.
        connection.execute(f"PRAGMA page_size = {_PAGE_BYTES:d}")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _pragma(connection, "user_version")
        rows = connection.execute(SQL["migrations"]) if version else ()
        applied = {row["number"]: row["checksum"] for row in rows}
        pending = select_pending_migrations(migrations, applied, f"The database {path}")
        if version and pending:
            _back_up(path, version)
        for migration in pending:
            _apply(connection, migration)
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


def _back_up(path: Path, version: int) -> None:
    """Copy the database beside itself, as it was before a migration."""
    target = path.with_name(f"{path.name}.before-migration-{version + 1:04d}")
    target.unlink(missing_ok=True)
    _make_private(target)
    reader, copy = connect(path, can_write=False), connect(target, can_write=True)
    try:
        reader.backup(copy)
    finally:
        reader.close()
        copy.close()


def _apply(connection: sqlite3.Connection, migration: Migration) -> None:
    connection.execute(SQL["create_migrations"])
    for statement in _statements(migration.text):
        connection.execute(statement)
    applied_at_ms = time.time_ns() // 1_000_000
    connection.execute(
        SQL["insert_migration"], (migration.number, migration.name, migration.checksum, applied_at_ms)
    )
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID:d}")
    connection.execute(f"PRAGMA user_version = {migration.number:d}")


def _statements(script: str) -> Iterator[str]:
    """The statements of a script; ``executescript`` would commit before the first."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    value: int = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return value
