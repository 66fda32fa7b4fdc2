"""The figures above the list: of which calls they are, and where each of them leads."""

from __future__ import annotations

import pytest

from log10_trace.server.pages.calls.figures import Counts, FiguresView, figures_view, statistics_query
from log10_trace.server.pages.urls import PageURL
from log10_trace.server.store.data_types import CompletionFilter, GroupTotals, MatchCount, Statistics

HOUR_MS = 3_600_000
NOW_MS = 500_000 * HOUR_MS


def totals(start_ms: int | None = None, calls: int = 10, failed: int = 2) -> GroupTotals:
    """Calls of one step, or of all."""
    return GroupTotals(
        key=None, start_ms=start_ms, calls=calls, failed=failed, input_tokens=900, output_tokens=100,
        cost=0.5, unpriced=1, p50=1.5, p95=3.0, p99=4.0, first_token_p50=None, first_token_p95=None,
    )  # fmt: skip


def view_of(
    wanted: CompletionFilter, matched: MatchCount, query: str = "", statistics: Statistics | None = None
) -> FiguresView:
    """The figures of a filter, with a page that has it as its query."""
    pairs = tuple(tuple(pair.split("=")) for pair in query.split("&") if pair)
    counted = statistics_query(wanted, matched, NOW_MS)
    counts = Counts(
        wanted=wanted,
        matched=matched,
        total=MatchCount(calls=283, is_exact=True),
        query=counted,
        statistics=statistics or Statistics(groups=(totals(),), series=(), counted=wanted),
        now_ms=NOW_MS,
    )
    return figures_view(counts, PageURL("/", pairs))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("matched", "sentence"),
    [
        (MatchCount(calls=17, is_exact=True), "17 of 283 calls match"),
        (MatchCount(calls=283, is_exact=True), "283 calls"),
        (MatchCount(calls=9_000, is_exact=False), "at least 9,000 of 283 calls match"),
        (MatchCount(calls=0, is_exact=False), "some of 283 calls match"),
    ],
)
def test_a_sentence_says_how_many_match(matched: MatchCount, sentence: str) -> None:
    """Of all calls where a filter leaves some out; a count that was stopped is no exact number."""
    assert "".join(view_of(CompletionFilter(), matched).sentence) == sentence


def test_every_figure_leads_to_the_calls_behind_it() -> None:
    """The filters stay, and what the figure counts joins them."""
    view = view_of(CompletionFilter(model="m"), MatchCount(calls=10, is_exact=True), "model=m&cursor=x")

    assert {each.title: each.address for each in view.figures} == {
        "Failed": "/?model=m&status=failed",
        "Tokens": "/?model=m&min_tokens=1",
        "Cost": "/?model=m&min_tokens=1",
        "Median time": "/?model=m&min_duration=1.5",
        "95 % within": "/?model=m&min_duration=3",
    }


def test_the_chart_ends_now_and_its_steps_are_links() -> None:
    """The axis is the chosen span with now at its right edge; a step leads to its calls."""
    since_ms = NOW_MS - 24 * HOUR_MS
    series = (totals(since_ms), totals(NOW_MS - HOUR_MS))

    view = view_of(
        CompletionFilter(since_ms=since_ms),
        MatchCount(calls=20, is_exact=True),
        "since=24h",
        Statistics(groups=(totals(),), series=series, counted=CompletionFilter(since_ms=since_ms)),
    )

    assert view.chart is not None
    assert (view.chart.axis.since_ms, view.chart.axis.until_ms) == (since_ms, NOW_MS)
    assert view.chart.ticks[-1].label == "now"
    assert view.chart.steps[0].address.startswith("/?since=2027-01-14T08%3A00%3A00")


def test_figures_of_more_than_what_matches_say_so() -> None:
    """Where too many match to be summed, the figures say of which calls they are, with their number."""
    counted = Statistics(groups=(totals(),), series=(), counted=CompletionFilter(tags=("t",)))
    wanted = CompletionFilter(tags=("t",), min_duration=2.0)
    view = view_of(wanted, MatchCount(calls=3, is_exact=True), "", counted)

    assert view.scope == "all calls of the tag t in this span of time"
    assert view.figures[0].title == "Calls"


def test_nothing_counted_is_nothing_shown() -> None:
    """Without calls there are no figures and no chart."""
    empty = Statistics(groups=(), series=())
    view = view_of(CompletionFilter(), MatchCount(calls=0, is_exact=True), "", empty)

    assert (view.figures, view.chart) == ((), None)
