"""``log10-trace migrate``: all of a database into another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Annotated, Final

import typer

from log10_trace.cli.app import app
from log10_trace.cli.database import MigrationReport, migrate_database
from log10_trace.cli.once import OnceCommand
from log10_trace.cli.output import count_noun, one_line, progress, stderr_console

EXAMPLES: Final = """[bold]Examples[/bold]

  log10-trace migrate --from ~/.log10/completions.db --to postgresql://log10@db/log10

  log10-trace migrate --from postgresql://log10@db/log10 --to copy.db"""

_LINES: Final = 10
"""Lines of progress where no terminal shows a bar."""
_SHOWN: Final = 20
"""Ids of records that are listed."""


@app.command(cls=OnceCommand, epilog=EXAMPLES)
def migrate(
    *,
    source: Annotated[
        str,
        typer.Option(
            "--from", help="The database to read: a file, or the address of a server.", show_default=False
        ),
    ],
    target: Annotated[
        str, typer.Option("--to", help="The database to write; made if it is missing.", show_default=False)
    ],
    merge: Annotated[bool, typer.Option("--merge", help="Add to a target that holds data already.")] = False,
) -> None:
    """Copy all organizations to another database: calls, sessions, feedback, tasks, keys, deletions.

    Ids and bytes stay as they are, and so does the order of lists. A
    migration that was stopped goes on where it stood when the same command
    is given again. At the end the counts of both are compared.

    A SQLite database is not migrated while log10-trace serve has it open.
    """
    try:
        with _shown_progress() as watch:
            report = migrate_database(source, target, merges=merge, watch=watch)
    except KeyboardInterrupt:
        stderr_console.print("Stopped. The same command goes on where it stood.")
        raise
    _show(report)
    if not report.is_complete:
        raise typer.Exit(1)


def _show(report: MigrationReport) -> None:
    read = (
        f"{count_noun(report.records, 'call')} of {count_noun(report.organizations, 'organization')} copied"
    )
    results = {effect.value: number for effect, number in report.results.items()}
    there = results.get("unchanged", 0) + results.get("merged", 0)
    besides = f", {there:,} of them were there already" if there else ""
    if deleted := results.get("deleted", 0):
        besides += f", {deleted:,} were deleted in the target before and stay so"
    if report.is_complete:
        compared = "" if deleted else " Source and target hold the same counts."
        stderr_console.print(f"{read}{besides}.{compared}")
    else:
        stderr_console.print(f"{read}{besides}, but the target does not hold all of the source:")
        for sentence in (*report.differences, *_describe_unstorable(report.unstorable)):
            stderr_console.print(f"  {one_line(sentence)}")
        stderr_console.print(
            "Records may have come or gone while they were copied. With --merge the same command copies what "
            "is missing."
        )
    if not report.is_searchable:
        stderr_console.print("The words of some calls are not indexed yet; serve goes on with it.")


def _describe_unstorable(ids: list[str]) -> Iterator[str]:
    for completion_id in ids[:_SHOWN]:
        yield f"The target cannot hold the call {completion_id}."
    if len(ids) > _SHOWN:
        yield f"The same of {len(ids) - _SHOWN:,} more."


@contextmanager
def _shown_progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show each stage as a bar on a terminal, elsewhere as lines on the standard error."""
    if not stderr_console.is_terminal:
        yield _Lines().watch
        return
    with ExitStack() as stack:
        bars = _Bars(stack)
        yield bars.watch


class _Lines:
    def __init__(self) -> None:
        self._said: tuple[str, int] = ("", 0)

    def watch(self, stage: str, done: int, total: int) -> None:
        """Print a line at the beginning of a stage and after each tenth of it."""
        part = done * _LINES // max(total, 1)
        if (stage, part) != self._said:
            self._said = stage, part
            stderr_console.print(f"{stage}: {100 * done // max(total, 1)} %")


class _Bars:
    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._stage = ""
        self._done = 0
        self._move_on: Callable[[int], None] = lambda _: None

    def watch(self, stage: str, done: int, total: int) -> None:
        """Move the bar of the stage on; that of the stage before it goes."""
        if stage != self._stage:
            self._stack.close()
            self._move_on = self._stack.enter_context(progress(stage, total))
            self._stage, self._done = stage, 0
        self._move_on(done - self._done)
        self._done = done
