"""What is written without a template is escaped as a template escapes it."""

from __future__ import annotations

import re

from log10_trace.domain.times import DAY_MS
from log10_trace.server.pages.chart import Bar, Chart, Layer, build_chart, format_count, make_slots
from log10_trace.server.pages.chart_axis import make_axis
from log10_trace.server.pages.chart_drawing import draw_steps, draw_table_rows, draw_trend
from log10_trace.server.pages.urls import PageURL

NOON_MS = 1_772_366_400_000
HOSTILE = '"><script>\u202e\x07&'


def chart_of(link: str, value: str) -> Chart:
    """A chart of two days, one of which has a call; ``value`` is what each step says."""
    axis = make_axis("day", since_ms=NOON_MS - DAY_MS, until_ms=NOON_MS, now_ms=NOON_MS + DAY_MS)
    calls = Layer("failed", "failed", {axis.since_ms: 4.0})
    return build_chart(
        "chart",
        "Calls",
        axis,
        make_slots(axis, lambda _since, _until: link),
        [calls],
        format_value=lambda _value: value,
        span_address=PageURL("/"),
    )


def test_hostile_text_is_escaped_in_every_place() -> None:
    """A root path, an address, a label or a value never ends an attribute or an element."""
    chart = chart_of(f"/?q={HOSTILE}", HOSTILE)
    drawn = (
        str(draw_steps(chart, HOSTILE)),
        str(draw_table_rows([chart], HOSTILE)),
        str(draw_trend([Bar(0.0, 1.0, 1.0, HOSTILE)], 20)),
    )
    for markup in drawn:
        assert "<script" not in markup
        assert "&lt;script&gt;\\u202e\\x07&amp;" in markup
        assert set(re.findall(r"<(/?\w+)", markup)) <= {"a", "/a", "title", "/title", "rect", "/rect"} | {
            "tr",
            "/tr",
            "th",
            "/th",
            "td",
            "/td",
        }


def test_steps_stand_in_the_order_of_time_and_rows_in_the_other() -> None:
    """Each step has its bar and its address; the table begins with the latest."""
    chart = chart_of("/", "")
    steps, rows = str(draw_steps(chart, "/root")), str(draw_table_rows([chart, chart], "/root"))

    labels = [step.label for step in chart.steps]
    assert re.findall(r"<title>([^\n<]*)", steps) == labels
    assert re.findall(r'href="/root/">([^<]*)</a>', rows) == labels[::-1]
    assert steps.count('class="is-failed"') == 1
    assert rows.count('<td class="number">') == 2 * len(labels)
    assert format_count(4.0) == "4"
