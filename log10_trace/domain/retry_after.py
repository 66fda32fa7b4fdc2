"""The ``Retry-After`` header of HTTP (RFC 9110), in both of its forms. Pure."""

from __future__ import annotations

from datetime import timezone
from email.utils import parsedate_to_datetime


def parse_retry_after(header: str | None, now: float) -> float | None:
    """The seconds to wait, given as a number or as a date; None without a valid header.

    Zero or more, and without a limit: ``inf`` is a number.

    Args:
        header: The value of the header.
        now: Seconds since 1970, from which a date is counted.
    """
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        return _seconds_until(header, now)
    return seconds if seconds >= 0 else None  # not a number is not


def _seconds_until(date: str, now: float) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, TypeError, OverflowError):
        return None
    if moment.tzinfo is None:  # "-0000"
        moment = moment.replace(tzinfo=timezone.utc)
    return max(0.0, moment.timestamp() - now)
