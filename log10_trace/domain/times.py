"""Times as text: RFC 3339, and relative times such as ``2h``. Pure; milliseconds since 1970, UTC."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Final

DAY_MS: Final = 86_400_000
FIRST_MS: Final = -62_135_596_800_000
"""The first millisecond of the year 1. A span of whole minutes that holds it may begin before it."""
LAST_MS: Final = 253_402_300_799_999
"""The last millisecond of the year 9999; the 48 bits of a UUIDv7 reach further, dates do not."""
UNIT_MS: Final = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": DAY_MS, "w": 7 * DAY_MS}
DURATION_PATTERN: Final = "[0-9]{1,6}[smhdw]"
"""A regular expression for what ``parse_duration_ms`` reads."""

_DURATION: Final = re.compile(DURATION_PATTERN)
_RFC3339: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(?:[Zz]|([+-])(\d\d):?(\d\d))?", re.ASCII
)
_TIMESTAMP: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d)?)(?:\.(\d+))?"
    r"(?:[Zz]|([+ -])([01]\d|2[0-3]):([0-5]\d))?)?",
    re.ASCII,
)
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def parse_duration_ms(text: str) -> int | None:
    """The milliseconds of ``90s``, ``15m``, ``2h``, ``7d`` or ``4w``; None for other text."""
    return int(text[:-1]) * UNIT_MS[text[-1]] if _DURATION.fullmatch(text) else None


def parse_rfc3339_ms(text: str) -> int | None:
    """Milliseconds since 1970 of an RFC 3339 time; UTC where it names no offset. None when it is none."""
    match = _RFC3339.fullmatch(text)
    return None if match is None else _to_ms(match)


def parse_timestamp_ms(text: str, now_ms: int) -> int | None:
    """Milliseconds since 1970 of what a request names; None for other text.

    RFC 3339, a day alone or a time without seconds as well, or a time before ``now_ms``, such as ``2h``.
    """
    if (ago_ms := parse_duration_ms(text)) is not None:
        return now_ms - ago_ms
    # The "+" of an offset that was not percent-encoded arrives as a space: it is one here.
    match = _TIMESTAMP.fullmatch(text)
    return None if match is None else _to_ms(match)


def is_day(text: str) -> bool:
    """Whether the text is a day without a time: ``2026-01-31``."""
    return _DAY.fullmatch(text) is not None


def utc_datetime(ms: float) -> datetime:
    """The ``datetime`` so many milliseconds after 1970, in UTC; the first or the last one beyond them."""
    return datetime.fromtimestamp(min(max(ms, FIRST_MS), LAST_MS) / 1000, timezone.utc)


def rfc3339(ms: int) -> str:
    """``2026-01-31T12:00:00.000Z``; the first or the last time beyond them."""
    ms = min(max(ms, FIRST_MS), LAST_MS)
    # In whole numbers: a float has no room for the milliseconds of a far year.
    moment = datetime.fromtimestamp(ms // 1000, timezone.utc).replace(microsecond=ms % 1000 * 1000)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _to_ms(match: re.Match[str]) -> int | None:
    day, clock, fraction, sign, hours, minutes = match.groups(default="")
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    try:
        moment = datetime.fromisoformat(f"{day}T{clock or '00:00'}").replace(tzinfo=timezone.utc)
        moment += offset if sign == "-" else -offset
    except (ValueError, OverflowError):
        return None
    return int(moment.timestamp()) * 1000 + int(fraction[:3].ljust(3, "0"))
