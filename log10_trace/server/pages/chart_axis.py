"""The axis of a chart: a span of time in steps that roll-ups have, with now or its end at the right. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from log10_trace.domain.times import DAY_MS, utc_datetime
from log10_trace.server.store.data_types import Interval

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
STEP_MS: Final[dict[Interval, int]] = {"minute": MINUTE_MS, "hour": HOUR_MS, "day": DAY_MS}
_MAX_STEPS: Final[dict[Interval, int]] = {"minute": 120, "hour": 8 * 24, "day": 366}
_MIN_STEPS: Final = 24
"""Steps of an axis without a start, so that few bars stay bars."""
_TICK_STEPS_MS: Final = (
    *(minutes * MINUTE_MS for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * HOUR_MS for hours in (1, 2, 3, 6, 12)),
    *(days * DAY_MS for days in (1, 2, 7, 14, 30, 90)),
)
_MAX_TICKS: Final = 6
_ROOM: Final = 0.13
"""Share of the width that the label of the right end needs."""
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Tick:
    """A moment that is named below the axis, at ``x`` per cent of the width."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Axis:
    """A span of time in steps of one width. Milliseconds since 1970, UTC."""

    interval: Interval
    since_ms: int
    """Where the first step begins."""
    until_ms: int
    """The right end, within the last step or at its end."""
    ends_now: bool

    @property
    def step_ms(self) -> int:
        """How long a step is."""
        return STEP_MS[self.interval]

    @property
    def starts(self) -> range:
        """Where each step begins."""
        return range(self.since_ms, self.until_ms, self.step_ms)

    @property
    def ticks(self) -> tuple[Tick, ...]:
        """The moments that are named; the last is the right end."""
        span = self.until_ms - self.since_ms
        step = next((step for step in _TICK_STEPS_MS if span <= step * _MAX_TICKS), span)
        first = -(-self.since_ms // step) * step
        named = [moment for moment in range(first, self.until_ms, step) if self.x(moment) < 1 - _ROOM]
        end = "now" if self.ends_now else _label(self.until_ms, step)
        return (*(Tick(100 * self.x(moment), _label(moment, step)) for moment in named), Tick(100.0, end))

    def x(self, moment_ms: int) -> float:
        """Where a moment lies: 0 is the left end, 1 the right."""
        return (moment_ms - self.since_ms) / (self.until_ms - self.since_ms)

    def end_of(self, start_ms: int) -> int:
        """Where the step that begins at ``start_ms`` ends, on this axis."""
        return min(start_ms + self.step_ms, self.until_ms)

    def name_step(self, start_ms: int) -> str:
        """The step that begins at ``start_ms``, in words: ``Nov 30, 13:00-14:00 UTC``."""
        return _name_step(self.interval, start_ms)


def choose_interval(since_ms: int, until_ms: int) -> Interval:
    """Steps so fine that they make a picture of the span, and so coarse that they fit."""
    span = until_ms - since_ms
    return next(
        (interval for interval, most in _MAX_STEPS.items() if span <= STEP_MS[interval] * most), "day"
    )


def make_axis(
    interval: Interval,
    *,
    since_ms: int | None,
    until_ms: int | None,
    now_ms: int,
    starts: Sequence[int] = (),
) -> Axis:
    """The axis of a span in whole steps from the left, no longer than steps are legible.

    ``starts`` are the steps with calls: without ``since_ms`` the axis begins with the first of them.
    """
    width = STEP_MS[interval]
    ends_now = until_ms is None or until_ms >= now_ms
    end = now_ms if until_ms is None else min(until_ms, now_ms)
    begins = min(starts, default=end) if since_ms is None else since_ms
    if since_ms is None:
        begins = min(begins, end - (_MIN_STEPS - 1) * width)
    first = max(begins, end - _MAX_STEPS[interval] * width) // width * width
    return Axis(interval, first, max(end, first + 1), ends_now)


@lru_cache(maxsize=4_096)
def _name_step(interval: Interval, start_ms: int) -> str:
    start, end = utc_datetime(start_ms), utc_datetime(start_ms + STEP_MS[interval])
    day = f"{_MONTHS[start.month - 1]} {start.day}"
    if interval == "day":
        return f"{day}, {start.year}"
    return f"{day}, {start:%H:%M}\N{EN DASH}{end:%H:%M} UTC"


def _label(moment_ms: int, step_ms: int) -> str:
    moment = utc_datetime(moment_ms)
    if step_ms >= DAY_MS or moment_ms % DAY_MS == 0:
        return f"{_MONTHS[moment.month - 1]} {moment.day}"
    return f"{moment:%H:%M}"
