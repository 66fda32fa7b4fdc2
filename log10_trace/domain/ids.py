"""Ids of records: UUIDv7 (RFC 9562), which carry the millisecond they were made in."""

from __future__ import annotations

import time
from random import getrandbits
from typing import Final
from uuid import UUID

_VERSION: Final = 7
_TIME_SHIFT: Final = 80
"""Bits behind the 48 of the time."""


def new_id() -> str:
    """A UUIDv7 of now: sorts by the millisecond it was made in."""
    # Written out: uuid.UUID takes several times as long, and this runs on the caller's thread.
    high = (time.time_ns() // 1_000_000) << 16 | 0x7000 | getrandbits(12)
    digits = f"{high:016x}{0x8000000000000000 | getrandbits(62):016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def id_time_ms(identifier: str | None) -> int | None:
    """The millisecond since 1970 that a UUIDv7 was made in; None for every other id."""
    try:
        number = UUID(identifier or "")
    except ValueError:
        return None
    return number.int >> _TIME_SHIFT if number.version == _VERSION else None
