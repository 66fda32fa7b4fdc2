"""The sort key of a record, and the day (partition) that contains it.

The day is told by the id where that is a UUIDv7, by the first arrival where it is not.
PostgreSQL can hold ids unique within a day only. A UUIDv7 carries its own millisecond, so its day never
changes and nothing has to be looked up; every other id is entered in the table ``placements`` first.
"""

from __future__ import annotations

import re
from typing import Final

from log10_trace.domain.times import DAY_MS
from log10_trace.server.store.common.sort_keys import SortKeyFormat

SORT_KEYS: Final = SortKeyFormat(tie_bits=20)
"""A record's place in lists. Two servers may give one to two records; lists tell those apart by their ids."""

# Fixed for good: a record is found again by what this says of its id.
_UUID_V7: Final = re.compile(
    r"([0-9A-Fa-f]{8})-([0-9A-Fa-f]{4})-7[0-9A-Fa-f]{3}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"
)


def partition_ms(completion_id: str) -> int | None:
    """The millisecond that the id carries; None when it carries none."""
    found = _UUID_V7.fullmatch(completion_id)
    return int(found[1] + found[2], 16) if found else None


def day_of(moment_ms: int) -> int:
    """The first millisecond of the day (UTC) that ``moment_ms`` falls in."""
    return moment_ms - moment_ms % DAY_MS
