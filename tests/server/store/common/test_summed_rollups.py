"""Sums of roll-ups are those of their rows, whatever is remembered."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from log10_trace.domain.prices import Prices
from log10_trace.server.store.common import summed_rollups
from log10_trace.server.store.common.aggregates import (
    Aggregate,
    SerializedAggregate,
    negate,
    parse_and_sum,
)
from log10_trace.server.store.common.costs import price_counts
from log10_trace.server.store.common.recent_values import RecentValues
from log10_trace.server.store.common.rollups import DAY
from log10_trace.server.store.common.summed_rollups import (
    RollupRow,
    SummedRows,
    price_sum,
    rank_times,
    sum_rollups,
)

_PRICES = Prices({"models": {"gpt-4o": {"input": 2.5, "output": 10, "cached_input": 1.25}}})
_NUMBERS = st.integers(0, 3)
_WRITTEN = st.builds(
    lambda counts, durations: Aggregate(counts, durations).serialize(),
    st.dictionaries(st.sampled_from(["gpt-4o", "o3"]), st.tuples(*[_NUMBERS] * 6), max_size=2),
    st.dictionaries(st.integers(-3, 3), _NUMBERS, max_size=3),
)
_ROWS = st.lists(
    st.builds(lambda day, written: ("a", day * DAY, *written), st.integers(0, 3), _WRITTEN), max_size=4
)
_ADDED_AND_REMOVED = _ROWS.flatmap(
    lambda rows: st.integers(0, len(rows)).map(lambda count: SummedRows((*rows,), (*rows[:count],)))
)


@settings(max_examples=40)
@given(st.lists(_ADDED_AND_REMOVED, min_size=1, max_size=3))
def test_a_sum_is_that_of_its_rows(parts: list[SummedRows]) -> None:
    """Of several places together, again when all is remembered, and when a row has come since."""
    wanted = dict(enumerate(parts))
    more = {
        place: SummedRows((*rows.added, ("a", 3 * DAY, *_ONE)), rows.removed)
        for place, rows in wanted.items()
    }

    for asked in (wanted, wanted, more):
        for place, found in sum_rollups(asked).items():
            expected = _sum_one_by_one(asked[place])
            assert found.serialize() == expected.serialize()
            assert price_sum(found, _PRICES) == price_counts(expected, _PRICES)
            assert [*rank_times(found)] == [
                *expected.percentiles(0.5, 0.95, 0.99),
                *expected.first_token_percentiles(0.5, 0.95),
            ]


def test_counts_alone_have_no_times() -> None:
    """They are another sum than that of the same rows with durations."""
    rows = SummedRows((("a", 0, *_ONE), ("a", 1, *_ONE)), (("a", 0, *_ONE),))

    found = sum_rollups({"counts": rows.without_durations(), "all": rows})

    assert {name: one.calls for name, one in found.items()} == {"counts": 1, "all": 1}
    assert {name: one.durations for name, one in found.items()} == {"counts": {}, "all": {3: 1}}
    assert rank_times(found["counts"]) == (None,) * 5


def test_figures_are_those_of_the_prices_that_are_asked_for() -> None:
    """Two stores of one process may have other prices."""
    dear = Prices({"models": {"gpt-4o": {"input": 250, "output": 1000, "cached_input": 125}}})
    found = sum_rollups({"a": SummedRows((("a", 0, *_ONE),))})["a"]

    costs = [price_sum(found, prices).cost for prices in (_PRICES, dear, _PRICES)]

    assert costs == pytest.approx([0.000075, 0.0075, 0.000075])


def test_the_days_that_are_over_are_summed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the roll-up of today changes, only it is parsed again."""
    parsed: list[str] = []
    real = summed_rollups.parse_and_group_counts

    def note(rows: Sequence[tuple[int, str]]) -> dict[int, Aggregate]:
        listed = list(rows)
        parsed.extend(text for _, text in listed)
        return real(listed)

    monkeypatch.setattr(summed_rollups, "parse_and_group_counts", note)
    monkeypatch.setattr(
        summed_rollups, "_SUMS", RecentValues[SummedRows, summed_rollups.RememberedSum](10_000, lambda _: 1)
    )
    days = [_day(number) for number in range(4)]

    sum_rollups({"a": SummedRows((*days, _day(4, calls=1)))})
    first = len(parsed)
    total = sum_rollups({"a": SummedRows((*days, _day(4, calls=2)))})["a"]

    assert (first, parsed[first:]) == (5, [_day(4, calls=2)[2]])
    assert total.calls == 6


def _day(number: int, calls: int = 1) -> RollupRow:
    return (
        "a",
        number * DAY,
        *Aggregate({"gpt-4o": [calls, 0, calls, number, 0, 0]}, {3: calls}).serialize(),
    )


def test_long_names_of_groups_count_as_what_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call site has up to 2,001 characters, which every row of a series holds again."""
    sums = RecentValues[SummedRows, summed_rollups.RememberedSum](10_000, summed_rollups._measure)
    monkeypatch.setattr(summed_rollups, "_SUMS", sums)

    for start in range(100):
        sum_rollups({"a": SummedRows((("k" * 2_000, start, *_ONE),))})

    remembered = (*sums._recent, *sums._earlier)
    assert sum(len(row[0]) for rows in remembered for row in rows.added) <= 2 * 10_000


def _sum_one_by_one(rows: SummedRows) -> Aggregate:
    written = [SerializedAggregate(*row[2:]) for row in rows.added]
    return parse_and_sum([*written, *(negate(SerializedAggregate(*row[2:])) for row in rows.removed)])


_ONE = Aggregate({"gpt-4o": [1, 0, 1, 10, 5, 0]}, {3: 1}).serialize()
