"""Ids of records: UUIDv7 (RFC 9562), which carry the millisecond they were made in."""

from __future__ import annotations

import time
from random import getrandbits
from typing import Final
from uuid import UUID

_VERSION: Final = 7
_TIME_SHIFT: Final = 80
"""Bits behind the 48 of the time."""
_ABOVE_TIME: Final = 1 << 48
_RANDOM_BITS: Final = 72


def new_id(time_ns: int | None = None) -> str:
    """A UUIDv7 of now, or of ``time_ns`` since 1970: sorts by the millisecond it was made in."""
    milliseconds = (time.time_ns() if time_ns is None else time_ns) // 1_000_000
    # Written out: uuid.UUID takes several times as long, and this runs on the caller's thread. The mark above
    # the time keeps the leading zeros; the variant's two free bits are zero.
    digits = hex((milliseconds | _ABOVE_TIME) << _RANDOM_BITS | getrandbits(_RANDOM_BITS))
    return f"{digits[3:11]}-{digits[11:15]}-7{digits[15:18]}-8{digits[18:21]}-{digits[21:]}"


def id_time_ms(identifier: str | None) -> int | None:
    """The millisecond since 1970 that a UUIDv7 was made in; None for every other id."""
    try:
        number = UUID(identifier or "")
    except ValueError:
        return None
    return number.int >> _TIME_SHIFT if number.version == _VERSION else None
