"""Keyset pagination: cursors, and lists that are read in batches after the last sort key.

A cursor is a sort key (or a few values) written down. Rows that come in later have sort keys of their own,
so a list goes on after its cursor as if nothing had happened.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

from log10_trace.server.store.errors import CursorError

FIRST: Final = 0
LAST: Final = (1 << 63) - 1
"""Bounds of the integers in sort keys."""

Key = TypeVar("Key")
Row = TypeVar("Row")


def write_cursor(*values: int | str) -> str:
    """The cursor for going on after ``values``."""
    text = json.dumps(values, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str, *kinds: type) -> tuple[Any, ...]:
    """The values of a cursor, one of each of ``kinds``.

    Raises:
        CursorError: it was not written by ``write_cursor`` for these kinds.
    """
    padded = cursor.encode("utf-8", "replace") + b"=" * (-len(cursor) % 4)
    try:
        values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, RecursionError):  # not base64, not UTF-8, not JSON, or thousands of brackets
        raise CursorError from None
    if not isinstance(values, list) or [type(value) for value in values] != list(kinds):
        raise CursorError
    if any(isinstance(value, int) and not FIRST <= value <= LAST for value in values):
        raise CursorError
    return tuple(values)


def next_cursor(
    rows: Sequence[Row], limit: int, sort_key: Callable[[Row], tuple[int | str, ...]]
) -> str | None:
    """The cursor after ``limit`` of the rows; None when no more than these were found."""
    return write_cursor(*sort_key(rows[limit - 1])) if len(rows) > limit else None


def read_in_batches(
    read: Callable[[Key | None, int], Sequence[Row]],
    sort_key: Callable[[Row], Key],
    *,
    batch_size: int,
    limit: int | None,
) -> Iterator[Row]:
    """Rows one by one, at most ``limit``; no more than ``batch_size`` are held at a time.

    ``read`` gives at most a number of rows after a sort key (None: from the start). Between two batches no
    connection is held.
    """
    after, remaining = None, limit
    while remaining is None or remaining > 0:
        size = batch_size if remaining is None else min(remaining, batch_size)
        rows = read(after, size)
        yield from rows
        if len(rows) < size:
            return
        after, remaining = sort_key(rows[-1]), None if remaining is None else remaining - size
