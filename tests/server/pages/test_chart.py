"""Charts over time: the axis is the span, bars are to scale, and each step says what it is."""

from __future__ import annotations

import pytest

from log10_trace.domain.times import DAY_MS
from log10_trace.server.pages.chart import Chart, Layer, build_chart, format_count, make_slots
from log10_trace.server.pages.chart_axis import HOUR_MS, MINUTE_MS, Axis, choose_interval, make_axis
from log10_trace.server.pages.urls import PageURL

NOON_MS = 1_772_366_400_000
NOW_MS = NOON_MS + 90_500


def test_the_axis_is_the_span_with_now_at_its_right_end() -> None:
    """It begins with the step that the span begins in, and ends now, whatever was called."""
    axis = make_axis("minute", since_ms=NOON_MS - 30_000, until_ms=None, now_ms=NOW_MS)

    assert list(axis.starts) == [NOON_MS - MINUTE_MS, NOON_MS, NOON_MS + MINUTE_MS]
    assert (axis.until_ms, axis.ends_now, axis.end_of(NOON_MS + MINUTE_MS)) == (NOW_MS, True, NOW_MS)
    assert axis.ticks[-1].label == "now"
    assert (axis.x(axis.since_ms), axis.x(NOW_MS)) == (0, 1)


def test_an_axis_that_ended_names_its_end() -> None:
    """A span of the past ends where it was said to end."""
    axis = make_axis("hour", since_ms=NOON_MS - DAY_MS, until_ms=NOON_MS, now_ms=NOON_MS + DAY_MS)
    assert (len(axis.starts), axis.ends_now) == (24, False)
    assert [tick.label for tick in axis.ticks] == ["12:00", "18:00", "Mar 1", "06:00", "12:00"]


@pytest.mark.parametrize(
    ("span_ms", "interval"),
    [
        (0, "minute"),
        (2 * HOUR_MS, "minute"),
        (7 * DAY_MS, "hour"),
        (30 * DAY_MS, "day"),
        (9_999 * DAY_MS, "day"),
    ],
)
def test_any_span_makes_an_axis_that_can_be_read(span_ms: int, interval: str) -> None:
    """Steps and their names are few, from no time at all to all time."""
    chosen = choose_interval(NOW_MS - span_ms, NOW_MS)
    axis = make_axis(chosen, since_ms=NOW_MS - span_ms, until_ms=None, now_ms=NOW_MS)
    assert chosen == interval
    assert 1 <= len(axis.starts) <= 367
    assert len(axis.ticks) <= 7
    assert [tick.x for tick in axis.ticks] == sorted({tick.x for tick in axis.ticks})


@pytest.mark.parametrize(("since_ms", "until_ms"), [(NOW_MS + DAY_MS, None), (NOW_MS, NOW_MS - DAY_MS)])
def test_a_span_that_holds_nothing_makes_an_axis(since_ms: int, until_ms: int | None) -> None:
    """A start that lies ahead, or an end before the start, breaks nothing."""
    axis = make_axis("hour", since_ms=since_ms, until_ms=until_ms, now_ms=NOW_MS)
    assert chart_of(axis).steps


def test_an_open_axis_begins_with_the_first_call() -> None:
    """Without a start it shows what there is, and never only two bars."""
    first = NOON_MS - 90 * DAY_MS
    axis = make_axis("day", since_ms=None, until_ms=None, now_ms=NOW_MS, starts=[first])
    assert axis.since_ms == first // DAY_MS * DAY_MS
    assert len(make_axis("day", since_ms=None, until_ms=None, now_ms=NOW_MS).starts) == 24


def chart_of(axis: Axis, **values: dict[int, float | None]) -> Chart:
    """A chart with a layer of each name."""
    return build_chart(
        "calls",
        "Calls",
        axis,
        make_slots(axis, lambda since, until: str(PageURL("/", (("since", since), ("until", until))))),
        [Layer(name, name, each) for name, each in values.items()],
        format_value=format_count,
        span_address=PageURL("/overview", (("since", "2h"), ("until", "1h"), ("sort", "calls"))),
        height=100,
    )


def test_bars_stand_on_each_other_to_scale() -> None:
    """The scale ends with a round number; what is more than nothing is to be seen."""
    axis = make_axis("hour", since_ms=NOON_MS - HOUR_MS, until_ms=NOON_MS + HOUR_MS, now_ms=NOON_MS + DAY_MS)

    chart = chart_of(axis, good={NOON_MS: 60.0, NOON_MS - HOUR_MS: 0.1}, failed={NOON_MS: 20.0})

    empty, full = chart.steps
    assert [(mark.style, mark.height) for mark in full.marks] == [("good", 60), ("failed", 20)]
    assert full.marks[1].y + full.marks[1].height == full.marks[0].y
    assert [mark.height for mark in empty.marks] == [2]
    assert [line.label for line in chart.lines] == ["0", "50", "100"]
    assert (full.x, full.width) == (50, 50)
    assert full.text == "Mar 1, 12:00\N{EN DASH}13:00 UTC\ngood: 60\nfailed: 20"
    assert full.address == "/?since=2026-03-01T12%3A00%3A00.000Z&until=2026-03-01T13%3A00%3A00.000Z"
    assert str(chart.span_address) == "/overview?sort=calls"
