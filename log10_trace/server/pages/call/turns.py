"""The messages of a request as a page shows them: a tool's result inside the box of its call. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from log10_trace.server.pages.messages import Message, ToolCall


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a tool call: a message of its own, which stands elsewhere in the request."""

    message: Message
    number: int
    """The place of the message in its request, from 1."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A message, and the results of the tool calls in it."""

    message: Message
    number: int
    """Its place in the request, from 1."""
    results: dict[str, Result] = field(default_factory=dict)
    """By the key of the call."""

    @property
    def messages(self) -> int:
        """How many messages of the request it stands for."""
        return (self.message.omitted or 1) + len(self.results)

    def result_of(self, call: ToolCall) -> Result | None:
        """The result of one of the message's calls, if the request has it."""
        return self.results.get(_key(call.id, call.name))


def arrange_turns(messages: Iterable[Message]) -> tuple[Turn, ...]:
    """The messages in order; each result that follows its call stands with it.

    Some providers give the calls of every message the same ids: a result belongs to the last call before it.
    """
    turns: list[Turn] = []
    waiting: dict[str, Turn] = {}
    for number, message in _number(messages):
        key = _key(message.answers, message.name) if message.role in ("tool", "function") else ""
        asking = waiting.pop(key, None) if key else None
        if asking is not None:
            asking.results[key] = Result(message, number)
            continue
        turn = Turn(message, number)
        turns.append(turn)
        waiting |= {_key(call.id, call.name): turn for call in message.calls}
    return tuple(turns)


def find_results(calls: Iterable[ToolCall], messages: Iterable[Message]) -> dict[str, Result]:
    """The results of ``calls`` among the messages of a later request, by the key of the call."""
    wanted = {_key(call.id, call.name) for call in calls if call.id}
    return {
        key: Result(message, number)
        for number, message in _number(messages)
        if message.role == "tool" and (key := _key(message.answers, "")) in wanted
    }


def _key(call_id: str, name: str) -> str:
    """What a call and its result have in common: the id, or of a call in the old form the function's name."""
    return f"id {call_id}" if call_id else f"name {name}" if name else ""


def _number(messages: Iterable[Message]) -> Iterator[tuple[int, Message]]:
    """Each with its place, those left out counted."""
    number = 1
    for message in messages:
        yield number, message
        number += message.omitted or 1
