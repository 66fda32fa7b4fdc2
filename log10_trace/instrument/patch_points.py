"""Which methods of an SDK we cut into, in whatever version is imported."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any, Final

from log10_trace.instrument import callsite, wrappers
from log10_trace.instrument.method_patch import MethodPatch, PlainWrapper, Wrapper
from log10_trace.instrument.sdks import LITELLM, OPENAI, Sdk

_Place = tuple[type, str, Wrapper | PlainWrapper]

_seams: Final[dict[str, dict[tuple[type, str], MethodPatch]]] = {}
"""Of each SDK, by class and method. A program may import an SDK anew, and its classes are others then."""


def missing_attribute(sdk: Sdk = OPENAI) -> str | None:
    """The name of what we need and the imported version of an SDK has not; none of one not imported."""
    module = _module(sdk, "")
    if module is None:
        return None
    for name in (sdk.clients[0], sdk.async_clients[0]):
        if not hasattr(module, name):
            return name
    for owner in (*_classes(module, sdk.clients), *_classes(module, sdk.async_clients)):
        for name in sdk.required:
            if not callable(getattr(owner, name, None)):
                return f"{owner.__name__}.{name}"
    return None


def method_patches(sdk: Sdk = OPENAI) -> tuple[MethodPatch, ...]:
    """Every place to cut in, in the SDK as it is imported now, and those of earlier imports still wrapped."""
    places = {(owner, name): wrapper for owner, name, wrapper in _places(sdk) if hasattr(owner, name)}
    seams = _seams.setdefault(sdk.name, {})
    for owner_and_name, patch in list(seams.items()):
        if owner_and_name not in places and not patch.is_wrapped:
            del seams[owner_and_name]
    for (owner, name), wrapper in places.items():
        if (owner, name) not in seams:
            seams[owner, name] = MethodPatch(owner, name, wrapper)
    return tuple(seams.values())


def has_wrapped_client(sdk: Sdk) -> bool:
    """Whether the first client class of the SDK, as it is imported now, is wrapped."""
    owner = getattr(_module(sdk, ""), sdk.clients[0], None)
    patch = None if owner is None else _seams.get(sdk.name, {}).get((owner, "request"))
    return patch is not None and patch.is_wrapped


def restore_methods(sdk: Sdk = OPENAI) -> None:
    """Put back what was there before each method that is wrapped, in every import of the SDK."""
    for patch in _seams.get(sdk.name, {}).values():
        patch.restore()


def is_imported(sdk: Sdk) -> bool:
    """Whether the program has imported the SDK, and not another module of the same name."""
    module = _module(sdk, "")
    return hasattr(module, sdk.clients[0]) or (
        module is not None and _module(sdk, "_base_client") is not None
    )


def _places(sdk: Sdk) -> Iterator[_Place]:
    module, base = _module(sdk, ""), _module(sdk, "_base_client")
    if module is not None and sdk is LITELLM:
        yield from _posts(module, sdk)
    if module is None or base is None:
        return
    # The classes that programs use, not their base ``SyncAPIClient``: Logfire and OpenInference wrap
    # ``request`` on these, and would hide a wrapper below.
    for owner in _classes(module, sdk.clients):
        yield owner, "request", wrappers.REQUEST_WRAPPER
    for owner in _classes(module, sdk.async_clients):
        yield owner, "request", wrappers.ASYNC_REQUEST_WRAPPER
    # One class defines it for both clients up to openai 1.7.
    for owner in _classes(base, ("SyncAPIClient", "AsyncAPIClient", "BaseClient")):
        if "_process_response" in vars(owner):
            yield owner, "_process_response", wrappers.RESPONSE_WRAPPER
    # Without it, a running call is shown with what the SDK was asked to send.
    if "_build_request" in vars(base.BaseClient):
        yield base.BaseClient, "_build_request", wrappers.BUILDING_WRAPPER
    yield from _async_methods(sdk)
    if sdk is OPENAI:
        yield from _websocket_methods()


def _posts(module: Any, sdk: Sdk) -> Iterator[_Place]:
    from log10_trace.instrument import http_posts  # noqa: PLC0415 -- as below

    for owner in _classes(module, sdk.clients):
        yield owner, "post", http_posts.wrap_post
    for owner in _classes(module, sdk.async_clients):
        yield owner, "post", http_posts.wrap_post_async


def _async_methods(sdk: Sdk) -> Iterator[_Place]:
    for methods in sdk.async_methods:
        owner = getattr(_module(sdk, methods.module), methods.owner, None)
        for name in methods.names:
            if owner is not None and name in vars(owner):
                yield owner, name, callsite.wrap_async_method


def _websocket_methods() -> Iterator[_Place]:
    module = sys.modules.get("openai.resources.responses.responses")
    # From openai 2.22 on; ``send_raw`` from 2.31 on. They do not pass ``request``.
    if not hasattr(module, "ResponsesConnection"):
        return
    from log10_trace.instrument import websocket  # noqa: PLC0415 -- few programs use it

    for name, send, receive in (
        ("ResponsesConnection", websocket.send, websocket.recv_bytes),
        ("AsyncResponsesConnection", websocket.send_async, websocket.recv_bytes_async),
    ):
        owner: Any = getattr(module, name, None)
        around = {"send": send, "send_raw": send, "recv_bytes": receive, "close": websocket.close}
        for method, wrapper in around.items():
            if hasattr(owner, method):
                yield owner, method, wrapper


def _classes(module: Any, names: tuple[str, ...]) -> list[type]:
    found = (getattr(module, name, None) for name in names)
    return [each for each in found if each is not None]


def _module(sdk: Sdk, below: str) -> ModuleType | None:
    """A module of the SDK, if it is imported."""
    return sys.modules.get(f"{sdk.module}.{below}" if below else sdk.module)
