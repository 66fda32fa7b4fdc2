"""Sort keys of completions on SQLite, where each is a record's position and belongs to it alone."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Final

from log10_trace.server.store.common.sort_keys import SortKeyFormat

# Few bits, because the text index keeps the differences of neighbouring positions, and small ones take less.
SORT_KEYS: Final = SortKeyFormat(tie_bits=8)


def free_positions(began_ms: int, arrival: int) -> Iterator[int]:
    """Positions to try for a call, until one is free; endless.

    Where very many calls began in one millisecond, the later tries go to the milliseconds after it, doubling
    their reach each time, so that a free position is found in a few.
    """
    yield SORT_KEYS.make(began_ms, arrival)
    for attempt in itertools.count():
        yield SORT_KEYS.make(began_ms + random.getrandbits(attempt), arrival + 1 + attempt)
