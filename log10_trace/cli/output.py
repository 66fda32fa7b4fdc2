"""How commands speak: tables for people, tab-separated lines for pipes, JSON for programs.

On a terminal a table is as wide as the terminal. In a pipe a row is a line, its cells apart by tabs, nothing
shortened, no header. What came from elsewhere is shown with its control characters made visible, so that a
prompt cannot steer the terminal it is looked at on.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from log10_trace.models.base import Model

console: Final = Console(highlight=False, markup=False, emoji=False)
"""The standard output. Honours NO_COLOR, and draws nothing in a pipe."""
remarks: Final = Console(stderr=True, highlight=False, markup=False, emoji=False)
"""What is said beside the result: on the standard error, so that a pipe gets the result alone."""

_CONTROL: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_SPACE: Final = re.compile(r"\s+")
_AGES: Final = ((86_400 * 365, "y"), (86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


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
    right: bool = False
    style: Callable[[Any], str] | None = None


def show_rows(columns: Sequence[Column], items: Iterable[Any], *, empty: str) -> None:
    """Show the items as a table, or as lines in a pipe; ``empty`` is said when there are none."""
    if not console.is_terminal:
        for item in items:
            say("\t".join(one_line(column.cell(item)) for column in columns))
        return
    table = _drawn(columns, items)
    if table.row_count:
        console.print(table)
    else:
        remarks.print(empty)


def _drawn(columns: Sequence[Column], items: Iterable[Any]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=False)
    for column in columns:
        table.add_column(
            column.title,
            justify="right" if column.right else "left",
            no_wrap=True,
            overflow="ellipsis",
            ratio=None,
            min_width=None if column.flexible else len(column.title),
        )
    for item in items:
        table.add_row(*(_cell(column, item) for column in columns))
    return table


def _cell(column: Column, item: Any) -> Text:
    text = (column.brief or column.cell)(item)
    return Text(one_line(text), style=column.style(item) if column.style else "")


def say(text: str) -> None:
    """Write a line of plain text to the standard output."""
    sys.stdout.write(text + "\n")


def show_json(value: Model | Mapping[str, Any] | list[Any]) -> None:
    """Write one JSON document on one line; lists are shown as one document a line."""
    content = value.model_dump() if isinstance(value, Model) else value
    say(json.dumps(content, default=str))


def show_bytes(pieces: Iterable[bytes]) -> None:
    """Write bytes to the standard output as they are."""
    sys.stdout.flush()
    for piece in pieces:
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


def safe(text: str) -> str:
    """The text with control characters made visible; line breaks and tabs stay."""
    return _CONTROL.sub(_visible, text.replace("\r\n", "\n"))


def _visible(found: re.Match[str]) -> str:
    code = ord(found.group())
    return chr(0x2400 + code) if code < 0x20 else "\ufffd"  # noqa: PLR2004 -- the pictures of the C0 controls


def one_line(text: str) -> str:
    """The text on one line, runs of white space made one space."""
    return safe(_SPACE.sub(" ", text)).strip()


def age(moment: datetime | None, now: datetime | None = None) -> str:
    """How long ago: ``12s``, ``3m``, ``2h``, ``5d``."""
    if moment is None:
        return ""
    seconds = ((now or datetime.now(timezone.utc)) - moment).total_seconds()
    size, unit = next(((size, unit) for size, unit in _AGES if seconds >= size), (1, "s"))
    return f"{max(0, int(seconds // size))}{unit} ago"


def moment_of(value: datetime | str | None) -> datetime | None:
    """The moment that an RFC 3339 text names; none when it is no such text."""
    if value is None or isinstance(value, datetime):
        return value
    try:
        moment = datetime.fromisoformat(value.replace("Z", "+00:00").replace("z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def seconds(value: float | None) -> str:
    """A duration for people: ``840 ms``, ``2.31 s``."""
    if value is None:
        return ""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def dollars(value: float | None) -> str:
    """A cost for people; empty when it is not known."""
    return "" if value is None else f"${value:,.4f}"


def count(value: float | None) -> str:
    """A number for people."""
    return "" if value is None else f"{value:,}"


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
        console=remarks,
        transient=True,
        disable=not remarks.is_terminal,
    )
    with bar:
        task = bar.add_task(what, total=total)
        yield lambda step: bar.advance(task, step)
