"""``log10-trace spool``: pending records, dropped records, dead letters."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from log10_trace.cli import exit_codes
from log10_trace.cli.app import app
from log10_trace.cli.dead_letter_sending import RECORDS, SPANS, send_dead_letters
from log10_trace.cli.options import Json
from log10_trace.cli.output import Column, count, numeric_column, show_json, show_rows, stderr_console
from log10_trace.cli.spool_flush import deliver_left_behind
from log10_trace.cli.units import format_bytes
from log10_trace.config import Config, resolve
from log10_trace.domain.ranges import format_ranges, to_ranges
from log10_trace.export.spool.backlog import Loss
from log10_trace.export.spool.dead_letters import DeadLetters
from log10_trace.export.spool.inspection import (
    PendingSource,
    Problem,
    find_problems,
    list_pending,
)
from log10_trace.export.spool.loss_log import LossLog
from log10_trace.export.spool.spool import Spool, spans_folder

spool: Final = typer.Typer(
    help="Show and deliver the records that wait on this machine.",
    epilog="""[bold]Examples[/bold]

  log10-trace spool status

  log10-trace spool flush

  log10-trace spool dead-letters --send""",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
app.add_typer(spool, name="spool")


def _settings() -> Config:
    """The settings, where the spool may be looked into.

    Raises:
        OSError: it may not.
    """
    settings = resolve()
    with suppress(FileNotFoundError, NotADirectoryError):
        os.listdir(settings.spool_dir)  # noqa: PTH208 -- a Path lists nothing where it may not look
    return settings


def _format_destination(each: PendingSource) -> str:
    if each.destination is None:
        return "not known"
    return each.destination.url or "this machine's server"


_COLUMNS: Final = (
    Column(title="SOURCE", cell=lambda each: each.source),
    Column(title="TO", cell=_format_destination, flexible=True),
    Column(title="KEY", cell=lambda each: each.destination.key or "any" if each.destination else "?"),
    Column(title="PROCESS", cell=lambda each: "running" if each.alive else "ended"),
    numeric_column("RECORDS", lambda each: len(each.sequences), count),
    Column(title="SIZE", cell=lambda each: str(each.bytes), brief=lambda each: format_bytes(each.bytes)),
)


@dataclass(frozen=True, slots=True)
class _SpoolReport:
    """What a spool holds: that of the records, or that of the spans for ``otlp_url``."""

    what: str
    waiting: list[PendingSource]
    losses: list[Loss]
    dead_letters: int
    problems: list[Problem]

    def as_json(self) -> dict[str, object]:
        given_up = [
            {name: getattr(loss, name) for name in ("source", "reason", "first", "last", "count")}
            for loss in self.losses
        ]
        return {
            "waiting": [_as_json(each) for each in self.waiting],
            "given_up": given_up,
            "dead_letters": self.dead_letters,
            "problems": [_problem_as_json(each) for each in self.problems],
        }

    def show_troubles(self) -> None:
        """Say what was lost, refused, and is wrong."""
        for loss in self.losses:
            count = f"{loss.count} {self.what}" if loss.first else f"an unknown number of {self.what}"
            where = f": {format_ranges([(loss.first, loss.last)])}" if loss.first else ""
            stderr_console.print(f"Given up: {count} of {loss.source} ({loss.reason}){where}")
        for problem in self.problems:
            stderr_console.print(f"{problem.path} {problem.what}. {problem.remedy}", soft_wrap=True)
        if self.dead_letters:
            letters = f"{self.dead_letters} dead letters" + (" of spans" if self.what == SPANS else "")
            stderr_console.print(f"{letters}. See: log10-trace spool dead-letters")


def _list_folders(settings: Config) -> list[tuple[str, Path]]:
    """What the spool holds, and where: records, and spans where a program had an ``otlp_url``."""
    spans = spans_folder(settings.spool_dir)
    return [(RECORDS, settings.spool_dir), *([(SPANS, spans)] if spans.is_dir() else [])]


def _report_on(what: str, folder: Path) -> _SpoolReport:
    waiting = list_pending(Spool(folder))
    return _SpoolReport(
        what=what,
        waiting=waiting,
        losses=LossLog(folder).losses(),
        dead_letters=len(DeadLetters(folder)),
        problems=find_problems(Spool(folder), waiting),
    )


@spool.command()
def status(*, json: Json = False) -> None:
    """Show pending records and spans of each process, dropped ones, and damaged files.

    KEY is the fingerprint of the token that the records wait for; `log10-trace doctor` shows that of yours.
    Spans wait for the URL of an OpenTelemetry endpoint: `spool flush` with LOG10_OTLP_URL delivers them, or
    the next program with this otlp_url.
    """
    settings = _settings()
    reports = {what: _report_on(what, folder) for what, folder in _list_folders(settings)}
    if json:
        spans = reports.get(SPANS)
        show_json({**reports[RECORDS].as_json(), "otlp": spans and spans.as_json()})
        return
    waiting = [each for report in reports.values() for each in report.waiting]
    show_rows(_COLUMNS, waiting, empty=f"Nothing waits in {settings.spool_dir}.")
    for report in reports.values():
        report.show_troubles()


def _problem_as_json(each: Problem) -> dict[str, str]:
    return {"path": str(each.path), "problem": each.what, "remedy": each.remedy}


def _as_json(each: PendingSource) -> dict[str, object]:
    to = each.destination
    return {
        "source": each.source,
        "destination_known": to is not None,
        "url": to.url if to else None,
        "organization_id": to.organization_id if to else None,
        "key": to.key if to else None,
        "running": each.alive,
        "records": len(each.sequences),
        "later_version": each.newer,
        "sequences": [list(run) for run in to_ranges(each.sequences)],
        "bytes": each.bytes,
    }


@spool.command()
def flush(
    *,
    timeout: Annotated[float, typer.Option(min=0, help="Time limit in seconds.")] = 60.0,
    any_key: Annotated[
        bool, typer.Option("--any-key", help="Include records captured with another key.")
    ] = False,
    unknown_destination: Annotated[
        bool,
        typer.Option("--unknown-destination", help="Include records with an unknown destination."),
    ] = False,
) -> None:
    """Deliver the records that ended processes left; running processes deliver their own.

    Spans go to the OpenTelemetry endpoint that LOG10_OTLP_URL names.
    """
    deliver_left_behind(_settings(), timeout, any_key=any_key, unknown_destination=unknown_destination)


@spool.command("dead-letters")
def dead_letters(
    letter_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="Only this dead letter.")] = None,
    *,
    send: Annotated[
        bool, typer.Option("--send", help="Send them again; accepted records are deleted.")
    ] = False,
    json: Json = False,
) -> None:
    """Show the records that a server rejected, and spans that an endpoint did, with the reason; or send them.

    Spans are sent to the OpenTelemetry endpoint that LOG10_OTLP_URL names.
    """
    settings = _settings()
    found = {
        what: (folder, [each for each in folder if letter_id in (None, each.id)])
        for what, folder in ((what, DeadLetters(path)) for what, path in _list_folders(settings))
    }
    dead_letters = [each for _, letters in found.values() for each in letters]
    if send:
        send_dead_letters(settings, found)
    elif json or letter_id is not None:
        for each in dead_letters:
            show_json(each.as_json())
    else:
        show_rows(_LETTERS, dead_letters, empty="No dead letters.")
    if letter_id is not None and not dead_letters:
        stderr_console.print(f"There is no dead letter {letter_id}.")
        raise typer.Exit(exit_codes.FAILED)


_LETTERS: Final = (
    Column(title="ID", cell=lambda each: each.id),
    Column(title="HTTP", cell=lambda each: str(each.status or "")),
    Column(title="REASON", cell=lambda each: f"{each.code} {each.message}".strip(), flexible=True),
    Column(title="SERVER", cell=lambda each: each.url, flexible=True),
)
