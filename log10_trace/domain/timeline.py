"""When the calls of a session ran: side by side, one after the other, with what waits between them. Pure.

Offsets and lengths are seconds, from the beginning of the first call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Final

_TICKS: Final = 5
_STEPS_S: Final = (
    *(step * 10**power for power in range(-3, 1) for step in (1, 1.5, 2, 3, 4, 5, 7.5)),
    10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400,
)  # fmt: skip
_MAX_BESIDE: Final = 5
_MIN_BUSY: Final = 1 / 3
"""Share of the axis that calls take at least; waits are drawn shorter where they would leave them less."""
_MIN_BUSY_S: Final = 0.001
_MAX_RUNNING: Final = 1.5
"""How long a running call is drawn at most, in lengths of all that has ended."""
_RUNNING_SHARE: Final = 0.95
_MIN_TICK_DISTANCE: Final = 0.14


@dataclass(frozen=True, slots=True)
class CallTime:
    """When a call ran."""

    began_ms: int
    duration: float | None
    """None for a call that runs, or of which it is not known."""
    first_token: float | None
    is_running: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """A call on the time axis."""

    offset: float
    length: float
    first_token: float | None
    """After the beginning of the call; None when it is not known."""
    waited: float
    """How long no call of the session had been running when this one began."""
    beside: tuple[int, ...]
    """Indices of earlier calls that still ran then; a few of them."""
    is_running: bool = False

    @property
    def end(self) -> float:
        """Where the bar ends."""
        return self.offset + self.length


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of the axis."""

    share: float
    """Of the axis, from its left end."""
    offset: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """The calls of a session, or of a part of it, in time."""

    bars: tuple[Bar, ...]
    wall: float
    """From the first beginning to the last end."""
    model: float
    """The lengths of all calls together."""
    idle: float
    """How much of ``wall`` no call ran."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Where a moment is drawn."""

    knots: tuple[tuple[float, float], ...]
    """Offset and share of the points between which the axis is straight."""
    ticks: tuple[Tick, ...]
    is_cut: bool
    """Whether a part of it is drawn shorter than it was: a long wait, or a call that runs far too long."""

    def locate(self, offset: float) -> float:
        """The share of the axis at which an offset is drawn, from 0 to 1."""
        (from_offset, from_share), (to_offset, to_share) = self.knots[0], self.knots[-1]
        for knot in self.knots:
            if knot[0] <= offset:
                from_offset, from_share = knot
            else:
                to_offset, to_share = knot
                break
        if to_offset <= from_offset:
            return from_share
        return from_share + (to_share - from_share) * min(
            1.0, (offset - from_offset) / (to_offset - from_offset)
        )


class CallClock:
    """Follows the calls of a session, in the order in which they began.

    Attributes:
        wall: From the first beginning to the last end so far, in seconds.
        model: The lengths of all calls together.
        idle: How much of ``wall`` no call ran.
    """

    def __init__(self, now_ms: int) -> None:
        self.wall = self.model = self.idle = 0.0
        self._now_ms = now_ms
        self._start_ms: int | None = None
        self._count = 0
        self._ends: dict[int, float] = {}
        """Where the calls end that may still run, by their index."""

    def add(self, call: CallTime) -> Bar:
        """The bar of the next call; one that runs lasts until now."""
        if self._start_ms is None:
            self._start_ms = call.began_ms
        offset = (call.began_ms - self._start_ms) / 1000
        length = call.duration or 0.0
        if call.is_running:
            length = max(0.0, (self._now_ms - call.began_ms) / 1000)
        self._ends = {index: end for index, end in self._ends.items() if end > offset}
        waited = max(0.0, offset - self.wall)
        first_token = None if call.first_token is None else min(call.first_token, length)
        beside = tuple(self._ends)[-_MAX_BESIDE:]
        bar = Bar(offset, length, first_token, waited, beside, call.is_running)
        self._ends[self._count] = bar.end
        self._count += 1
        self.idle += waited
        self.model += length
        self.wall = max(self.wall, bar.end)
        return bar


def make_timeline(calls: Sequence[CallTime], now_ms: int) -> Timeline:
    """The timeline of calls that are in the order in which they began."""
    clock = CallClock(now_ms)
    bars = tuple(map(clock.add, calls))
    return Timeline(bars, clock.wall, clock.model, clock.idle)


def make_axis(timeline: Timeline) -> Axis:
    """The axis of a timeline: even, or cut so that all calls can be seen."""
    ended = max((bar.offset if bar.is_running else bar.end for bar in timeline.bars), default=0.0)
    if not ended or timeline.wall <= ended * _MAX_RUNNING:
        return _make_axis(timeline)
    # What runs since long after the others is drawn shorter, like a wait.
    end = ended * _MAX_RUNNING
    axis = _make_axis(replace(timeline, wall=end))
    knots = tuple((offset, share * _RUNNING_SHARE) for offset, share in axis.knots if offset <= end)
    place = axis.locate(end) * _RUNNING_SHARE
    ticks = tuple(Tick(tick.share * _RUNNING_SHARE, tick.offset) for tick in axis.ticks if tick.offset <= end)
    return Axis((*knots, (end, place), (timeline.wall, 1.0)), ticks, is_cut=True)


def _make_axis(timeline: Timeline) -> Axis:
    waits = [bar for bar in timeline.bars if bar.waited > 0]
    busy = max(timeline.wall - timeline.idle, _MIN_BUSY_S)
    if not waits or busy >= timeline.wall * _MIN_BUSY:
        step = next((step for step in _STEPS_S if step * (_TICKS - 1) >= timeline.wall), timeline.wall / 4)
        end = step * (_TICKS - 1) or 1.0
        ticks = tuple(Tick(at / (_TICKS - 1), step * at) for at in range(_TICKS))
        return Axis(((0.0, 0.0), (end, 1.0)), ticks, is_cut=False)
    # Waits together are drawn at most twice as long as the calls together.
    longest = _limit_waits([bar.waited for bar in waits], busy / _MIN_BUSY - busy)
    ends = [(bar.offset, bar.waited, min(bar.waited, longest)) for bar in waits]
    cut = list(accumulate((waited - drawn for _, waited, drawn in ends), initial=0.0))
    drawn_wall = timeline.wall - cut[-1]
    knots = [(0.0, 0.0)]
    for (offset, waited, drawn), before in zip(ends, cut, strict=False):
        begin = offset - waited - before
        knots += [
            (offset - waited, min(1.0, begin / drawn_wall)),
            (offset, min(1.0, (begin + drawn) / drawn_wall)),
        ]
    knots.append((timeline.wall, 1.0))
    return Axis(tuple(knots), _mark_bursts(knots), is_cut=True)


def _limit_waits(waits: list[float], total: float) -> float:
    """The length to which waits are cut, so that together they are at most ``total`` long."""
    rest = total
    ordered = sorted(waits)
    for index, waited in enumerate(ordered):
        share = rest / (len(ordered) - index)
        if waited > share:
            return share
        rest -= waited
    return ordered[-1]


def _mark_bursts(knots: Sequence[tuple[float, float]]) -> tuple[Tick, ...]:
    """A tick where calls begin after a wait, as many as have room."""
    ticks: list[Tick] = []
    for offset, share in (knots[0], *knots[2:-1:2]):
        if not ticks or share - ticks[-1].share >= _MIN_TICK_DISTANCE:
            ticks.append(Tick(share, offset))
    return tuple(ticks)
