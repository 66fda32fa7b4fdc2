"""The columns of the overview's tables, which are its figures as well, and their numbers. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from log10_trace.domain import formatting
from log10_trace.server.pages.overview.change import Change, change_of
from log10_trace.server.pages.urls import PageURL
from log10_trace.server.store.data_types import GroupTotals, SortBy


@dataclass(frozen=True, slots=True)
class Column:
    """A column that tables are sorted by."""

    sort: SortBy
    title: str
    format: Callable[[GroupTotals], str]
    figure: Callable[[GroupTotals], float | None]


COLUMNS: Final = (
    Column("cost", "Cost", lambda each: formatting.dollars(each.cost), lambda each: each.cost),
    Column("calls", "Calls", lambda each: formatting.count(each.calls), lambda each: each.calls),
    Column("failed", "Failed", lambda each: formatting.count(each.failed), lambda each: each.failed),
    Column(
        "tokens",
        "Tokens",
        lambda each: formatting.compact_number(each.input_tokens + each.output_tokens),
        lambda each: each.input_tokens + each.output_tokens,
    ),
    Column("p50", "Median time", lambda each: formatting.duration(each.p50), lambda each: each.p50),
    Column("p95", "95 % within", lambda each: formatting.duration(each.p95), lambda each: each.p95),
    Column(
        "first_token_p95",
        "First token",
        lambda each: formatting.duration(each.first_token_p95),
        lambda each: each.first_token_p95,
    ),
)


class Number(NamedTuple):
    """One number, its change, and the address of the calls behind it."""

    title: str
    value: str
    address: str
    change: Change | None
    note: str = ""
    is_bad: bool = False


def make_number(
    column: Column,
    group: GroupTotals,
    before: GroupTotals | None,
    calls: PageURL | None,
    *,
    address: str | None = None,
    note: str = "",
    is_bad: bool = False,
) -> Number:
    """The number of a column, with its change against ``before``; it leads to ``calls``, if to any.

    ``address``: that of ``calls``, where it is known.
    """
    figure = column.figure(group)
    earlier = None if before is None else column.figure(before)
    if address is None:
        address = str(calls or "")
    if calls is not None and column.sort == "failed":
        address = calls.write_with_param(address, "status", "failed")
    elif calls is not None and column.sort in ("p50", "p95") and figure is not None:
        address = calls.write_with_param(address, "min_duration", f"{figure:.6g}")
    return Number(
        column.title,
        column.format(group),
        address,
        change_of(figure, earlier, is_new=before is None and column.sort == "calls"),
        note,
        is_bad,
    )
