"""Sort key of a completion, an integer: the millisecond the call began, and 8 bits more.

A cursor is such a number (or a few values) written down. Rows that come in later have places of their own,
so a list goes on after its cursor as if nothing had happened.
"""

from __future__ import annotations

import base64
import itertools
import json
import random
from collections.abc import Iterator
from typing import Any, Final

from log10_trace.server.store.errors import CursorError

# Few bits, because the text index keeps the differences of neighbouring places, and small ones take less.
_SHIFT: Final = 8
WIDTH: Final = 1 << _SHIFT
"""Places of a millisecond."""
_MASK: Final = WIDTH - 1
FIRST: Final = 0
LAST: Final = (1 << 63) - 1


def position(began_ms: int, arrival: int) -> int:
    """The place of a call that began at ``began_ms``; ``arrival`` tells the calls of a millisecond apart."""
    return began_ms << _SHIFT | arrival & _MASK


def free_positions(began_ms: int, arrival: int) -> Iterator[int]:
    """Places to try for a call, until one is free; endless.

    Where very many calls began in one millisecond, the later tries go to the milliseconds after it, doubling
    their reach each time, so that a free place is found in a few.
    """
    yield position(began_ms, arrival)
    for attempt in itertools.count():
        yield position(began_ms + random.getrandbits(attempt), arrival + 1 + attempt)


def first_at(began_ms: int) -> int:
    """The lowest place of a millisecond; bounds a span of time."""
    return min(max(began_ms, 0) << _SHIFT, LAST)


def began_ms(place: int) -> int:
    """When the call at ``place`` began."""
    return place >> _SHIFT


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
