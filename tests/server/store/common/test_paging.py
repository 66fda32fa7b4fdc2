"""Cursors, and reading in batches."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log10_trace.server.store.common.paging import (
    LAST,
    next_cursor,
    read_cursor,
    read_in_batches,
    write_cursor,
)
from log10_trace.server.store.errors import CursorError

BATCH = 3


@given(st.lists(st.integers(0, LAST) | st.text(max_size=20), min_size=1, max_size=3))
def test_a_cursor_says_what_was_written(values: list[int | str]) -> None:
    """A cursor gives its values back to a reader who expects them."""
    cursor = write_cursor(*values)

    assert read_cursor(cursor, *map(type, values)) == tuple(values)


def encode(text: str) -> str:
    """Text as a cursor holds it."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "%",
        "é",
        "\ud800",
        encode("nonsense"),
        encode("[" * 100_000),
        encode("{}"),
        encode("7"),
        encode("[]"),
        encode("[7,8]"),
        encode('["7"]'),
        encode("[true]"),
        encode("[7.0]"),
        encode("[-1]"),
        encode(f"[{LAST + 1}]"),
    ],
)
def test_a_cursor_of_another_list_is_refused(cursor: str) -> None:
    """What no page gave is refused, whatever it holds."""
    with pytest.raises(CursorError):
        read_cursor(cursor, int)


@pytest.mark.parametrize("found", [0, 1, 2, 3])
def test_a_page_has_a_next_one_when_more_was_found(found: int) -> None:
    """One row more than the page holds says that there is another page, after the last row shown."""
    rows = [(10 * number, f"id-{number}") for number in range(found)]

    cursor = next_cursor(rows, 2, lambda row: row)

    assert cursor == (write_cursor(10, "id-1") if found == 3 else None)


class Table:
    """Numbers from 1 on, and which batches of them were read."""

    def __init__(self, rows: int) -> None:
        self.rows = list(range(1, rows + 1))
        self.reads: list[tuple[int | None, int]] = []

    def read(self, after: int | None, size: int) -> list[int]:
        """At most ``size`` numbers after one."""
        self.reads.append((after, size))
        return [row for row in self.rows if after is None or row > after][:size]

    def batches(self, limit: int | None) -> Iterator[int]:
        """The numbers, read in batches."""
        return read_in_batches(self.read, lambda row: row, batch_size=BATCH, limit=limit)


@pytest.mark.parametrize("limit", [None, 0, 1, 3, 4, 7, 100])
@pytest.mark.parametrize("rows", [0, 1, 3, 4, 7])
def test_batches_give_every_row_once(rows: int, limit: int | None) -> None:
    """Whatever the bounds, what comes out is the beginning of the list, in order."""
    table = Table(rows)

    assert list(table.batches(limit)) == table.rows[:limit]
    assert all(size <= BATCH for _, size in table.reads)


def test_no_batch_is_read_before_it_is_needed() -> None:
    """Who stops early has read no more than the batch at hand, and never more than the limit."""
    table = Table(9)
    rows = table.batches(4)

    assert table.reads == []
    assert [next(rows) for _ in range(3)] == [1, 2, 3]
    assert table.reads == [(None, 3)]
    assert list(rows) == [4]
    assert table.reads == [(None, 3), (3, 1)]
