"""The calls of a session as bars on a time axis, in percents of its width. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from log10_trace.domain import formatting
from log10_trace.domain.timeline import Axis, Bar, Timeline, make_axis
from log10_trace.server.pages.call_fields import CallFields

_MIN_PERCENT: Final = 0.6
"""Of the axis; a shorter bar could not be seen."""


@dataclass(frozen=True, slots=True)
class AxisTick:
    """A mark of the axis: its place in percent, and what is written there."""

    place: str
    anchor: str
    """SVG's ``text-anchor``."""
    text: str


@dataclass(frozen=True, slots=True)
class WaterfallRow:
    """A call on the axis; places and widths are percents."""

    number: int
    labels: CallFields
    model: str
    x: str
    wait_width: str
    """Until the first token; ``0%`` where it is not known."""
    answer_x: str
    answer_width: str
    title: str
    """When it ran, in words."""
    waits: tuple[tuple[str, str], ...]
    """Place and width of what waited before it, where that is cut."""


@dataclass(frozen=True, slots=True)
class Waterfall:
    """The calls of a page of a session in time."""

    rows: tuple[WaterfallRow, ...]
    ticks: tuple[AxisTick, ...]
    is_cut: bool
    """Whether a part of it is drawn shorter than it was."""


def make_waterfall(
    timeline: Timeline, calls: Sequence[tuple[CallFields, str]], first_number: int
) -> Waterfall:
    """The waterfall of calls, given as their labels and models."""
    axis = make_axis(timeline)
    rows = (
        _make_row(axis, number, bar, labels, model)
        for number, (bar, (labels, model)) in enumerate(zip(timeline.bars, calls, strict=True), first_number)
    )
    ticks = (
        AxisTick(_percent(tick.share), _anchor(tick.share), _format_offset(tick.offset))
        for tick in axis.ticks
    )
    return Waterfall(tuple(rows), tuple(ticks), axis.is_cut)


def _make_row(axis: Axis, number: int, bar: Bar, labels: CallFields, model: str) -> WaterfallRow:
    begin, end = axis.locate(bar.offset), axis.locate(bar.end)
    begin = min(begin, 1 - _MIN_PERCENT / 100)
    end = max(end, begin + _MIN_PERCENT / 100)
    answer = begin if bar.first_token is None else axis.locate(bar.offset + bar.first_token)
    answer = min(max(answer, begin), end)
    waits: list[tuple[str, str]] = []
    if axis.is_cut and bar.waited:
        wait_begin = axis.locate(bar.offset - bar.waited)
        waits.append((_percent(wait_begin), _percent(begin - wait_begin)))
    return WaterfallRow(
        number=number,
        labels=labels,
        model=model,
        x=_percent(begin),
        wait_width=_percent(answer - begin),
        answer_x=_percent(answer),
        answer_width=_percent(end - answer),
        title=_describe(bar, labels),
        waits=tuple(waits),
    )


def _describe(bar: Bar, labels: CallFields) -> str:
    words = [f"began at {_format_offset(bar.offset)}"]
    if bar.first_token is not None:
        words.append(f"first token after {formatting.duration(bar.first_token)}")
    if labels.duration is not None:
        words.append(f"took {formatting.duration(labels.duration)}")
    return ", ".join([*words, labels.display_status])


def _format_offset(offset: float) -> str:
    if not offset:
        return "0 s"
    return f"+{formatting.duration(offset).removesuffix(' 0 s').removesuffix(' 0 min')}"


def _percent(share: float) -> str:
    return f"{max(share, 0) * 100:.2f}%"


def _anchor(share: float) -> Literal["start", "middle", "end"]:
    if share < 0.04:  # noqa: PLR2004 -- beside the left end
        return "start"
    return "middle" if share < 0.94 else "end"  # noqa: PLR2004 -- beside the right end
