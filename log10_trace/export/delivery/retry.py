"""Retry rules: pure functions of the server's response and the number of failures."""

from __future__ import annotations

from enum import Enum
from typing import Final

from log10_trace.domain.retry_after import parse_retry_after

BASE_S: Final = 0.25
MAX_DELAY_S: Final = 10.0
DENIED_DELAY_S: Final = 60.0
"""A server that refuses the key is asked again this slowly."""
MAX_RETRY_AFTER_S: Final = 300.0
"""A longer Retry-After is cut to this: a server may be wrong about it by a year."""

_NOT_FOUND: Final = 404
_NOT_ALLOWED: Final = 405
_TOO_LARGE: Final = 413
_OF_RECORD: Final = (400, 409, 422)


class Disposition(Enum):
    """What an answer means for the record it answers."""

    DONE = "done"
    RETRY = "again"
    """The server cannot take it now."""
    DENIED = "denied"
    """Not stored, for a reason that is not known to be the record's: the key, the address, a proxy."""
    TOO_LARGE = "too large"
    REJECTED = "refused"
    """The server will never take this one."""
    UNSENT = "unsent"
    """It was not sent, because an earlier record of the same attempt failed."""


def disposition_of(status: int) -> Disposition:
    """What ``status`` means for the one record it answers, if a completions API gave it."""
    if 200 <= status < 300:  # noqa: PLR2004 -- HTTP's own classes
        return Disposition.DONE
    if status >= 500 or status in (408, 425, 429):  # noqa: PLR2004
        return Disposition.RETRY
    if status == _TOO_LARGE:
        return Disposition.TOO_LARGE
    return Disposition.REJECTED if status in _OF_RECORD else Disposition.DENIED


def is_missing_endpoint(status: int) -> bool:
    """Whether ``status`` says that the path or method does not exist."""
    return status in (_NOT_FOUND, _NOT_ALLOWED)


def delay(failures: int, draw: float, retry_after: float = 0.0) -> float:
    """Seconds to wait after ``failures`` failures in a row (1, 2, ...).

    Exponential with full jitter: ``draw`` is a random number from 0 to 1. Never less than ``retry_after``,
    what the server asked for.
    """
    # Without a bound the power overflows after a thousand failures: a few hours of outage.
    most = min(MAX_DELAY_S, BASE_S * 2.0 ** min(failures, 16))
    return max(min(retry_after, MAX_RETRY_AFTER_S), draw * most)


def retry_after(header: str | None, now: float) -> float:
    """The seconds that a Retry-After header asks for, at most ``MAX_RETRY_AFTER_S``; 0 without one."""
    return min(MAX_RETRY_AFTER_S, parse_retry_after(header, now) or 0.0)
