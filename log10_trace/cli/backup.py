"""``log10-trace backup``: a copy of the database, while servers write to it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from log10_trace.cli.app import app
from log10_trace.cli.database import Database, back_up_database
from log10_trace.cli.files import STANDARD
from log10_trace.cli.once import OnceCommand
from log10_trace.cli.output import count_noun, escape_control_characters, progress, show_text
from log10_trace.cli.units import format_bytes
from log10_trace.config import log10_home

EXAMPLES: Final = """[bold]Examples[/bold]

  log10-trace backup calls-2026-01-31.db

  log10-trace backup /mnt/backups/calls.db --force"""


@app.command(cls=OnceCommand, epilog=EXAMPLES)
def backup(
    file: Annotated[Path, typer.Argument(help="The backup: a new file.", show_default=False)],
    *,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it exists.")] = False,
    database: Database = None,
) -> None:
    """Copy the database to a file, while servers go on writing to it.

    The copy holds every record that was acknowledged before the command
    began. It is checked, and only you can read it. log10-trace restore puts
    it back. A PostgreSQL database is backed up with pg_dump instead.
    """
    if str(file) == STANDARD:
        message = "A backup cannot be written to the standard output. Name a file."
        raise typer.BadParameter(message, param_hint="FILE")
    contents = back_up_database(database, file, overwrite=force, stage=show_stage)
    size = format_bytes(file.stat().st_size)
    said = (
        f"Backed up {count_noun(contents.calls, 'call')} to {file} ({size}, checked).\n"
        "It holds calls, sessions, feedback, tasks, and keys as hashes. It does not hold records that wait "
        f"for delivery, nor this machine's own key, which lie in {log10_home()}, nor a price table of yours."
    )
    show_text(Text(escape_control_characters(said)))


def show_stage(what: str, size: int | None) -> AbstractContextManager[Callable[[int], None]]:
    """A bar for one stage of the work; see ``file_copy.Stage``."""
    return progress(what, size, in_bytes=size is not None)
