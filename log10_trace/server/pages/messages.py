"""A conversation as turns: who spoke, what was said, which tools were called. Pure.

Turns compare by what they show, so an answer and the same message sent back with the next request are equal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from log10_trace.server.pages import json_access
from log10_trace.server.pages.content_parts import PART_ENDS, Part, audio_part, content_parts
from log10_trace.server.pages.excerpt import ENDS, Gap
from log10_trace.server.pages.json_indent import indented

_INDENTED_CHARACTERS: Final = 200_000
"""Longer arguments are shown as they came: indenting takes many times their memory."""
_KNOWN_ROLES: Final = frozenset(("system", "developer", "user", "assistant", "tool", "function"))


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model asks for."""

    name: str
    arguments: str
    """Indented when they are JSON, else as they came."""
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message."""

    role: str
    name: str = ""
    parts: tuple[Part, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    answers: str = ""
    """The id of the tool call that this is the result of."""
    omitted: int = 0
    """Messages left out here; then it is none itself."""

    @property
    def style(self) -> str:
        """The role as far as pages know it, ``other`` else: fit for the name of a CSS class."""
        return self.role if self.role in _KNOWN_ROLES else "other"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the answers that the model gave."""

    turn: Message
    finish_reason: str


def request_messages(request: Any, most: int = ENDS) -> tuple[Message, ...]:
    """The turns of a request: its messages, or its prompt; of many, ``most`` at each end."""
    body = json_access.mapping(request)
    if "messages" in body:
        return tuple(map(_asked, json_access.sequence(body["messages"], most)))
    prompt = body.get("prompt")
    if isinstance(prompt, list) and all(isinstance(each, str) for each in prompt):
        return tuple(map(_prompt, json_access.sequence(prompt, most)))
    return (_prompt(_tokens(prompt)),) if prompt is not None else ()


def response_choices(response: Any) -> tuple[Choice, ...]:
    """The answers of a response, in the order of its choices."""
    return tuple(map(_choice, json_access.sequence(json_access.mapping(response).get("choices"))))


def ends(turns: tuple[Message, ...], most: int) -> tuple[Message, ...]:
    """At most ``most`` turns at each end, and one between them for those left out."""
    if len(turns) <= 2 * most + 1:
        return turns
    omitted = sum(turn.omitted or 1 for turn in turns[most:-most])
    return (*turns[:most], Message(role="", omitted=omitted), *turns[-most:])


def count_common_prefix(earlier: tuple[Message, ...], later: tuple[Message, ...]) -> int:
    """How many turns both begin with."""
    same = 0
    for one, other in zip(earlier, later, strict=False):
        if one != other or one.omitted:
            break
        same += 1
    return same


def _asked(message: Any) -> Message:
    if isinstance(message, Gap):
        return Message(role="", omitted=message.omitted)
    return _turn(json_access.mapping(message))


def _prompt(prompt: Any) -> Message:
    if isinstance(prompt, Gap):
        return Message(role="", omitted=prompt.omitted)
    return Message(role="prompt", parts=content_parts(prompt))


def _choice(item: Any) -> Choice:
    if isinstance(item, Gap):
        return Choice(Message(role="", omitted=item.omitted), "")
    choice = json_access.mapping(item)
    finish = json_access.short_text(choice.get("finish_reason"))
    if "message" not in choice and "text" in choice:
        return Choice(Message(role="completion", parts=content_parts(choice["text"])), finish)
    return Choice(_turn(json_access.mapping(choice.get("message")), role="assistant"), finish)


def _turn(message: Mapping[str, Any], role: str = "") -> Message:
    return Message(
        role=json_access.short_text(message.get("role")) or role or "no role",
        name=json_access.short_text(message.get("name")),
        parts=tuple(_parts(message)),
        calls=tuple(_calls(message)),
        answers=json_access.short_text(message.get("tool_call_id")),
    )


def _parts(message: Mapping[str, Any]) -> Iterator[Part]:
    for name in ("reasoning_content", "reasoning"):
        if isinstance(reasoning := message.get(name), str) and reasoning:
            yield Part("reasoning", reasoning, "reasoning")
            break
    yield from content_parts(message.get("content"))
    if refusal := json_access.text(message.get("refusal")):
        yield Part("refusal", refusal, "refusal")
    if audio := json_access.mapping(message.get("audio")):
        yield audio_part(audio)


def _calls(message: Mapping[str, Any]) -> Iterator[ToolCall]:
    for call in json_access.sequence(message.get("tool_calls"), PART_ENDS):
        is_gap = isinstance(call, Gap)
        yield ToolCall(str(call), "", "") if is_gap else _call(json_access.mapping(call))
    if function := json_access.mapping(message.get("function_call")):
        yield _call({"function": function})


def _call(call: Mapping[str, Any]) -> ToolCall:
    function = json_access.mapping(call.get("function")) or json_access.mapping(call.get("custom"))
    name = json_access.short_text(function.get("name")) or json_access.short_text(call.get("type")) or "tool"
    given = function.get("arguments", function.get("input"))
    return ToolCall(name, _arguments(given), json_access.short_text(call.get("id")))


def _arguments(given: Any) -> str:
    if given is None:
        return ""
    if not isinstance(given, str):
        return json_access.as_text(given)
    if len(given) > _INDENTED_CHARACTERS:
        return given
    try:
        json.loads(given)
    except (ValueError, RecursionError):
        return given
    return indented(given)


def _tokens(prompt: Any) -> Any:
    """A prompt given as token numbers, on one line."""
    return json.dumps(prompt) if isinstance(prompt, list) else prompt
