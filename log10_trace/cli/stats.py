"""``log10-trace stats``: calls, failures, tokens, cost and latency, in groups or over time."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Final

import typer

from log10_trace.cli.app import app
from log10_trace.cli.filter_options import CompletionFilterOptions
from log10_trace.cli.once import OnceCommand
from log10_trace.cli.options import Json, Server, expand_option_groups
from log10_trace.cli.output import (
    Column,
    count,
    dollars,
    numeric_column,
    seconds,
    show_json,
    show_rows,
    stderr_console,
)

EXAMPLES: Final = """[bold]Examples[/bold]

  log10-trace stats --by model --since 7d

  log10-trace stats --by call_site --sort cost --tag production

  log10-trace stats --by failure --since 24h

  log10-trace stats --over day --since 4w"""


class GroupBy(str, Enum):
    """Group by."""

    NONE = "none"
    MODEL = "model"
    TAG = "tag"
    CALL_SITE = "call_site"
    SESSION = "session"
    FAILURE = "failure"


class SortBy(str, Enum):
    """Figures that groups are sorted by."""

    CALLS = "calls"
    COST = "cost"
    FAILED = "failed"
    TOKENS = "tokens"
    P95 = "p95"
    KEY = "key"


class Interval(str, Enum):
    """How long a step of time is."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


_FIGURES: Final = (
    numeric_column("CALLS", lambda group: group.calls, count),
    numeric_column("FAILED", lambda group: group.failed, count),
    numeric_column("IN", lambda group: group.input_tokens, count),
    numeric_column("OUT", lambda group: group.output_tokens, count),
    numeric_column("COST", lambda group: group.cost, dollars),
    numeric_column("P50", lambda group: group.p50, seconds),
    numeric_column("P95", lambda group: group.p95, seconds),
    numeric_column("P99", lambda group: group.p99, seconds),
    numeric_column("FIRST", lambda group: group.first_token_p50, seconds),
)
_START: Final = Column(title="FROM", cell=lambda step: step.start or "")


@app.command(cls=OnceCommand, epilog=EXAMPLES)
@expand_option_groups
def stats(
    *,
    by: Annotated[GroupBy, typer.Option(help="Group by.")] = GroupBy.MODEL,
    over: Annotated[Interval | None, typer.Option(help="Group by time interval.")] = None,
    sort: Annotated[SortBy, typer.Option(help="Figure that groups are sorted by.")] = SortBy.CALLS,
    which: CompletionFilterOptions,
    server: Server,
    json: Json = False,
) -> None:
    """Show counts of calls, failures and tokens, cost, durations, and time to the first token."""
    with server.client() as client:
        found = client.completions.statistics(
            group_by=by.value,
            interval=over.value if over else None,
            sort=sort.value,
            **which.filters(),
        ).statistics
    rows = found.groups if over is None else found.series
    if json:
        for row in rows:
            show_json(row)
        return
    # Calls to no known model are a group too, and have no key.
    nameless = "all" if by is GroupBy.NONE else f"(no {by.value})"
    what = Column(title="WHAT", cell=lambda group: group.key or nameless, flexible=True)
    show_rows((*([_START] if over else []), what, *_FIGURES), rows, empty="No calls in that time.")
    if not found.exact:
        counted = ", ".join(f"{name} {value}" for name, value in (found.counted or {}).items()) or "all calls"
        stderr_console.print(f"Too many calls match to be summed; the figures are of {counted}.")
    if unpriced := sum(group.unpriced or 0 for group in found.groups):
        stderr_console.print(
            f"{unpriced:,} calls have no known price, and are not in the cost. "
            "The models that have one: log10-trace prices."
        )
