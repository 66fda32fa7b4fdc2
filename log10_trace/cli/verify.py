"""``log10-trace verify``: check that every record of every process arrived, and list those that did not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import typer

from log10_trace.cli import exit_codes
from log10_trace.cli.app import app
from log10_trace.cli.options import Json, Server, expand_option_groups
from log10_trace.cli.output import (
    Column,
    count,
    numeric_column,
    print_line,
    show_json,
    show_rows,
    stderr_console,
)
from log10_trace.client import Log10
from log10_trace.config import resolve
from log10_trace.domain.ranges import format_ranges, to_ranges
from log10_trace.export.spool.dead_letters import DeadLetters
from log10_trace.export.spool.inspection import list_pending
from log10_trace.export.spool.loss_log import LossLog
from log10_trace.export.spool.spool import Spool


@dataclass(slots=True, kw_only=True)
class SourceAudit:
    """What became of the records of one source, by their sequences."""

    source: str
    arrived: int = 0
    waiting: set[int] = field(default_factory=set)
    refused: set[int] = field(default_factory=set)
    given_up: set[int] = field(default_factory=set)
    missing: set[int] = field(default_factory=set)
    unended: int = 0
    """Calls that were shown as started. They have no sequence before they end."""

    def reconcile(self) -> None:
        """Pending, rejected and dropped records are not missing."""
        self.refused -= self.waiting
        self.given_up -= self.waiting | self.refused
        self.missing -= self.waiting | self.refused | self.given_up

    @property
    def is_whole(self) -> bool:
        """Whether every record has arrived or will."""
        return not (self.refused or self.given_up or self.missing)


_COLUMNS = (
    Column(title="SOURCE", cell=lambda each: each.source),
    numeric_column("ARRIVED", lambda each: each.arrived, count),
    numeric_column("WAITING", lambda each: len(each.waiting), count),
    numeric_column("REFUSED", lambda each: len(each.refused), count),
    Column(title="GIVEN UP", cell=lambda each: format_ranges(to_ranges(each.given_up)), flexible=True),
    Column(title="MISSING", cell=lambda each: format_ranges(to_ranges(each.missing)), flexible=True),
    numeric_column("NOT ENDED", lambda each: each.unended, count),
)


EXAMPLES: Final = """[bold]Example[/bold]

  log10-trace verify"""


@app.command(epilog=EXAMPLES)
@expand_option_groups
def verify(*, server: Server, json: Json = False) -> None:
    """Compare the sequence numbers of each process with the server's records, and list every gap.

    Counts records that are pending on this machine, dropped, or rejected. Exit code 1 when a
    record is missing, dropped or rejected. A call that has not ended is none of these, and is counted apart.
    """
    accounts = _accounts(server)
    broken = [each for each in accounts if not each.is_whole]
    if json:
        for each in accounts:
            show_json(_as_json(each))
    else:
        show_rows(_COLUMNS, broken, empty="No gaps.")
        arrived = sum(each.arrived for each in accounts)
        waits = sum(len(each.waiting) for each in accounts)
        print_line(
            f"{len(accounts)} sources: {arrived} records arrived, {waits} wait; {len(broken)} with gaps."
        )
        if waits:
            stderr_console.print("What waits is delivered by: log10-trace spool flush")
        if unended := sum(each.unended for each in accounts):
            stderr_console.print(
                f"{unended} calls are in progress, or their process died and its spool is pending. "
                "See: log10-trace completions list --status started"
            )
    if broken:
        raise typer.Exit(exit_codes.FAILED)


class _Accounts(dict[str, SourceAudit]):
    """The account of each source, made when it is first asked for."""

    def __missing__(self, source: str) -> SourceAudit:
        return self.setdefault(source, SourceAudit(source=source))


def _accounts(server: Server) -> list[SourceAudit]:
    accounts = _Accounts()
    with server.client() as client:
        _add_server_state(client, accounts)
    _add_local_state(resolve().spool_dir, accounts)
    for account in accounts.values():
        account.reconcile()
    return sorted(accounts.values(), key=lambda account: account.source)


def _add_server_state(client: Log10, accounts: _Accounts) -> None:
    """Enter what the server has."""
    for found in client.sources.list().sources:
        accounts[found.source].arrived = found.count
        accounts[found.source].missing |= _numbers(found.missing or [])
    for call in client.completions.list(status="started"):
        if call.source:
            accounts[call.source].unended += 1


def _add_local_state(spool_dir: Path, accounts: _Accounts) -> None:
    """Add the records that are pending on this machine, rejected or dropped."""
    for each in list_pending(Spool(spool_dir)):
        accounts[each.source].waiting |= set(each.sequences)
    for letter in DeadLetters(spool_dir):
        if letter.sequence:
            accounts[letter.source].refused.add(letter.sequence)
    for loss in LossLog(spool_dir).losses():
        # What was torn was being written when its process died: its call had not returned.
        if loss.first and loss.reason != "torn":
            accounts[loss.source].given_up |= _numbers([[loss.first, loss.last]])


def _numbers(runs: Iterable[list[int]]) -> set[int]:
    return {number for first, last in runs for number in range(first, last + 1)}


def _as_json(account: SourceAudit) -> dict[str, object]:
    sets = ("waiting", "refused", "given_up", "missing")
    return asdict(account) | {name: to_ranges(getattr(account, name)) for name in sets}
