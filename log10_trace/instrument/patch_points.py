"""Which methods of the SDK we cut into, in whatever version is installed."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any, Final

from log10_trace.instrument import callsite, websocket, wrappers
from log10_trace.instrument.method_patch import MethodPatch, Observer, Wrapper

# ``beta.chat.completions`` is a resource of its own from openai 1.40 to 1.91, and later another name of
# ``chat.completions``. Responses come with 1.66.
_ASYNC_METHODS: Final = (
    ("openai.resources.chat.completions", "AsyncCompletions", ("create", "parse")),
    ("openai.resources.beta.chat.completions", "AsyncCompletions", ("parse",)),
    ("openai.resources.completions", "AsyncCompletions", ("create",)),
    ("openai.resources.responses", "AsyncResponses", ("create", "parse")),
)
"""Methods whose coroutines remember where they were made; a version without one does without."""

# From openai 2.22 on; ``send_raw`` from 2.31 on. They do not pass ``request``.
_CONNECTIONS: Final = (
    ("ResponsesConnection", websocket.send, websocket.recv_bytes),
    ("AsyncResponsesConnection", websocket.send_async, websocket.recv_bytes_async),
)


_seams: Final[dict[tuple[type, str], MethodPatch]] = {}
"""By class and method. A program may import the SDK anew, and its classes are others then."""


def missing_attribute() -> str | None:
    """The name of what we need and this version of the SDK has not."""
    for owner in _clients():
        for name in ("request", "_process_response"):
            if not callable(getattr(owner, name, None)):
                return f"{owner.__name__}.{name}"
    return None


def method_patches() -> tuple[MethodPatch, ...]:
    """Every place to cut in, in the SDK as it is imported now, and those of earlier imports still wrapped."""
    places = {(owner, name): wrapper for owner, name, wrapper in _places() if hasattr(owner, name)}
    for owner_and_name, patch in list(_seams.items()):
        if owner_and_name not in places and not patch.is_wrapped:
            del _seams[owner_and_name]
    for (owner, name), wrapper in places.items():
        if (owner, name) not in _seams:
            _seams[owner, name] = MethodPatch(owner, name, wrapper)
    return tuple(_seams.values())


def _places() -> Iterator[tuple[type, str, Wrapper | Observer]]:
    blocking, awaiting = _clients()
    yield blocking, "request", wrappers.wrap_request
    yield awaiting, "request", wrappers.wrap_request_async
    base = importlib.import_module("openai._base_client")
    # One class defines it for both clients up to openai 1.7.
    for owner in (base.SyncAPIClient, base.AsyncAPIClient, base.BaseClient):
        if "_process_response" in vars(owner):
            yield owner, "_process_response", wrappers.wrap_process_response
    # Without it, a running call is shown with what the SDK was asked to send.
    if "_build_request" in vars(base.BaseClient):
        yield base.BaseClient, "_build_request", Observer(wrappers.note_request)
    yield from _async_methods()
    yield from _websocket_methods()


def _clients() -> tuple[type, type]:
    # The classes that programs use, not their base ``SyncAPIClient``: Logfire and OpenInference wrap
    # ``request`` on these, and would hide a wrapper below.
    openai = importlib.import_module("openai")
    return openai.OpenAI, openai.AsyncOpenAI


def _async_methods() -> Iterator[tuple[type, str, Wrapper]]:
    for module, name, methods in _ASYNC_METHODS:
        owner = _class(module, name)
        for method in methods:
            if owner is not None and method in vars(owner):
                yield owner, method, callsite.wrap_async_method


def _websocket_methods() -> Iterator[tuple[type, str, Wrapper]]:
    for name, send, receive in _CONNECTIONS:
        owner = _class("openai.resources.responses.responses", name)
        around = {"send": send, "send_raw": send, "recv_bytes": receive, "close": websocket.close}
        for method, wrapper in around.items():
            if hasattr(owner, method):
                yield owner, method, wrapper


def _class(module: str, name: str) -> Any:
    try:
        return getattr(importlib.import_module(module), name, None)
    except ImportError:
        return None
