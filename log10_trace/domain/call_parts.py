"""The parts of a call as titled texts: parameters, tools, messages, answers. Pure.

All have one form, so that everything is aligned and told in the same way. What is no text (a
picture, sound, a provider's own object) is named with a digest, by which two of them differ.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from log10_trace.domain.conversation import (
    ChatMessage,
    list_choices,
    read_choice,
    read_message,
    read_prompts,
    read_tool_call,
)
from log10_trace.domain.json_values import read_list, read_mapping, read_text
from log10_trace.domain.message_text import message_text

MAX_MESSAGES: Final = 500
"""How many messages at each end of a conversation are listed."""
_SHOWN_APART: Final = frozenset(("messages", "prompt", "model", "tools", "functions"))
_TITLE_CHARACTERS: Final = 200
_DIGEST: Final = 8


@dataclass(frozen=True, slots=True)
class Part:
    """A titled text of a call."""

    title: str
    """The role of a message, the name of a parameter or of a tool."""
    text: str
    number: int = 0
    """Its place in the call, from 1."""


def list_messages(request: Any, *, reasoning: bool = True, whole: bool = False) -> list[Part]:
    """The messages of a request, or its prompts; of very many, those at the ends.

    Args:
        request: The request's body.
        reasoning: Whether the texts include what a model thought, which programs do not send again.
        whole: Whether none is left out, however many there are.
    """
    body = read_mapping(request)
    items = read_list(body.get("messages")) if "messages" in body else list(map(_Prompt, read_prompts(body)))
    return list(_number(items if whole else _keep_ends(items), reasoning=reasoning))


def list_choice_parts(response: Any, *, reasoning: bool = True) -> list[Part]:
    """The choices of a response, as ``list_messages`` has them."""
    choices = [read_choice(choice) for choice in _keep_ends(list_choices(response))]
    return [
        Part(
            "assistant",
            _text(choice.message, reasoning=reasoning) if choice.message else _as_text(choice.text),
            number,
        )
        for number, choice in enumerate(choices, 1)
    ]


def list_answers(response: Any, failure: str) -> list[Part]:
    """What came back: the choices, the error of the provider, the failure."""
    if isinstance(response, str):
        return [Part("no completion", response, 1), *_failure(failure, 2)]
    parts = list_choice_parts(response)
    error = read_mapping(response).get("error")
    said = _as_text(read_mapping(error).get("message") or error or "")
    if said and said not in failure:
        parts.append(Part("error", said, len(parts) + 1))
    return [*parts, *_failure(failure, len(parts) + 1)]


def list_parameters(request: Any) -> list[Part]:
    """The parameters of a request by name, without what has a section of its own."""
    given = sorted(item for item in read_mapping(request).items() if item[0] not in _SHOWN_APART)
    return [Part(_title(name), _as_text(value)) for name, value in given]


def list_tools(request: Any) -> list[Part]:
    """The tools that the model was offered, by name."""
    tools: dict[str, str] = {}
    for offered in (
        tool for name in ("tools", "functions") for tool in read_list(read_mapping(request).get(name))
    ):
        holder = read_mapping(offered)
        tool = read_mapping(holder.get("function")) or read_mapping(holder.get("custom")) or holder
        name = _title(read_text(tool.get("name")) or read_text(holder.get("type")) or "tool")
        repeats = sum(known == name or known.startswith(f"{name} (") for known in tools)
        tools[f"{name} ({repeats + 1})" if repeats else name] = _as_text(offered)
    return [Part(name, text) for name, text in sorted(tools.items())]


@dataclass(frozen=True, slots=True)
class _Prompt:
    value: Any


def _number(items: Sequence[Any], *, reasoning: bool) -> Iterator[Part]:
    """The parts in order; the result of a tool has the name of the tool, which an earlier message called."""
    tools: dict[str, str] = {}
    for number, item in enumerate(items, 1):
        if isinstance(item, _Prompt):
            yield Part("prompt", _as_text(item.value), number)
        elif isinstance(item, dict):
            message = read_message(item)
            tools |= {call.id: call.name for call in map(read_tool_call, message.tool_calls) if call.id}
            name = message.name or tools.get(message.answered_call, "")
            yield Part(
                _title(f"{message.role or 'no role'} {name}".strip()),
                _text(message, reasoning=reasoning),
                number,
            )
        else:  # what stands for messages that were left out, or no message at all
            yield Part("", _as_text(item), number)


def _keep_ends(items: list[Any]) -> list[Any]:
    omitted = len(items) - 2 * MAX_MESSAGES
    if omitted <= 1:
        return items
    return [*items[:MAX_MESSAGES], f"… {omitted:,} more …", *items[-MAX_MESSAGES:]]


def _text(message: ChatMessage, *, reasoning: bool) -> str:
    text = message_text(message, describe_part=_describe_part)
    sound = (
        f"[audio {_digest(message.audio)}] {read_text(message.audio.get('transcript'))}"
        if message.audio
        else ""
    )
    thought = message.reasoning if reasoning else ""
    return "\n".join(filter(None, (thought, text, sound.strip())))


def _describe_part(part: Mapping[str, Any]) -> str:
    kind = read_text(part.get("type")) or "part"
    return f"[{_title(kind)} {_digest(part)}]"


def _digest(value: Any) -> str:
    # An unpaired surrogate has no bytes in UTF-8; JSON in ASCII escapes it.
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:_DIGEST]


def _failure(failure: str, number: int) -> list[Part]:
    return [Part("failure", failure, number)] if failure else []


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


def _title(name: str) -> str:
    return name if len(name) <= _TITLE_CHARACTERS else f"{name[:_TITLE_CHARACTERS]}…"
