"""Sort key of a completion, an integer: the millisecond the call began, and 8 bits more."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Final

from log10_trace.server.store.common.paging import LAST

# Few bits, because the text index keeps the differences of neighbouring places, and small ones take less.
_SHIFT: Final = 8
WIDTH: Final = 1 << _SHIFT
"""Places of a millisecond."""
_MASK: Final = WIDTH - 1


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
