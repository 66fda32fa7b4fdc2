"""Which methods of the SDK we cut into, in whatever version is installed."""

from __future__ import annotations

import functools
import importlib
from typing import Any, Final

import openai
from openai import _base_client

from log10_trace.instrument import calls, callsite, websocket
from log10_trace.instrument.seams import Seam

_ASYNC_METHODS: Final = (
    ("openai.resources.chat.completions", "AsyncCompletions", ("create", "parse")),
    ("openai.resources.beta.chat.completions", "AsyncCompletions", ("parse",)),
    ("openai.resources.completions", "AsyncCompletions", ("create",)),
    ("openai.resources.responses", "AsyncResponses", ("create", "parse")),
)
"""Methods whose coroutines remember where they were made; a version without one does without."""

_CONNECTIONS: Final = (
    ("ResponsesConnection", websocket.send, websocket.recv_bytes),
    ("AsyncResponsesConnection", websocket.send_async, websocket.recv_bytes_async),
)


def missing() -> str | None:
    """The name of what we need and this version of the SDK has not."""
    for owner in (openai.OpenAI, openai.AsyncOpenAI):
        for name in ("request", "_process_response"):
            if not callable(getattr(owner, name, None)):
                return f"{owner.__name__}.{name}"
    return None


@functools.cache
def seams() -> tuple[Seam, ...]:
    """Every place we cut in."""
    return (
        Seam(openai.OpenAI, "request", calls.request),
        Seam(openai.AsyncOpenAI, "request", calls.request_async),
        *(Seam(owner, "_process_response", calls.process_response) for owner in _processors()),
        *_builder_seams(),
        *(Seam(owner, name, callsite.method) for owner, name in _async_methods()),
        *_websocket_seams(),
    )


def _builder_seams() -> list[Seam]:
    """Where a request is made: without it, a running call is shown with what the SDK was asked to send."""
    owner, name = _base_client.BaseClient, "_build_request"
    return [Seam(owner, name, calls.build_request)] if name in vars(owner) else []


def _processors() -> list[type]:
    """The classes that define ``_process_response``: one for both clients up to openai 1.7."""
    owners = (_base_client.SyncAPIClient, _base_client.AsyncAPIClient, _base_client.BaseClient)
    return [owner for owner in owners if "_process_response" in vars(owner)]


def _async_methods() -> list[tuple[type, str]]:
    found: list[tuple[type, str]] = []
    for module, name, methods in _ASYNC_METHODS:
        owner = _class(module, name)
        found += [(owner, method) for method in methods if owner is not None and method in vars(owner)]
    return list(dict.fromkeys(found))


def _websocket_seams() -> list[Seam]:
    found: list[Seam] = []
    for name, send, receive in _CONNECTIONS:
        owner = _class("openai.resources.responses.responses", name)
        around = {"send": send, "send_raw": send, "recv_bytes": receive, "close": websocket.close}
        found += [Seam(owner, method, around[method]) for method in around if hasattr(owner, method)]
    return found


def _class(module: str, name: str) -> Any:
    try:
        return getattr(importlib.import_module(module), name, None)
    except ImportError:
        return None
