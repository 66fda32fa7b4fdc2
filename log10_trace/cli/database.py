"""The option ``--database`` of the commands that work on a database itself."""

from __future__ import annotations

from typing import Annotated

import typer

from log10_trace.config import home

Database = Annotated[
    str | None,
    typer.Option(
        envvar="LOG10_DATABASE",
        show_default="completions.db in LOG10_HOME",
        help="A file for SQLite, or postgresql://user@host/name.",
    ),
]


def resolved(database: str | None) -> str:
    """The database that is meant: the one named, else the file in LOG10_HOME."""
    return database or str(home() / "completions.db")
