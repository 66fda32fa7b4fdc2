"""Backing up and restoring the database at an address. Only SQLite's is a file that can be copied."""

from __future__ import annotations

from pathlib import Path

from log10_trace.errors import SetupError
from log10_trace.server.store.address import is_clickhouse, is_postgres, sqlite_path
from log10_trace.server.store.serving_lock import lock_database
from log10_trace.server.store.sqlite import backup
from log10_trace.server.store.sqlite.file_copy import Contents, Stage


def back_up(address: str, file: Path, *, overwrite: bool, stage: Stage) -> Contents:
    """Copy a SQLite database to ``file`` while servers write to it; see ``sqlite.backup.back_up``.

    Raises:
        SetupError: it is a PostgreSQL or a ClickHouse database, or it cannot be copied.
    """
    if is_clickhouse(address):
        message = (
            "backup copies a SQLite file. ClickHouse has a command of its own: BACKUP DATABASE log10 TO ..."
            " log10-trace completions export writes the calls as JSON lines."
        )
        raise SetupError(message)
    if is_postgres(address):
        message = (
            "backup copies a SQLite file. PostgreSQL has tools of its own: pg_dump --format=custom "
            "--file=FILE URL, and pg_restore. log10-trace completions export writes the calls as JSON lines."
        )
        raise SetupError(message)
    return backup.back_up(sqlite_path(address), file, overwrite=overwrite, stage=stage)


def restore(address: str, file: Path, *, overwrite: bool, stage: Stage) -> Contents:
    """Put a backup in the place of a SQLite database; see ``sqlite.backup.restore``.

    Raises:
        SetupError: it is a PostgreSQL or a ClickHouse database, a server has it open, or the backup cannot
            take its place.
    """
    if is_clickhouse(address):
        message = (
            "restore replaces a SQLite file. ClickHouse has a command of its own: RESTORE DATABASE log10"
            " FROM ... log10-trace completions import reads calls from JSON lines."
        )
        raise SetupError(message)
    if is_postgres(address):
        message = (
            "restore replaces a SQLite file. PostgreSQL has a tool of its own for what pg_dump wrote: "
            "pg_restore --clean --if-exists --dbname=URL FILE. log10-trace completions import reads calls "
            "from JSON lines."
        )
        raise SetupError(message)
    with lock_database(address):
        return backup.restore(file, sqlite_path(address), overwrite=overwrite, stage=stage)
