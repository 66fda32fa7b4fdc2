"""Ids of records: UUIDv7 (RFC 9562), which carry the millisecond they were made in."""

from __future__ import annotations

import os
import struct
from binascii import hexlify
from typing import Final
from uuid import UUID

from log10_trace.unpatched import time

_VERSION: Final = 7
_TIME_SHIFT: Final = 80
"""Bits behind the 48 of the time."""
_HEX: Final = [f"{byte:02x}" for byte in range(256)]
_heads: Final[list[tuple[int, str]]] = [(0, "00000000")]
"""The upper 32 bits of the last time, and their digits: they are the same for a minute."""
_AT_ONCE: Final = 64
_RANDOM_BYTES: Final = 9
_digits_of: Final = struct.Struct("3s3s12s" * _AT_ONCE).unpack
_TAILS: Final = b"-7%b-8%b-%b " * _AT_ONCE
"""What stands behind the time: the version, the variant, whose two free bits are zero, and 72 random bits."""
_tails: Final[list[str]] = []
"""Random ends of ids to come."""

# Forked processes would take the same ones.
os.register_at_fork(after_in_child=_tails.clear)


def new_id(time_ns: int | None = None) -> str:
    """A UUIDv7 of now, or of ``time_ns`` since 1970: sorts by the millisecond it was made in."""
    milliseconds = (time.time_ns() if time_ns is None else time_ns) // 1_000_000
    upper, digits = _heads[0]
    # Written out: uuid.UUID takes several times as long, and this runs on the caller's thread.
    if upper != milliseconds >> 16:
        upper = milliseconds >> 16
        digits = f"{upper:08x}"
        _heads[0] = (upper, digits)
    try:
        tail = _tails.pop()
    except IndexError:
        tail = _draw_tails()
    return f"{digits}-{_HEX[milliseconds >> 8 & 255]}{_HEX[milliseconds & 255]}{tail}"


def _draw_tails() -> str:
    """A random end of an id; others for the next calls."""
    # Not from ``random``: a program that seeds it is to have the same numbers with us and without.
    tails = (_TAILS % _digits_of(hexlify(os.urandom(_RANDOM_BYTES * _AT_ONCE)))).decode().split()
    tail = tails.pop()
    _tails.extend(tails)
    return tail


def id_time_ms(identifier: str | None) -> int | None:
    """The millisecond since 1970 that a UUIDv7 was made in; None for every other id."""
    try:
        number = UUID(identifier or "")
    except ValueError:
        return None
    return number.int >> _TIME_SHIFT if number.version == _VERSION else None
