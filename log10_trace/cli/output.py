"""Output of commands: tables on terminals, tab-separated lines in pipes, JSON for programs.

On a terminal a table is as wide as the terminal. In a pipe a row is a line, its cells apart by tabs, nothing
shortened, no header. What came from elsewhere is shown with its control characters made visible, so that a
prompt cannot steer the terminal it is looked at on.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Final

from rich.console import Console
from rich.padding import Padding
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)
from rich.segment import Segment, Segments
from rich.table import Table
from rich.text import Text

from log10_trace.cli.column_widths import GAP, MIN_WIDTH, fit_columns
from log10_trace.domain import formatting
from log10_trace.domain.control_characters import replace_control_characters
from log10_trace.domain.times import parse_rfc3339_ms, utc_datetime
from log10_trace.models.base import Model

console: Final = Console(highlight=False, markup=False, emoji=False)
"""The standard output. Honours NO_COLOR, and draws nothing in a pipe."""
stderr_console: Final = Console(stderr=True, highlight=False, markup=False, emoji=False)
"""Messages other than the result, on standard error, so that a pipe receives the result alone."""

_SHORT_ID: Final = 8
_WHOLE_ID: Final = 12
"""Characters up to which an id is not shortened."""
_UNLIMITED: Final = sys.maxsize
_SPACE: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table."""

    title: str
    cell: Callable[[Any], str]
    """The text of the cell, whole."""
    brief: Callable[[Any], str] | None = None
    """The text for people, when it is another one: a time as its age."""
    flexible: bool = False
    """May be shortened to fit the terminal."""
    shorten: Callable[[Any, int], Text] | None = None
    """The text for people in so many characters, where it is not just cut at its end."""
    min_width: int = 0
    """Characters that columns to the right give way to."""
    max_part: float = 1.0
    """Of the terminal's width."""
    right: bool = False
    keeps_spaces: bool = False
    """Whether runs of spaces stay, in a table."""
    style: Callable[[Any], str] | None = None


def numeric_column(
    title: str, value: Callable[[Any], float | None], shown: Callable[[float | None], str]
) -> Column:
    """A column of numbers: as ``shown`` for people, as they are in a pipe."""
    return Column(
        title=title,
        cell=lambda item: "" if value(item) is None else str(value(item)),
        brief=lambda item: shown(value(item)),
        right=True,
    )


def show_rows(
    columns: Sequence[Column],
    items: Iterable[Any],
    *,
    empty: str,
    note: Callable[[Any], Text | None] = lambda _: None,
) -> None:
    """Show the items as a table, or as lines in a pipe; ``empty`` is printed when there are none.

    In a table the ``note`` on an item stands below its row.
    """
    if not console.is_terminal:
        for item in items:
            print_line("\t".join(one_line(column.cell(item)) for column in columns))
        return
    items = list(items)
    if not items:
        stderr_console.print(empty)
        return
    header, *lines = console.render_lines(_draw(columns, items), pad=False)
    console.print(Segments([*header, Segment.line()]), end="")
    for line, item in zip(lines, items, strict=True):
        console.print(Segments([*line, Segment.line()]), end="")
        if text := note(item):
            show_text(text, indent=2 * GAP)


def _cell(column: Column, item: Any, width: int) -> Text:
    if column.shorten is not None:
        return column.shorten(item, width)
    text = (column.brief or column.cell)(item)
    clean = escape_control_characters(text) if column.keeps_spaces else one_line(text)
    return Text(clean, style=column.style(item) if column.style else "")


def _draw(columns: Sequence[Column], items: Sequence[Any]) -> Table:
    natural = [
        min(
            max(len(column.title), *(_cell(column, item, _UNLIMITED).cell_len for item in items)),
            max(MIN_WIDTH, int(column.max_part * console.width)),
        )
        for column in columns
    ]
    flexible, min_widths = [column.flexible for column in columns], [column.min_width for column in columns]
    widths = fit_columns(natural, flexible, console.width, min_widths)
    shown = [(column, width) for column, width in zip(columns, widths, strict=True) if width]
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    for column, width in shown:
        table.add_column(
            column.title,
            width=width,
            no_wrap=True,
            overflow="ellipsis",
            justify="right" if column.right else "left",
        )
    for item in items:
        table.add_row(*(_cell(column, item, width) for column, width in shown))
    return table


