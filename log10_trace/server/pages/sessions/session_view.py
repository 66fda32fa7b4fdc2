"""One session as one story: each call shows what it added to those before, and when it ran. Pure.

A chat sends its whole history with every call. Shown call by call, that buries the one new question; so what
an earlier call has shown already is counted, not repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Final

from log10_trace.domain.call_labels import FAILED, STARTED
from log10_trace.domain.shown_history import ShownHistory
from log10_trace.domain.timeline import Bar, CallTime, Timeline, make_timeline
from log10_trace.server.pages.call.call_view import CallView, call_view, text_limit
from log10_trace.server.pages.messages import Message, ends
from log10_trace.server.pages.sessions.waterfall import Waterfall, make_waterfall
from log10_trace.server.store.data_types import SessionSummary, StoredCompletion

_COMPARED_ENDS: Final = 500
"""Messages at each end of a call that are compared with those of earlier calls."""
_NEW_ENDS: Final = 50
_UNFOLDED_FIRST: Final = 2
_UNFOLDED_LAST: Final = 6
_MIN_WAIT_S: Final = 5.0
"""A shorter wait between two calls is not worth a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One call of the story."""

    number: int
    """In the session, from 1."""
    call: CallView
    repeated: int
    """Turns at the beginning of its request that an earlier call has shown."""
    bar: Bar
    beside: tuple[int, ...]
    """Numbers of earlier calls that still ran when it began."""
    tool_names: Mapping[str, str]
    """The names of the tools that were called, by the id of the call."""

    @property
    def added(self) -> tuple[Message, ...]:
        """The turns that it adds; of very many, those at the ends."""
        return ends(self.call.asked[self.repeated :], _NEW_ENDS)

    @property
    def collapsed(self) -> range:
        """Which of the turns added, by index, are collapsed: the middle of a long request."""
        last = len(self.added) - _UNFOLDED_LAST
        return range(_UNFOLDED_FIRST, last) if last > 2 * _UNFOLDED_FIRST else range(0)

    @property
    def folded_messages(self) -> int:
        """Number of collapsed messages, including those that the page omits."""
        collapsed = self.collapsed
        return sum(turn.omitted or 1 for turn in self.added[collapsed.start : collapsed.stop])

    @property
    def asks_again(self) -> bool:
        """Whether the request is one that an earlier call made."""
        return self.repeated > 0 and self.repeated == len(self.call.asked)

    @property
    def waited(self) -> float | None:
        """Seconds in which no call of the session ran before this one; None when hardly any."""
        return self.bar.waited if self.bar.waited >= _MIN_WAIT_S else None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """Everything that the page of a session shows."""

    session: SessionSummary
    title: str
    """What was asked first; empty when that has no text."""
    steps: tuple[Step, ...]
    timeline: Timeline
    """Of the calls shown."""
    waterfall: Waterfall
    most: int
    """Characters shown of one text."""
    later: str
    """The address of the next page, empty on the last."""

    @property
    def has_all_calls(self) -> bool:
        """Whether all calls of the session are shown."""
        return not self.later and len(self.steps) >= self.session.calls

    @property
    def running(self) -> int:
        """How many of the calls shown are running."""
        return sum(step.call.labels.status == STARTED for step in self.steps)

    @property
    def failures(self) -> tuple[int, ...]:
        """The numbers of the calls shown that failed."""
        return tuple(step.number for step in self.steps if step.call.labels.status == FAILED)


def session_view(
    session: SessionSummary,
    records: Sequence[StoredCompletion],
    *,
    title: str,
    later: str,
    now_ms: int,
    earlier: StoredCompletion | None = None,
    first_number: int = 1,
) -> SessionView:
    """The view of calls of a session, oldest first.

    Args:
        session: The session.
        records: The calls.
        title: What was asked first in the session.
        later: The address of the next page, empty on the last.
        now_ms: Until when running calls last.
        earlier: The call before the first one, whose messages are not shown anew.
        first_number: The number of the first call in the session.
    """
    calls = [call_view(stored, ends=_COMPARED_ENDS, raw=False) for stored in records]
    timeline = make_timeline(_list_times(calls, session.first_ms), now_ms)
    history, tool_names = ShownHistory(), dict[str, str]()
    if earlier is not None:
        _note(call_view(earlier, ends=_COMPARED_ENDS, raw=False), history, tool_names)
    steps: list[Step] = []
    for number, (call, bar) in enumerate(zip(calls, timeline.bars, strict=True), first_number):
        repeated = history.count_repeated(_comparable(call.asked))
        _note(call, history, tool_names)
        beside = tuple(first_number + index for index in bar.beside)
        steps.append(
            Step(number=number, call=call, repeated=repeated, bar=bar, beside=beside, tool_names=tool_names)
        )
    turns = [turn for step in steps for turn in (*step.added, *(choice.turn for choice in step.call.choices))]
    return SessionView(
        session=session,
        title=title,
        steps=tuple(steps),
        timeline=timeline,
        waterfall=make_waterfall(timeline, [(call.labels, call.model) for call in calls], first_number),
        most=text_limit(turns),
        later=later,
    )


def _list_times(calls: Iterable[CallView], began_ms: int) -> list[CallTime]:
    """When each call ran; one that does not say so began with the call before."""
    times: list[CallTime] = []
    for call in calls:
        labels = call.labels
        began_ms = began_ms if labels.began_ms is None else max(labels.began_ms, began_ms if times else 0)
        is_running = labels.status == STARTED
        times.append(CallTime(began_ms, labels.duration, labels.time_to_first_token, is_running=is_running))
    return times


def _note(call: CallView, history: ShownHistory, tool_names: dict[str, str]) -> None:
    """Note what a call asked and was answered, and which tools that called."""
    answers = [choice.turn for choice in call.choices]
    history.add([*_comparable(call.asked), *_comparable(answers[:1])])
    for turn in (*call.asked, *answers):
        tool_names.update({tool.id: tool.name for tool in turn.calls if tool.id})


def _comparable(turns: Iterable[Message]) -> list[Message]:
    """The turns up to a gap, without what the model thought: programs do not send that back."""
    return [_drop_reasoning(turn) for turn in takewhile(lambda turn: not turn.omitted, turns)]


def _drop_reasoning(turn: Message) -> Message:
    kept = tuple([part for part in turn.parts if part.kind != "reasoning"])
    return turn if len(kept) == len(turn.parts) else replace(turn, parts=kept)
