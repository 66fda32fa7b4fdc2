"""``log10-trace prune``: delete the oldest records, by age or by size."""

from __future__ import annotations

import json
import time
from typing import Annotated, Final

import typer

from log10_trace.cli.app import app
from log10_trace.cli.database import Database, open_database
from log10_trace.cli.once import OnceCommand
from log10_trace.cli.units import format_bytes, size_bytes, span_ms

EXAMPLES: Final = """[bold]Examples[/bold]

  log10-trace prune --older-than 30d

  log10-trace prune --max-size 5GB --yes"""


@app.command(cls=OnceCommand, epilog=EXAMPLES)
def prune(
    *,
    older_than: Annotated[
        str | None, typer.Option(help="Delete records of calls older than this: 30d, 12h.")
    ] = None,
    max_size: Annotated[
        str | None,
        typer.Option(help="Delete the oldest records until the database is at most this large: 5GB."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    database: Database = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Delete the oldest records for good, including the search index, and return the space to the disk."""
    if older_than is None and max_size is None:
        message = "give --older-than, --max-size or both."
        raise typer.BadParameter(message)
    before_ms = None if older_than is None else time.time_ns() // 1_000_000 - span_ms(older_than)
    max_bytes = None if max_size is None else size_bytes(max_size)
    if not yes:
        typer.confirm("Deleted records cannot be restored. Continue?", abort=True)
    with open_database(database) as store:
        report = store.maintenance.prune(before_ms=before_ms, max_bytes=max_bytes).result()
    if as_json:
        given = {"bytes_before": report.bytes_before, "bytes_after": report.bytes_after}
        typer.echo(json.dumps({"completions": report.completions, **given}))
        return
    sizes = f"{format_bytes(report.bytes_before)} before, {format_bytes(report.bytes_after)} now"
    typer.echo(f"Deleted {report.completions} records; {sizes}.")
