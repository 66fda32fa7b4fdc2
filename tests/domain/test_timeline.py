"""Calls in time: what ran side by side, what waited, and an axis on which calls can be seen."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log10_trace.domain.shown_history import ShownHistory
from log10_trace.domain.timeline import CallTime, make_axis, make_timeline


def test_calls_that_run_side_by_side_are_no_wait() -> None:
    """Wall time, time in the model and idle time; a call knows the earlier ones that still run."""
    calls = [
        CallTime(10_000, 2.0, 0.5),
        CallTime(11_000, 4.0, 9.0),
        CallTime(11_500, None, None),
        CallTime(20_000, None, None, is_running=True),
    ]

    timeline = make_timeline(calls, now_ms=21_000)

    assert (timeline.wall, timeline.model, timeline.idle) == (11.0, 7.0, 5.0)
    assert [bar.beside for bar in timeline.bars] == [(), (0,), (0, 1), ()]
    assert [bar.waited for bar in timeline.bars] == [0, 0, 0, 5.0]
    assert timeline.bars[1].first_token == 4.0


def test_long_waits_are_cut_so_that_calls_can_be_seen() -> None:
    """Calls of seconds in a session of hours take a third of the axis; short sessions have an even axis."""
    hours = make_timeline([CallTime(hour * 3_600_000, 2.0, None) for hour in range(5)], now_ms=0)
    even = make_axis(make_timeline([CallTime(0, 3.2, None), CallTime(3_300, 1.0, None)], now_ms=0))

    axis = make_axis(hours)

    assert axis.is_cut
    assert sum(axis.locate(bar.end) - axis.locate(bar.offset) for bar in hours.bars) == pytest.approx(1 / 3)
    assert [tick.offset for tick in axis.ticks] == [0, 3_600, 7_200, 10_800, 14_400]
    assert [tick.offset for tick in even.ticks] == [0, 1.5, 3, 4.5, 6]
    assert even.locate(3) == 0.5


TIMES = st.builds(
    CallTime,
    st.integers(0, 10**9),
    st.none() | st.floats(0, 10**6),
    st.none() | st.floats(0, 10**6),
    st.booleans(),
)


@given(calls=st.lists(TIMES, max_size=8))
def test_any_calls_have_a_place_on_the_axis(calls: list[CallTime]) -> None:
    """Bars lie on the axis, in order, and none ends before it begins."""
    timeline = make_timeline(sorted(calls, key=lambda call: call.began_ms), now_ms=10**8)
    axis = make_axis(timeline)

    places = [(axis.locate(bar.offset), axis.locate(bar.end)) for bar in timeline.bars]

    assert all(0 <= begin <= end <= 1 + 1e-9 for begin, end in places)
    assert all(one <= other + 1e-9 for (one, _), (other, _) in pairwise(places))
    assert timeline.idle <= timeline.wall + 1e-6
    assert all(0 <= tick.share <= 1 for tick in axis.ticks)


def test_a_history_that_is_sent_again_is_counted() -> None:
    """The longest beginning that any earlier conversation had."""
    history = ShownHistory()
    history.add(["system", "one", "answer one"])
    history.add(["other", "two"])

    assert history.count_repeated(["system", "one", "answer one", "three"]) == 3
    assert history.count_repeated(["other", "one"]) == 1
    assert history.count_repeated(["one"]) == 0
