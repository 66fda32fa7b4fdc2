"""Numbers and times as people read them."""

from __future__ import annotations

import pytest

from log10_trace.domain import formatting
from log10_trace.domain.times import DAY_MS


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, formatting.UNKNOWN),
        (0, "0 ms"),
        (0.00042, "0.42 ms"),
        (0.0849, "85 ms"),
        (0.9996, "1 s"),
        (1.236, "1.24 s"),
        (59.96, "1 min 0 s"),
        (125.2, "2 min 5 s"),
        (3725, "1 h 2 min"),
    ],
)
def test_durations(seconds: float | None, shown: str) -> None:
    """Three digits that matter, in the unit that fits."""
    assert formatting.duration(seconds) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (None, formatting.UNKNOWN),
        (0, "0"),
        (999, "999"),
        (1000, "1k"),
        (12_345, "12.3k"),
        (999_600, "1M"),
        (4_560_000, "4.56M"),
        (123_456_789_012, "123G"),
    ],
)
def test_large_numbers(number: int | None, shown: str) -> None:
    """Three digits that matter, with the unit."""
    assert formatting.compact_number(number) == shown


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (None, "unknown"),
        (0.0, "$0.00"),
        (0.00001, "<$0.0001"),
        (0.00042, "$0.00042"),
        (0.5, "$0.5"),
        (12.3, "$12.30"),
        (1234.5, "$1,234.50"),
    ],
)
def test_costs(amount: float | None, shown: str) -> None:
    """What is not known is not zero, and what is small is not nothing."""
    assert formatting.dollars(amount) == shown


@pytest.mark.parametrize(
    ("age_ms", "shown"),
    [
        (-5, "now"),
        (0, "now"),
        (1_000, "1 s ago"),
        (61_000, "1 min ago"),
        (7_200_000, "2 h ago"),
        (90_000_000, "1 d ago"),
    ],
)
def test_ages(age_ms: int, shown: str) -> None:
    """How long ago, in the largest unit that fits; a clock that runs ahead is now."""
    assert formatting.relative_time(10**12, 10**12 + age_ms) == shown


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [(0, 0, formatting.UNKNOWN), (0, 9, "0 %"), (1, 300, "0.3 %"), (1, 3, "33 %"), (3, 3, "100 %")],
)
def test_shares(part: int, whole: int, shown: str) -> None:
    """A share of nothing is not told."""
    assert formatting.percent(part, whole) == shown


@pytest.mark.parametrize(
    ("size", "shown"), [(512, "512 B"), (1500, "1.5 KB"), (20_000_000, "20 MB"), (3_200_000_000, "3.2 GB")]
)
def test_sizes(size: int, shown: str) -> None:
    """Bytes in the unit that fits."""
    assert formatting.size(size) == shown


@pytest.mark.parametrize(
    ("age_ms", "shown"),
    [
        (-5, "0s ago"),
        (999, "0s ago"),
        (61_000, "1m ago"),
        (7_200_000, "2h ago"),
        (364 * DAY_MS, "364d ago"),
        (800 * DAY_MS, "2y ago"),
    ],
)
def test_ages_in_a_narrow_column(age_ms: int, shown: str) -> None:
    """One letter for the unit, and years for what is old."""
    assert formatting.short_relative_time(10**12, 10**12 + age_ms) == shown


def test_calls_are_counted_in_words() -> None:
    """One call is no plural."""
    assert [formatting.count_calls(number) for number in (1, 2_000)] == ["1 call", "2,000 calls"]
