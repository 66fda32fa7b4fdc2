"""Times as people type them."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log10_trace.domain.typed_times import parse_typed_time

NOW = datetime(2026, 3, 11, 10, 30, tzinfo=timezone.utc)
"""A Wednesday."""
OSLO = ZoneInfo("Europe/Oslo")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@pytest.mark.parametrize(
    ("text", "begins", "ends"),
    [
        ("2h", "2026-03-11T08:30:00", "2026-03-11T08:30:00"),
        ("now", "2026-03-11T10:30:00", "2026-03-11T10:30:00"),
        ("today", "2026-03-10T23:00:00", "2026-03-11T23:00:00"),
        ("Yesterday", "2026-03-09T23:00:00", "2026-03-10T23:00:00"),
        ("wednesday", "2026-03-10T23:00:00", "2026-03-11T23:00:00"),
        (" tue ", "2026-03-09T23:00:00", "2026-03-10T23:00:00"),
        ("THURSDAY", "2026-03-04T23:00:00", "2026-03-05T23:00:00"),
        ("2026-1-31", "2026-01-30T23:00:00", "2026-01-31T23:00:00"),
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00", "2026-01-31T12:00:00"),
        ("2026-01-31 12:00:00", "2026-01-31T11:00:00", "2026-01-31T11:00:00"),
    ],
)
def test_every_form_begins_and_ends_a_span(text: str, begins: str, ends: str) -> None:
    """A day is whole in the user's zone, a weekday the last one or today, a moment itself."""
    told = [parse_typed_time(text, NOW, OSLO, ends=each).isoformat() for each in (False, True)]

    assert told == [f"{begins}+00:00", f"{ends}+00:00"]


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "yesterweek", "mo", "2026-02-30", "9999-12-31", "2H", "-2h", "1e3d", "now now"]
)
def test_other_text_is_refused(text: str) -> None:
    """What is none of the forms, or names a day that the calendar does not have, is an error."""
    with pytest.raises(ValueError, match=r"is not a time\. Use 2h"):
        parse_typed_time(text, NOW, OSLO, ends=True)


@given(
    now=st.integers(0, 4_000_000_000).map(lambda second: datetime.fromtimestamp(second, timezone.utc)),
    zone=st.sampled_from(["UTC", "Europe/Oslo", "America/Havana", "Asia/Beirut", "Pacific/Apia"]),
    number=st.integers(0, 6),
)
def test_a_weekday_is_the_last_such_day(now: datetime, zone: str, number: int) -> None:
    """Its first moment lies within the week before now, and is of that weekday, whatever the clocks did."""
    begins = parse_typed_time(WEEKDAYS[number], now, ZoneInfo(zone))

    assert begins <= now
    # A day more, because in Apia one day of 2011 was left out, and an hour of a changed clock.
    assert now - begins < timedelta(days=8, hours=1)
    # A day that was left out begins with the next.
    assert begins.astimezone(ZoneInfo(zone)).weekday() in (number, (number + 1) % 7)


@pytest.mark.parametrize("name", ["America/New_York", "Asia/Kolkata"])
def test_without_a_zone_it_is_the_systems(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A day before the clocks changed begins at that day's midnight of the system's zone."""
    monkeypatch.setenv("TZ", name)
    time.tzset()
    try:
        begins = parse_typed_time("thursday", NOW)
    finally:
        monkeypatch.undo()
        time.tzset()

    assert begins == datetime(2026, 3, 5, tzinfo=ZoneInfo(name))
