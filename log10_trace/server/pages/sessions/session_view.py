"""One session as one conversation: each call shows what it added to those before. Pure.

A chat sends its whole history with every call. Shown call by call, that buries the one new question; so what
an earlier call on the page has shown already is counted, not repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from log10_trace.server.pages.call.call_view import CallView, call_view, text_limit
from log10_trace.server.pages.messages import Message, count_common_prefix, ends
from log10_trace.server.store.data_types import SessionSummary, StoredCompletion

_COMPARED_ENDS: Final = 500
"""Messages at each end of a call that are compared with those of earlier calls."""
_NEW_ENDS: Final = 50


@dataclass(frozen=True, slots=True)
class Step:
    """One call of the conversation."""

    call: CallView
    repeated: int
    """Turns at the beginning of its request that an earlier call has shown."""

    @property
    def new(self) -> tuple[Message, ...]:
        """The turns that it adds; of very many, those at the ends."""
        return ends(self.call.asked[self.repeated :], _NEW_ENDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """Everything that the page of a session shows."""

    session: SessionSummary
    steps: tuple[Step, ...]
    most: int
    """Characters shown of one text."""
    later: str
    """The address of the next page, empty on the last."""


def session_view(session: SessionSummary, records: Iterable[StoredCompletion], later: str) -> SessionView:
    """The view of a session's calls, oldest first."""
    steps = tuple(_steps(records))
    turns = [turn for step in steps for turn in (*step.new, *(choice.turn for choice in step.call.choices))]
    return SessionView(session=session, steps=steps, most=text_limit(turns), later=later)


def _steps(records: Iterable[StoredCompletion]) -> Iterator[Step]:
    said: list[tuple[Message, ...]] = []
    for stored in records:
        call = call_view(stored, ends=_COMPARED_ENDS, raw=False)
        yield Step(call, max((count_common_prefix(each, call.asked) for each in said), default=0))
        said.append((*call.asked, *(choice.turn for choice in call.choices[:1])))
