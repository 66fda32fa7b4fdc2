"""The page of one call: the call itself, and what stands around it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from log10_trace.server.pages import json_access
from log10_trace.server.pages.call.additions import count_repeated
from log10_trace.server.pages.call.call_view import CallView
from log10_trace.server.pages.call.surroundings import Surroundings
from log10_trace.server.pages.call.texts import Texts
from log10_trace.server.pages.call.turns import Turn, arrange_turns, find_results
from log10_trace.server.pages.messages import Message, request_messages
from log10_trace.server.store.data_types import StoredCompletion

_TITLE_CHARACTERS: Final = 120
_UNFOLDED_FIRST: Final = 2
_UNFOLDED_LAST: Final = 6
_UNFOLDED_REPEATED: Final = 2
"""Repeated messages that stand before what was added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPage:
    """Everything that the page of a call shows."""

    around: Surroundings
    title: str
    turns: tuple[Turn, ...]
    answers: tuple[Turn, ...]
    """The message of each choice, with the results that the next call of the session sent."""
    repeated: int
    """Messages at the beginning that the call before had, its answer included."""
    first_added: int
    """The index of the first turn that the call before had not; 0 when it shares no beginning with it."""
    folded: range
    """The indexes of the turns that are collapsed: repeated ones, or the middle of a long conversation."""
    texts: Texts

    @property
    def folded_messages(self) -> int:
        """How many messages are collapsed, those included that the page omits."""
        return sum(turn.messages for turn in self.turns[self.folded.start : self.folded.stop])


def call_page(view: CallView, around: Surroundings, *, rendered: bool) -> CallPage:
    """The page of a call; ``rendered`` says whether Markdown is."""
    turns = arrange_turns(view.asked)
    messages = tuple(choice.turn for choice in view.choices)
    later = _read_request(around.later)
    answers = tuple(
        Turn(each, number, find_results(each.calls, later) if later else {})
        for number, each in enumerate(messages, 1)
    )
    repeated = count_repeated(around.earlier, view.request) if around.earlier else 0
    first_added = next((index for index, turn in enumerate(turns) if turn.number > repeated), 0)
    return CallPage(
        around=around,
        title=title_call(view),
        turns=turns,
        answers=answers,
        repeated=repeated,
        first_added=first_added,
        folded=range(0) if view.is_whole else _fold(len(turns), first_added),
        texts=Texts(messages, view.asked, rendered=rendered),
    )


def _fold(turns: int, first_added: int) -> range:
    """What is collapsed: what the call before showed already, else the middle of a long conversation."""
    last = turns - _UNFOLDED_LAST
    if first_added and turns - first_added <= 2 * _UNFOLDED_LAST:
        last = first_added - _UNFOLDED_REPEATED
    return range(_UNFOLDED_FIRST, last) if last > 2 * _UNFOLDED_FIRST else range(0)


def _read_request(stored: StoredCompletion | None) -> tuple[Message, ...]:
    if stored is None:
        return ()
    return request_messages(json_access.values_of(stored, ("request",)).get("request"))


def title_call(view: CallView) -> str:
    """The first words of what the user asked last, else of any message; the model for a call without text."""
    by_user = (turn for turn in reversed(view.asked) if turn.role in ("user", "prompt"))
    for turn in (*by_user, *reversed(view.asked)):
        for part in turn.parts:
            words = " ".join(part.text[: 4 * _TITLE_CHARACTERS].split()) if part.kind == "text" else ""
            if words:
                return words if len(words) <= _TITLE_CHARACTERS else f"{words[:_TITLE_CHARACTERS]}…"
    return view.model or view.labels.endpoint or "Call"
