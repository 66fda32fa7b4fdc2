"""The options ``--database`` and ``--organization`` of the commands that work on a database itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from log10_trace.config import log10_home
from log10_trace.domain.labels import MAX_LABEL, is_label
from log10_trace.local_server import DATABASE
from log10_trace.server.store import open_store
from log10_trace.server.store.backup import back_up, restore
from log10_trace.server.store.copying.addresses import copy_database
from log10_trace.server.store.copying.copy import CopyReport, Watch
from log10_trace.server.store.protocol import Store
from log10_trace.server.store.sqlite.file_copy import Contents, Stage

MigrationReport: TypeAlias = CopyReport
"""What became of a migration."""

Database = Annotated[
    str | None,
    typer.Option(
        envvar="LOG10_DATABASE",
        show_default="completions.db in LOG10_HOME",
        help="A file for SQLite, postgresql://user@host/name, or clickhouses://user@host/name.",
    ),
]


def _label(value: str) -> str:
    if not is_label(value, min_chars=1):
        message = f"an organization is text of 1 to {MAX_LABEL} characters, none of them a control character."
        raise typer.BadParameter(message)
    return value


Organization = Annotated[
    str,
    typer.Option(envvar="LOG10_ORG_ID", callback=_label, help="Organization of the records."),
]


def resolve_database(database: str | None) -> str:
    """The database that is meant: the one named, else the file in LOG10_HOME."""
    return database or str(log10_home() / DATABASE)


def back_up_database(database: str | None, file: Path, *, overwrite: bool, stage: Stage) -> Contents:
    """Copy the database that is meant to ``file``, while servers write to it.

    Raises:
        SetupError: it cannot be copied.
    """
    return back_up(resolve_database(database), file, overwrite=overwrite, stage=stage)


def restore_database(database: str | None, file: Path, *, overwrite: bool, stage: Stage) -> Contents:
    """Put a backup in the place of the database that is meant.

    Raises:
        SetupError: a server has it open, or the backup cannot take its place.
    """
    return restore(resolve_database(database), file, overwrite=overwrite, stage=stage)


def migrate_database(source: str, target: str, *, merges: bool, watch: Watch) -> MigrationReport:
    """Copy everything in one database to another.

    Raises:
        SetupError: there is no source, a server has one of the files open, or the target holds other data.
        StoreError: one of them failed; the same call goes on.
    """
    return copy_database(source, target, merges=merges, watch=watch)


@contextmanager
def open_database(database: str | None) -> Iterator[Store]:
    """The store of the database that is meant, while the block runs; a server may have it open as well.

    Raises:
        SetupError: it cannot be opened.
    """
    store = open_store(resolve_database(database))
    try:
        yield store
    finally:
        store.close()
