"""The calls of a session as bars of text: light until the first token, then dark."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from rich.text import Text

from log10_trace.cli.output import console, one_line, seconds
from log10_trace.domain.call_labels import STARTED
from log10_trace.domain.call_times import read_began_ms, read_seconds
from log10_trace.domain.timeline import Axis, Bar, CallTime, Timeline, make_axis, make_timeline
from log10_trace.models.components import CompletionSummary

STATUS_STYLES: Final = {"failed": "red", "running": "yellow", "interrupted": "yellow"}
_PIPE_WIDTH: Final = 80
_NUMBER_WIDTH: Final = 5
_MODEL_WIDTH: Final = 18
_TIME_WIDTH: Final = 11


def time_calls(calls: Iterable[CompletionSummary], now_ms: int) -> Timeline:
    """The timeline of calls, oldest first; one that does not say when it began began with the one before."""
    times: list[CallTime] = []
    began_ms = 0
    for call in calls:
        began_ms = max(read_began_ms(call.id or "", call.created_at) or began_ms, began_ms)
        duration, first_token = read_seconds(call.duration), read_seconds(call.time_to_first_token)
        times.append(CallTime(began_ms, duration, first_token, is_running=_status(call) == "running"))
    return make_timeline(times, now_ms)


def draw_calls(calls: Sequence[CompletionSummary], timeline: Timeline) -> Iterator[Text]:
    """A line for each call."""
    axis = make_axis(timeline)
    width = console.width if console.is_terminal else _PIPE_WIDTH
    room = max(width - _NUMBER_WIDTH - _MODEL_WIDTH - _TIME_WIDTH, 1)
    for number, (call, bar) in enumerate(zip(calls, timeline.bars, strict=True), 1):
        status = _status(call)
        model = one_line(call.model or "")[: _MODEL_WIDTH - 2]
        took = status if status == "running" else seconds(call.duration)
        label = f"{number:>{_NUMBER_WIDTH - 1}} {model:<{_MODEL_WIDTH}}"
        yield Text(
            f"{label}{_draw_bar(axis, bar, room)}{took:>{_TIME_WIDTH}}", style=STATUS_STYLES.get(status, "")
        )
    if axis.is_cut:
        yield Text("Long waits are drawn shorter than they were.", style="dim")


def _draw_bar(axis: Axis, bar: Bar, width: int) -> str:
    begin = min(int(axis.locate(bar.offset) * width), width - 1)
    end = min(max(round(axis.locate(bar.end) * width), begin + 1), width)
    first = begin if bar.first_token is None else round(axis.locate(bar.offset + bar.first_token) * width)
    answer = min(max(first, begin), end)
    return f"{' ' * begin}{'░' * (answer - begin)}{'█' * (end - answer)}".ljust(width)


def _status(call: CompletionSummary) -> str:
    status = str(getattr(call.status, "value", call.status))
    return "running" if status == STARTED else status
