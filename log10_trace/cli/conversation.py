"""A call as a conversation: roles and messages in order. Pure; reads any shape a provider may send."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from log10_trace.domain import chat_view
from log10_trace.domain.conversation import (
    ChatMessage,
    list_choices,
    read_choice,
    read_message,
    read_prompts,
)
from log10_trace.domain.json_values import read_list, read_mapping
from log10_trace.domain.message_text import message_text
from log10_trace.models.components import Completion

ERROR: Final = "error"
"""The role of what a provider answers in place of a message."""


@dataclass(frozen=True, slots=True)
class ConversationMessage:
    """One message: who speaks, and what, tool calls and pictures written out as text."""

    role: str
    text: str


def messages_of(call: Completion) -> Iterator[ConversationMessage]:
    """The messages of the request and then the answers, one for each choice."""
    request, response = _plain(call.request), _plain(call.response)
    if isinstance(request, dict):
        yield from _read_request(request)
    yield from _read_response(response)


def _read_request(request: dict[str, Any]) -> Iterator[ConversationMessage]:
    for message in read_list(request.get("messages")):
        if isinstance(message, dict):
            chat_message = read_message(message)
            yield ConversationMessage(_role(chat_message, "?"), message_text(chat_message))
        else:
            yield ConversationMessage("?", json.dumps(message))
    for prompt in read_prompts(request):
        yield ConversationMessage("prompt", prompt if isinstance(prompt, str) else json.dumps(prompt))


def _read_response(response: Any) -> Iterator[ConversationMessage]:
    if isinstance(response, str):
        yield ConversationMessage("answer", response)
    for choice in map(read_choice, list_choices(response)):
        if choice.message is not None:
            yield ConversationMessage(_role(choice.message, "assistant"), message_text(choice.message))
        elif choice.text is not None:
            yield ConversationMessage("assistant", str(choice.text))
    if error := read_mapping(response).get("error"):
        yield ConversationMessage(ERROR, json.dumps(error))


def _role(message: ChatMessage, otherwise: str) -> str:
    # The role of a typed model is a member of an enumeration, which is a string as well.
    role = message.role or otherwise
    return str(role.value if isinstance(role, Enum) else role)


def first_answer_text(response: Any) -> str:
    """The first answer of a response of any endpoint, as text; empty when there is none."""
    return next((message.text for message in _read_response(chat_view.response(response))), "")


def _plain(value: Any) -> Any:
    return value.model_dump(warnings=False) if hasattr(value, "model_dump") else value
