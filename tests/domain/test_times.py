"""Times as text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log10_trace.domain.times import (
    DURATION_PATTERN,
    LAST_MS,
    parse_duration_ms,
    parse_rfc3339_ms,
    parse_timestamp_ms,
    rfc3339,
)

NOON_MS = 1_772_366_400_000
"""2026-03-01T12:00:00Z."""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T12:00:00Z", NOON_MS),
        ("2026-03-01T12:00:00", NOON_MS),
        ("2026-03-01t12:00:00.5z", NOON_MS + 500),
        ("2026-03-01 13:30:00.123456789+01:30", NOON_MS + 123),
        ("2026-03-01T07:00:00-0500", NOON_MS),
        ("2026-02-30T12:00:00Z", None),
        ("2026-03-01T25:00:00Z", None),
        ("2026-03-01", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
    ],
)
def test_a_time_is_read_however_it_is_written(text: str, expected: int | None) -> None:
    """RFC 3339 in its common spellings is understood, anything else is no time."""
    assert parse_rfc3339_ms(text) == expected


@given(st.integers(0, LAST_MS))
def test_a_time_that_is_written_is_read_to_the_millisecond(ms: int) -> None:
    """Both readers give back every millisecond from 1970 to the year 9999."""
    assert parse_rfc3339_ms(rfc3339(ms)) == ms
    assert parse_timestamp_ms(rfc3339(ms), 0) == ms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", 90_000), ("15m", 900_000), ("2h", 7_200_000), ("30d", 2_592_000_000), ("4w", 2_419_200_000),
        ("999999w", 604_799_395_200_000), ("1000000w", None), ("h", None), ("2 h", None), ("2h\n", None),
        ("-2h", None), ("2H", None), ("\u0662h", None), ("1.5h", None), ("", None),
    ],
)  # fmt: skip
def test_a_duration_has_up_to_six_digits_and_a_unit(text: str, expected: int | None) -> None:
    """Seconds to weeks; other text is no duration."""
    assert parse_duration_ms(text) == expected


@given(st.from_regex(DURATION_PATTERN, fullmatch=True))
def test_the_documented_pattern_is_what_is_read(text: str) -> None:
    """The pattern of the API's description matches relative times that the parser takes."""
    assert parse_timestamp_ms(text, 0) == -(parse_duration_ms(text) or 0)
    assert re.fullmatch(f"^{DURATION_PATTERN}$", text)


@pytest.mark.parametrize(
    "text",
    ["2026-03-01T12:00:00+24:00", "2026-03-01T12:00:00+01:60", "2026-03-01T12", "2026-03-01T12:00:00.Z"],
)
def test_a_request_names_no_impossible_time(text: str) -> None:
    """Offsets of a day, 60 minutes, and parts that are cut off are refused."""
    assert parse_timestamp_ms(text, 0) is None
