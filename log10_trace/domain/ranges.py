"""Sets of whole numbers that come mostly in a row, kept as ranges with both ends. Pure."""

from __future__ import annotations

from collections.abc import Iterable

Range = tuple[int, int]


def merge_ranges(ranges: Iterable[Range]) -> list[Range]:
    """The same numbers in as few ranges as can be, in order."""
    result: list[Range] = []
    for first, last in sorted(ranges):
        if result and first <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(result[-1][1], last))
        else:
            result.append((first, last))
    return result


def to_ranges(numbers: Iterable[int]) -> list[Range]:
    """Numbers as ranges: 7, 1, 2, 3 gives (1, 3), (7, 7)."""
    return merge_ranges((number, number) for number in numbers)


def format_ranges(ranges: Iterable[Range]) -> str:
    """Ranges as text: ``1-3, 7``."""
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def missing_ranges(ranges: Iterable[Range], *, start: int = 1) -> list[Range]:
    """The numbers from ``start`` on, below the highest, that are in none of the ranges."""
    missing: list[Range] = []
    expected = start
    for first, last in merge_ranges(ranges):
        if first > expected:
            missing.append((expected, first - 1))
        expected = max(expected, last + 1)
    return missing


def count(ranges: Iterable[Range]) -> int:
    """How many numbers there are in ranges that do not overlap."""
    return sum(last - first + 1 for first, last in ranges)
