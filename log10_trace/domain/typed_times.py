"""Times as people type them: a date, a day's name, how long ago. Pure; the caller gives the clock."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from typing import Final

from log10_trace.domain.times import parse_duration_ms

_ACCEPTED: Final = (
    "2h (or 90s, 15m, 7d, 4w) for how long ago, now, today, yesterday, a weekday such as monday, "
    "2026-01-31, or 2026-01-31T12:00:00Z"
)

_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SHORT: Final = 3
"""Letters of a weekday's short form."""


def parse_typed_time(text: str, now: datetime, zone: tzinfo | None = None, *, ends: bool = False) -> datetime:
    """The moment that a user means, in UTC.

    Args:
        text: How long ago (``90s``, ``15m``, ``2h``, ``7d``, ``4w``), ``now``, ``today``, ``yesterday``, a
            weekday (the last such day, today included), a date, or a date with a time.
        now: The present moment, with its zone.
        zone: The user's zone, in which days begin and times without a zone are; None for the system's.
        ends: The moment ends a span: a day is then the first moment behind it, else its own first moment.

    Raises:
        ValueError: the text is none of these, or no date; the message names the forms.
    """
    text = text.strip()
    word = text.lower()
    try:
        if (ago_ms := parse_duration_ms(text)) is not None:
            return now.astimezone(timezone.utc) - timedelta(milliseconds=ago_ms)
        if word == "now":
            return now.astimezone(timezone.utc)
        today = (now.astimezone() if zone is None else now.astimezone(zone)).date()
        named = _named_day(word, today) or _day_or_moment(text)
        if not isinstance(named, datetime):
            named = datetime.combine(named + timedelta(days=1 if ends else 0), time())
        if zone is not None and named.tzinfo is None:
            named = named.replace(tzinfo=zone)
        # Without a zone it is the system's, which knows of the clock changes on the way to that day.
        return named.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is not a time. Use {_ACCEPTED}.") from None


def _named_day(word: str, today: date) -> date | None:
    if word in ("today", "yesterday"):
        return today - timedelta(days=("today", "yesterday").index(word))
    for number, name in enumerate(_WEEKDAYS):
        if word in (name, name[:_SHORT]):
            return today - timedelta(days=(today.weekday() - number) % 7)
    return None


def _day_or_moment(text: str) -> date:
    """A day, or a ``datetime``."""
    for read in (_day, date.fromisoformat):
        with suppress(ValueError):
            return read(text)
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _day(text: str) -> date:
    return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 -- a day has no zone
