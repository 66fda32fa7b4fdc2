"""The labels of a call that every room knows: its status, its kind, its endpoint. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

STARTED: Final = "started"
FINISHED: Final = "finished"
FAILED: Final = "failed"
STATUSES: Final = (STARTED, FINISHED, FAILED)

CHAT: Final = "chat"
"""The kind of chat completions, responses and messages."""
PROMPT: Final = "prompt"
"""The kind of text completions."""
KINDS: Final = (CHAT, PROMPT)

CHAT_COMPLETIONS: Final = "/chat/completions"
COMPLETIONS: Final = "/completions"
RESPONSES: Final = "/responses"
MESSAGES: Final = "/messages"
"""Of Anthropic's API, below its ``/v1``."""
ENDPOINTS: Final = (CHAT_COMPLETIONS, COMPLETIONS, RESPONSES, MESSAGES)
"""The paths of the model API whose calls are recorded, below its base URL."""

PROCESS_DIED: Final = "ProcessDied"
"""The failure that a later process gives an open call of a dead one: a guess, which never replaces an end."""


AWAIT: Final = "await"
LOOP: Final = "loop"
THREAD: Final = "thread"
SCOPE: Final = "scope"
ORIGINS: Final = {
    AWAIT: "waits for the task that makes the call",
    LOOP: "runs the event loop that the call is made on",
    THREAD: "started the thread that makes the call",
    SCOPE: "opened the session or the tags of the call",
}
"""What the last frame of a stack does where it does not make the call itself: ``origin`` of that frame."""


def describe_origin(origin: Any) -> str:
    """What the last frame of a stack does, by its ``origin``; empty where it makes the call."""
    return ORIGINS.get(origin, "") if isinstance(origin, str) else ""


def kind_of_endpoint(endpoint: str) -> str:
    """The kind of a call to an endpoint."""
    return PROMPT if endpoint == COMPLETIONS else CHAT


def is_text_request(request: Mapping[str, Any]) -> bool:
    """Whether a request body is that of a text completion, not of a chat."""
    return "prompt" in request and "messages" not in request


def determine_status(values: Mapping[str, Any]) -> str:
    """The status that a record states, else the one that its failure and its response imply."""
    stated = values.get("status")
    if isinstance(stated, str) and stated:
        return stated
    if values.get("failure_kind") is not None:
        return FAILED
    return STARTED if values.get("response") is None else FINISHED


def describe_failure(kind: Any, reason: Any) -> str:
    """Kind and reason of a failure; empty without one."""
    return ": ".join(text for text in (kind, reason) if isinstance(text, str) and text)


def describe_status(status: str, *, interrupted: bool) -> str:
    """The status in words: ``running``, ``finished``, ``interrupted``, ``failed``."""
    if status == STARTED:
        return "running"
    return "interrupted" if interrupted and status == FINISHED else status
