"""``completions tail``: the newest calls, and those that come in while you look."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Final

import typer
from rich.text import Text

from log10_trace.cli.completions.columns import select_columns
from log10_trace.cli.completions.group import group
from log10_trace.cli.filter_options import CompletionFilterOptions
from log10_trace.cli.once import OnceCommand
from log10_trace.cli.options import Json, Server, expand_option_groups
from log10_trace.cli.output import Column, console, one_line, print_line, show_json
from log10_trace.client import Log10
from log10_trace.client.filters import Filters
from log10_trace.client.operation import PAGE_SIZE, Page
from log10_trace.models.components import CompletionSummary

_LINE: Final = "time,status,model,duration,tokens,request,response"
_PIPED: Final = "id," + _LINE
_KNOWN_AT_FIRST: Final = 2 * PAGE_SIZE
"""Calls that are no news at first: more than a look sees, so that a deletion brings up none of them."""
_REMEMBERED: Final = 10_000
"""Calls that are known as shown; far more than come in between two looks."""


@group.command("tail", cls=OnceCommand)
@expand_option_groups
def tail(
    *,
    which: CompletionFilterOptions,
    server: Server,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Follow until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", help="Number of calls to begin with.", min=0)] = 10,
    interval: Annotated[float, typer.Option(help="Polling interval in seconds.", min=0.05)] = 0.5,
    columns: Annotated[
        str | None, typer.Option(help="Columns, separated by commas.", show_default=_LINE)
    ] = None,
    json: Json = False,
) -> None:
    """Show the newest calls, the newest last. A call shown while running is shown again at its end."""
    table = select_columns(columns or (_LINE if console.is_terminal else _PIPED))
    with server.client() as client:
        filters = which.filters()
        seen = Seen()
        newest = seen.of(client.completions.list(limit=max(lines, _KNOWN_AT_FIRST), **filters))
        for call in reversed(newest[:lines]):
            _show(call, table, as_json=json)
        if follow:
            for call in _coming(client, filters, seen, lambda: time.sleep(interval)):
                _show(call, table, as_json=json)


class Seen:
    """Which calls were shown, and in which status: what differs from it is news."""

    def __init__(self) -> None:
        self._statuses: OrderedDict[str | None, str | None] = OrderedDict()

    def of(self, calls: Iterable[CompletionSummary]) -> list[CompletionSummary]:
        """Those of the calls that are news, and from now on are not."""
        news = [call for call in calls if self._statuses.get(call.id, "") != call.status]
        for call in news:
            self._statuses[call.id] = call.status
        while len(self._statuses) > _REMEMBERED:
            self._statuses.popitem(last=False)
        return news


def _coming(
    client: Log10, filters: Filters, seen: Seen, wait: Callable[[], None]
) -> Iterator[CompletionSummary]:
    """Yields calls as they arrive, without end."""
    while True:
        wait()
        yield from reversed(_news(client.completions.list(**filters).pages(), seen))


def _news(pages: Iterable[Page[CompletionSummary]], seen: Seen) -> list[CompletionSummary]:
    """What is new, the newest first: page after page, until one holds something known.

    The whole first page is looked through, so that a record that was delivered late is found among the newer.
    """
    news: list[CompletionSummary] = []
    for page in pages:
        fresh = seen.of(page.items)
        news += fresh
        if len(fresh) < len(page.items):
            break
    return news


def _show(call: CompletionSummary, columns: list[Column], *, as_json: bool) -> None:
    if as_json:
        show_json(call)
    elif not console.is_terminal:
        print_line("\t".join(one_line(column.cell(call)) for column in columns))
    else:
        console.print(_line(call, columns), no_wrap=True, overflow="ellipsis", crop=True)
    console.file.flush()


def _line(call: CompletionSummary, columns: list[Column]) -> Text:
    line = Text()
    for column in columns:
        text = one_line((column.brief or column.cell)(call))
        if text:
            line.append(text + "  ", style=column.style(call) if column.style else "")
    return line