def print_line(text: str) -> None:
    """Write a line of plain text to the standard output."""
    sys.stdout.write(text + "\n")


def show_json(value: Model | Mapping[str, Any] | list[Any]) -> None:
    """Write one JSON document on one line; lists are shown as one document a line."""
    content = value.model_dump(warnings=False) if isinstance(value, Model) else value
    print_line(json.dumps(content, default=str))


def show_text(text: Text, *, indent: int = 0) -> None:
    """Show text to a person: wrapped to the terminal, in a pipe line by line as it is."""
    if console.is_terminal:
        console.print(Padding(text, (0, 0, 0, indent), expand=False))
    else:
        print_line(textwrap.indent(text.plain, " " * indent))


def show_bytes(pieces: Iterable[bytes]) -> None:
    """Write bytes to the standard output as they are."""
    sys.stdout.flush()
    for piece in pieces:
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


def escape_control_characters(text: str) -> str:
    """The text with control characters made visible; line breaks and tabs stay."""
    return replace_control_characters(text, _picture)


def _picture(code: int) -> str:
    return chr(0x2400 + code) if code < 0x20 else "\ufffd"  # noqa: PLR2004 -- the pictures of the C0 controls


def one_line(text: str) -> str:
    """The text on one line, runs of white space made one space."""
    return escape_control_characters(_SPACE.sub(" ", text)).strip()


def short_id(identifier: str | None) -> str:
    """The last characters of an id, which are the random ones of a UUIDv7; an id little longer is whole."""
    text = identifier or ""
    return text if len(text) <= _WHOLE_ID else text[-_SHORT_ID:]


def relative_time(moment: datetime | None, now: datetime | None = None) -> str:
    """How long ago: ``12s``, ``3m``, ``2h``, ``5d``."""
    if moment is None:
        return ""
    now_ms = int((now or datetime.now(timezone.utc)).timestamp() * 1000)
    return formatting.short_relative_time(int(moment.timestamp() * 1000), now_ms)


def age(moment: datetime | None) -> str:
    """How long ago, in a column of ages: ``12s``, ``3m``, ``2h``, ``5d``."""
    return relative_time(moment).removesuffix(" ago")


def symbol(character: str, instead: str) -> str:
    """The character, or ``instead`` where the terminal's encoding has it not."""
    try:
        character.encode(console.encoding)
    except UnicodeEncodeError:
        return instead
    return character


def moment_of(value: datetime | str | None) -> datetime | None:
    """The moment that an RFC 3339 text names; none when it is no such text."""
    if value is None or isinstance(value, datetime):
        return value
    ms = parse_rfc3339_ms(value)
    return None if ms is None else utc_datetime(ms)


def seconds(value: float | None) -> str:
    """A duration for people: ``840 ms``, ``2.31 s``."""
    if value is None:
        return ""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def dollars(value: float | None) -> str:
    """A cost for people: ``$0.0042``, ``<$0.0001``; empty when it is not known."""
    if value is None:
        return ""
    # Four digits would show what was paid as nothing.
    return "<$0.0001" if 0 < value < 0.00005 else f"${value:,.4f}"  # noqa: PLR2004 -- half a hundredth of a cent


def count(value: float | None) -> str:
    """A number for people."""
    return "" if value is None else f"{value:,}"


def count_noun(number: int, thing: str) -> str:
    """A number with its noun: ``1 call``, ``2,000 calls``."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


@contextmanager
def progress(
    what: str, total: int | None = None, *, in_bytes: bool = False
) -> Iterator[Callable[[int], None]]:
    """A bar on the standard error while the block runs, moved on by calling what it gives.

    Only on a terminal; without ``total`` it counts without knowing the end.
    """
    shown: tuple[Any, ...] = (
        (DownloadColumn(), TransferSpeedColumn()) if in_bytes else (TextColumn("{task.completed:,}"),)
    )
    first = SpinnerColumn() if total is None else BarColumn()
    bar = Progress(
        TextColumn("{task.description}"),
        first,
        *shown,
        TimeElapsedColumn(),
        console=stderr_console,
        transient=True,
        disable=not stderr_console.is_terminal,
    )
    with bar:
        task = bar.add_task(what, total=total)
        yield lambda step: bar.advance(task, step)
