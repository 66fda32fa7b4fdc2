"""``log10-trace restore``: a backup in the place of the database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from log10_trace.cli.app import app
from log10_trace.cli.backup import show_stage
from log10_trace.cli.database import Database, resolve_database, restore_database
from log10_trace.cli.once import OnceCommand
from log10_trace.cli.output import count_noun, escape_control_characters, show_text

EXAMPLES: Final = """[bold]Examples[/bold]

  log10-trace restore calls-2026-01-31.db

  log10-trace restore calls-2026-01-31.db --database other.db"""


@app.command(cls=OnceCommand, epilog=EXAMPLES)
def restore(
    file: Annotated[Path, typer.Argument(help="The backup.", show_default=False)],
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace a database that holds records.")] = False,
    database: Database = None,
) -> None:
    """Put a backup in the place of the database, which no server may have open.

    The backup is checked first; until all of it is copied the database is
    as it was. Afterwards calls that were stored since the backup are gone,
    and calls that were deleted since are back.
    """
    contents = restore_database(database, file, overwrite=force, stage=show_stage)
    said = f"Restored {count_noun(contents.calls, 'call')} to {resolve_database(database)}."
    show_text(Text(escape_control_characters(said)))
