"""``log10-trace stats``: calls, failures, tokens, cost and latency, in groups or over time."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from log10_trace.cli.app import app
from log10_trace.cli.filter_options import CompletionFilterOptions
from log10_trace.cli.once import OnceCommand
from log10_trace.cli.options import Json, Server, expand_option_groups
from log10_trace.cli.output import (
    Column,
    console,
    count,
    count_noun,
    dollars,
    moment_of,
    numeric_column,
    one_line,
    seconds,
    show_json,
    show_rows,
    stderr_console,
)
from log10_trace.cli.stats_comparison import comparison_columns, piped_comparison_columns
from log10_trace.cli.units import span_ms
from log10_trace.client import Log10
from log10_trace.client.filters import Filters
from log10_trace.models.operations import Group, Statistics
from log10_trace.questions.grouping import GROUPS, METADATA, parse_group_by
from log10_trace.questions.span_comparison import compare_groups, shift_span

EXAMPLES: Final = """[bold]Examples[/bold]

  log10-trace stats --by model --since 7d

  log10-trace stats --by call-site --tag production

  log10-trace stats --by call-site --compare 7d

  log10-trace stats --by failure --since 24h

  log10-trace stats --by metadata.user_id --since 30d

  log10-trace stats --over day --since 4w"""


_EMPTY: Final = "No calls in that time. Earlier ones: a longer --since, such as --since 30d"


def _hyphenate(word: str) -> str:
    """``call_site`` as ``call-site``: both are understood."""
    return word.replace("_", "-")


def _parse_group_by(text: str) -> str:
    """What to group by, as the API names it."""
    group_by = parse_group_by(text)
    if group_by is None:
        message = f"{text!r} is none of {', '.join(GROUPS)} and metadata.KEY, such as metadata.user_id."
        raise typer.BadParameter(message)
    return group_by


GroupBy = Annotated[
    str,
    typer.Option(
        help="Group by.",
        parser=_parse_group_by,
        metavar=f"[{'|'.join(GROUPS)}|metadata.KEY]",
        autocompletion=lambda: [*GROUPS, METADATA],
    ),
]


class SortBy(str, Enum):
    """Figures that groups are sorted by."""

    COST = "cost"
    CALLS = "calls"
    TOKENS = "tokens"
    P95 = "p95"
    FAILED = "failed"
    KEY = "key"


class Interval(str, Enum):
    """How long a step of time is."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


def _brief_start(step: Group) -> str:
    moment = moment_of(step.start)
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M}"


_CALLS: Final = numeric_column("CALLS", lambda group: group.calls, count)
_FAILED: Final = numeric_column("FAILED", lambda group: group.failed, count)
_IN: Final = numeric_column("IN", lambda group: group.input_tokens, count)
_OUT: Final = numeric_column("OUT", lambda group: group.output_tokens, count)
_COST: Final = numeric_column("COST", lambda group: group.cost, dollars)
_P50: Final = numeric_column("P50", lambda group: group.p50, seconds)
_P95: Final = numeric_column("P95", lambda group: group.p95, seconds)
_P99: Final = numeric_column("P99", lambda group: group.p99, seconds)
_FIRST: Final = numeric_column("FIRST", lambda group: group.first_token_p50, seconds)
_START: Final = Column(title="FROM", cell=lambda step: step.start or "", brief=_brief_start)
_PIPED: Final = (_CALLS, _FAILED, _IN, _OUT, _COST, _P50, _P95, _P99, _FIRST)
_SHOWN: Final = (_CALLS, _FAILED, _COST, _P95, _IN, _OUT, _P50, _P99, _FIRST)
"""On a terminal, where the last ones have no room if it is narrow."""
_MIN_NAME_WIDTH: Final = 28
_MIN_COMPARED_WIDTH: Final = 20
"""Of a name beside two columns for each figure."""
Compare = Annotated[
    str | None,
    typer.Option(
        "--compare", help="7d: the last 7d beside the 7d before; with --since, the same 7d earlier."
    ),
]


@app.command(cls=OnceCommand, epilog=EXAMPLES, context_settings={"token_normalize_func": _hyphenate})
@expand_option_groups
def stats(
    *,
    by: GroupBy = "model",
    over: Annotated[Interval | None, typer.Option(help="Group by time interval.")] = None,
    sort: Annotated[
        SortBy, typer.Option(help="Figure that groups are sorted by, the largest first.")
    ] = SortBy.COST,
    compare: Compare = None,
    which: CompletionFilterOptions,
    server: Server,
    json: Json = False,
) -> None:
    """Show counts of calls, failures and tokens, cost, durations, and time to the first token."""
    if compare is not None:
        if over is not None:
            message = "--compare and --over cannot be used together."
            raise typer.BadParameter(message)
        _show_comparison(by, sort, compare, which.filters(), server, as_json=json)
        return
    with server.client() as client:
        found = _read_statistics(client, by, sort, which.filters(), over)
    rows = found.groups if over is None else found.series
    if json:
        for row in rows:
            show_json(row)
        return
    figures = _SHOWN if console.is_terminal else _PIPED
    show_rows((*([_START] if over else []), _name_column(by), *figures), rows, empty=_EMPTY)
    _say_what_is_missing(found)


def _read_statistics(
    client: Log10, by: str, sort: SortBy, filters: Filters, over: Interval | None = None
) -> Statistics:
    return client.completions.statistics(
        group_by=by,
        interval=over.value if over else None,
        sort=sort.value,
        **filters,
    ).statistics


def _show_comparison(
    by: str, sort: SortBy, span: str, filters: Filters, server: Server, *, as_json: bool
) -> None:
    """Show the groups beside what they were so long before."""
    try:
        now, before = shift_span(filters, span_ms(span))
    except OverflowError:
        message = f"{span!r} is too long; use 24h, 7d or 4w."
        raise typer.BadParameter(message, param_hint="--compare") from None
    with server.client() as client:
        found = _read_statistics(client, by, sort, now)
        rows = compare_groups(found.groups, _read_statistics(client, by, sort, before).groups)
    if as_json:
        for row in rows:
            show_json(row.to_dict())
        return
    figures = comparison_columns() if console.is_terminal else piped_comparison_columns()
    show_rows((_name_column(by, _MIN_COMPARED_WIDTH), *figures), rows, empty=_EMPTY)
    _say_what_is_missing(found)


def _name_column(by: str, min_width: int = _MIN_NAME_WIDTH) -> Column:
    """The groups' names. Calls to no known model are a group too, and have no key."""
    nameless = "all" if by == "none" else f"(no {by.replace('_', ' ')})"

    def shorten(group: Any, width: int) -> Text:
        name = Text(one_line(group.key or nameless))
        if by == "call_site" and name.cell_len > width:
            return Text("…") + name[len(name) - width + 1 :]  # the function stands at the end
        return name

    return Column(
        title="WHAT",
        cell=lambda group: group.key or nameless,
        shorten=shorten,
        flexible=True,
        min_width=min_width,
    )


def _say_what_is_missing(found: Statistics) -> None:
    """Say on the standard error which calls are not in the figures."""
    if not found.exact:
        counted = ", ".join(f"{name} {value}" for name, value in (found.counted or {}).items()) or "all calls"
        stderr_console.print(f"Too many calls match to be summed; the figures are of {counted}.")
    if unpriced := sum(group.unpriced or 0 for group in found.groups):
        stderr_console.print(
            f"The cost is without {count_noun(unpriced, 'call')} whose price is unknown. "
            "The models that have one: log10-trace prices."
        )
