"""Query parameters: a closed table of names, and mistakes that name theirs."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from log10_trace.server.http.api_errors import ApiError
from log10_trace.server.http.query_params import RequestParams, end_ms, timestamp_ms

NOW_MS = 1_800_000_000_000


def query(text: str) -> RequestParams:
    return RequestParams(QueryParams(text), ("name", "other"))


def test_a_name_outside_the_table_is_refused() -> None:
    """A parameter that does not exist is an error that names it, not a filter that is silently left out."""
    with pytest.raises(ApiError) as caught:
        query("nmae=1")

    assert (caught.value.status, caught.value.field) == (422, "nmae")


def test_a_nul_in_a_value_is_refused() -> None:
    """No value with NUL in it reaches a database."""
    with pytest.raises(ApiError, match="control"):
        query("name=a%00b")


@pytest.mark.parametrize("value", ["-1", "1.5", "x", "99999999999999999999", "٣", "1e3", "11"])
def test_a_whole_number_is_whole_and_within_its_bounds(value: str) -> None:
    """What is no whole number from least to most is refused."""
    with pytest.raises(ApiError) as caught:
        query(f"name={value}").integer("name", least=0, most=10)

    assert caught.value.field == "name"


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "x", "1e400"])
def test_a_number_is_finite_and_not_negative(value: str) -> None:
    """What is no number, zero or more, is refused."""
    with pytest.raises(ApiError):
        query(f"name={value}").number("name")


def test_a_choice_is_one_of_the_choices() -> None:
    """A value outside the choices is refused, and the message gives them."""
    with pytest.raises(ApiError, match="any, all"):
        query("name=some").choice("name", ("any", "all"), "any")

    assert query("").choice("name", ("any", "all"), "any") == "any"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", NOW_MS - 90_000),
        ("2h", NOW_MS - 7_200_000),
        ("4w", NOW_MS - 4 * 604_800_000),
        ("1970-01-01T00:00:01Z", 1000),
        ("1970-01-01T00:00:01.25Z", 1250),
        ("1970-01-01T00:00:01.123456789Z", 1123),
        ("1970-01-01T02:00:00+02:00", 0),
        ("1970-01-01T02:00:00 02:00", 0),
        ("1970-01-02", 86_400_000),
        ("1970-01-01T00:00:01", 1000),
        ("1970-01-01 00:01", 60_000),
        ("1970-01-01T02:01+02:00", 60_000),
    ],
)
def test_moments_are_read_as_people_and_programs_write_them(text: str, expected: int) -> None:
    """RFC 3339, a day, or a span back from now."""
    assert timestamp_ms("since", text, NOW_MS) == expected


@pytest.mark.parametrize("text", ["yesterday", "2h ", "-2h", "1970-13-01T00:00:00Z", "1e9", "now", "12"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    """A moment that cannot be read names its parameter."""
    with pytest.raises(ApiError) as caught:
        timestamp_ms("since", text, NOW_MS)

    assert caught.value.field == "since"


@given(st.integers(0, 7_000_000_000_000))
def test_every_rfc_3339_moment_is_read_to_the_millisecond(ms: int) -> None:
    """A moment written by Python comes back as its milliseconds."""
    moment = datetime.fromtimestamp(ms / 1000, timezone.utc)

    assert abs(timestamp_ms("since", moment.isoformat(), NOW_MS) - ms) <= 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-02", 2 * 86_400_000),
        ("1970-01-02T00:00:00Z", 86_400_000),
        ("1970-01-02T00:00:00", 86_400_000),
        ("2h", NOW_MS - 7_200_000),
        ("9999-12-31", 253_402_300_800_000),
    ],
)
def test_a_span_ends_with_the_day_that_is_named(text: str, expected: int) -> None:
    """A day without a time is in the span whole; a moment ends it at once."""
    assert end_ms("until", text, NOW_MS) == expected


def test_one_value_is_never_taken_for_several() -> None:
    """A parameter of one value that is given several names itself; the same value again means no other."""
    readers = (RequestParams.text, RequestParams.integer, RequestParams.number)
    for read in readers:
        with pytest.raises(ApiError, match="once") as caught:
            read(query("name=1&name=2"), "name")
        assert (caught.value.status, caught.value.field) == (422, "name")
    with pytest.raises(ApiError, match="once"):
        query("name=1h&name=2h").timestamp_ms("name", NOW_MS)
    with pytest.raises(ApiError, match="once"):
        query("name=a&name=b").choice("name", ("a", "b"), "a")

    assert query("name=1&name=&name=1").text("name") == "1"
    assert query("name=1&name=2").values("name") == ("1", "2")
