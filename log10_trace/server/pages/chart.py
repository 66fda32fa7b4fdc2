"""Charts over time: bars in steps of an axis, a scale, and what each step says. Pure.

Heights are pixels and places on the axis per cent, so that text keeps its size at any width.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeVar

from log10_trace.domain import formatting
from log10_trace.domain.times import rfc3339
from log10_trace.server.pages.chart_axis import Axis, Tick
from log10_trace.server.pages.urls import PageURL

Item = TypeVar("Item")

HEIGHT: Final = 88
_TOP: Final = 8
"""Room above the highest line for half of its label."""
_NICE: Final = (1.0, 2.0, 2.5, 5.0, 10.0)

Stacking = Literal["stacked", "overlaid"]
"""Layers on top of each other, or each from the ground, the later in front."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One kind of value. ``style`` is what the style sheet calls it."""

    name: str
    style: str
    values: Mapping[int, float | None]
    """By the start of the step."""


class Mark(NamedTuple):
    """The part of a bar that one layer has."""

    style: str
    y: float
    height: float


class Step(NamedTuple):
    """One step: where it lies (per cent), what it is called, its values in words, where it leads."""

    x: float
    width: float
    label: str
    values: tuple[tuple[str, str], ...]
    marks: tuple[Mark, ...]
    address: str

    @property
    def text(self) -> str:
        """All that the step says, a line a value."""
        return "\n".join([self.label, *[f"{name}: {value}" for name, value in self.values]])


class Slot(NamedTuple):
    """A step of an axis, which all charts on it share: where it lies (per cent), its name, its address."""

    start_ms: int
    x: float
    width: float
    label: str
    address: str


class Bar(NamedTuple):
    """One step of a small chart, in pixels of its height and per cent of its width."""

    x: float
    width: float
    height: float
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line across the chart, and the value that it stands for."""

    y: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Everything that the macro ``chart`` draws."""

    id: str
    title: str
    steps: tuple[Step, ...]
    lines: tuple[Line, ...]
    ticks: tuple[Tick, ...]
    layers: tuple[Layer, ...]
    axis: Axis
    span_address: PageURL
    """The page that shows a selected span of time, without ``since`` and ``until``."""
    top: int = _TOP
    height: int = HEIGHT

    @property
    def bottom(self) -> int:
        """Where the bars stand."""
        return self.top + self.height


def make_slots(axis: Axis, link: Callable[[str, str], str]) -> tuple[Slot, ...]:
    """The steps of an axis; ``link`` gives the address behind one from its ``since`` and ``until``."""
    slots = []
    left, since = axis.x(axis.since_ms), rfc3339(axis.since_ms)
    for start in axis.starts:
        end = axis.end_of(start)  # where the next one begins
        right, until = axis.x(end), rfc3339(end)
        x, width = round(100 * left, 3), round(100 * (right - left), 3)
        slots.append(Slot(start, x, width, axis.name_step(start), link(since, until)))
        left, since = right, until
    return tuple(slots)


def build_chart(
    id: str,  # noqa: A002 -- the attribute's name in HTML
    title: str,
    axis: Axis,
    slots: Sequence[Slot],
    layers: Sequence[Layer],
    *,
    format_value: Callable[[float | None], str],
    span_address: PageURL,
    stacking: Stacking = "stacked",
    height: int = HEIGHT,
) -> Chart:
    """The chart of some layers on the steps of its axis. ``id`` is unique on the page."""
    styles = [layer.style for layer in layers]
    # Layer by layer, which takes less time than step by step.
    stated = [[layer.values.get(slot.start_ms) for slot in slots] for layer in layers]
    shown = [
        [(layer.name, text) for text in map(format_value, values)]
        for layer, values in zip(layers, stated, strict=True)
    ]
    by_step = _turn(stated, len(slots))
    top = _round_up(max([_total(values, stacking) for values in by_step], default=0.0))
    scale = height / top
    # Arguments in the order of the fields: names take twice the time, and a page has a thousand steps.
    steps = [
        Step(
            slot.x,
            slot.width,
            slot.label,
            texts,
            tuple(_marks(styles, values, scale, height, stacking)),
            slot.address,
        )
        for slot, values, texts in zip(slots, by_step, _turn(shown, len(slots)), strict=True)
    ]
    return Chart(
        id=id,
        title=title,
        steps=tuple(steps),
        lines=tuple(
            Line(_TOP + height - height * share, format_value(top * share)) for share in (0.0, 0.5, 1.0)
        ),
        ticks=axis.ticks,
        layers=tuple(layers),
        axis=axis,
        span_address=span_address.without_param("since").without_param("until"),
        height=height,
    )


def format_count(value: float | None) -> str:
    """A number of calls or tokens; nothing for a fraction, of which there is none."""
    if value is not None and value != round(value):
        return ""
    return formatting.compact_number(round(value or 0))


def _turn(layers: Sequence[Sequence[Item]], steps: int) -> list[tuple[Item, ...]]:
    """What layers have at each step."""
    return list(zip(*layers, strict=True)) if layers else [()] * steps


def _total(values: Sequence[float | None], stacking: Stacking) -> float:
    known = filter(None, values)
    return sum(known) if stacking == "stacked" else max(known, default=0.0)


def _marks(
    styles: Sequence[str], values: Sequence[float | None], scale: float, height: int, stacking: Stacking
) -> list[Mark]:
    """The parts of a bar from the ground up; what is more than nothing is to be seen."""
    marks: list[Mark] = []
    ground = float(_TOP + height)
    for style, value in zip(styles, values, strict=True):
        if not value:
            continue
        tall = max(round(value * scale, 1), 2.0)
        marks.append(Mark(style, round(ground - tall, 1), tall))
        if stacking == "stacked":
            ground -= tall
    return marks


def _round_up(value: float) -> float:
    """The next of 1, 2, 2.5 and 5 times a power of ten; 1 for nothing."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in _NICE if value <= step * power * (1 + 1e-9))
