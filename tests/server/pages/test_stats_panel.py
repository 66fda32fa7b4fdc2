"""The figures above a list: which calls they count, and their bars over time."""

from __future__ import annotations

import pytest

from log10_trace.server.pages.calls.stats_panel import HEIGHT, build_stats_panel, stats_query
from log10_trace.server.store.data_types import CompletionFilter, GroupTotals, Statistics

HOUR_MS = 3_600_000
NOW_MS = 500_000 * HOUR_MS


def totals(
    start_ms: int | None = None, calls: int = 1, failed: int = 0, key: str | None = None
) -> GroupTotals:
    return GroupTotals(
        key=key, start_ms=start_ms, calls=calls, failed=failed, input_tokens=0, output_tokens=0,
        cost=None, unpriced=0, p50=None, p95=None, p99=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("span_ms", "interval"),
    [
        (HOUR_MS, "minute"),
        (2 * HOUR_MS, "minute"),
        (24 * HOUR_MS, "hour"),
        (30 * 24 * HOUR_MS, "day"),
        (None, "day"),
    ],
)
def test_steps_fit_the_span(span_ms: int | None, interval: str) -> None:
    """An hour is counted in minutes, a day in hours, more in days."""
    since_ms = None if span_ms is None else NOW_MS - span_ms

    assert stats_query(CompletionFilter(since_ms=since_ms), NOW_MS).interval == interval


@pytest.mark.parametrize(
    ("wanted", "group_by"),
    [
        (CompletionFilter(), "none"),
        (CompletionFilter(model="m"), "model"),
        (CompletionFilter(tags=("t",)), "tag"),
        (CompletionFilter(tags=("t",), tag_match="none"), "none"),
        (CompletionFilter(tags=("t", "u")), "none"),
        (CompletionFilter(session_id="s"), "session"),
        (CompletionFilter(file="/a.py", function="f"), "call_site"),
        (CompletionFilter(file="/a.py"), "none"),
        (CompletionFilter(model="m", tags=("t",)), "none"),
    ],
)
def test_one_group_has_its_own_figures(wanted: CompletionFilter, group_by: str) -> None:
    """Roll-ups know one model, tag, session or call site at a time; for anything else all calls count."""
    assert stats_query(wanted, NOW_MS).group_by == group_by


@pytest.mark.parametrize(
    ("wanted", "scope"),
    [
        (CompletionFilter(), "all calls"),
        (CompletionFilter(since_ms=1), "all calls"),
        (CompletionFilter(model="m"), "all calls of the model m"),
        (CompletionFilter(tags=("t",), status="failed"), "all calls of the tag t, also those not listed"),
        (CompletionFilter(text="word"), "all calls, also those not listed"),
    ],
)
def test_the_figures_say_whose_they_are(wanted: CompletionFilter, scope: str) -> None:
    """Where the list shows fewer calls than are counted, that is said."""
    assert (
        build_stats_panel(Statistics(groups=(), series=()), wanted, stats_query(wanted, NOW_MS)).scope
        == scope
    )


def test_bars_stand_where_their_time_is() -> None:
    """Steps without calls leave a gap; the highest fills the height, failures are part of their bar."""
    wanted = CompletionFilter(since_ms=NOW_MS - 24 * HOUR_MS)
    series = (totals(0, calls=10), totals(3 * HOUR_MS, calls=5, failed=5))

    made = build_stats_panel(Statistics(groups=(), series=series), wanted, stats_query(wanted, NOW_MS))

    assert [(bar.x, bar.good, bar.failed) for bar in made.bars] == [(0, HEIGHT, 0), (3, 0, HEIGHT // 2)]
    assert made.bars[1].title == "1970-01-01 03:00: 5 calls, 5 failed"


def test_only_the_last_steps_are_drawn() -> None:
    """A year of days does not become a year of bars."""
    series = tuple(totals(day * 24 * HOUR_MS) for day in range(365))

    made = build_stats_panel(
        Statistics(groups=(), series=series), CompletionFilter(), stats_query(CompletionFilter(), NOW_MS)
    )

    assert len(made.bars) == made.steps == 120


def test_a_group_without_calls_has_no_figures() -> None:
    """Nothing counted, nothing shown."""
    wanted = CompletionFilter(model="m")

    made = build_stats_panel(Statistics(groups=(), series=()), wanted, stats_query(wanted, NOW_MS))

    assert (made.figures, made.bars) == ((), ())
