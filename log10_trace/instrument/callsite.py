"""The line and the scope in which an async call was made, though it runs later, in another task.

``create_task(client.chat.completions.create(...))`` runs on the event loop's stack; what it was
made with is noted as it is made, by the identity of its frame, which the call finds on its own stack.
"""

from __future__ import annotations

import sys
import weakref
from types import CoroutineType, FrameType
from typing import Any, Final

from log10_trace.context import Scope, current
from log10_trace.guard import guard
from log10_trace.instrument.stack import sites

_NOTING: Final = guard("noting the call site")
_REACH: Final = 8
"""Maximum number of frames between ``request`` and the resource's method."""


class CallSite:
    """Where a coroutine was made: its stack and its scope."""

    __slots__ = ("coroutine", "scope", "stack")

    def __init__(self, coroutine: weakref.ref[Any], scope: Scope, stack: bytes) -> None:
        self.coroutine = coroutine
        self.scope = scope
        self.stack = stack


_sites: Final[dict[int, CallSite]] = {}
"""By the id of the coroutine's frame; an entry goes with its coroutine."""


def wrap_async_method(wrapped: Any, _resource: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Around an async method of a resource: its coroutine is returned as it is."""
    coroutine = wrapped(*args, **kwargs)
    try:
        # Under another tracer's wrapper it may be another awaitable, without a frame.
        if type(coroutine) is CoroutineType:
            _remember_call_site(coroutine, sys._getframe(1))  # noqa: SLF001 -- as in calls
    except Exception as fault:  # noqa: BLE001 -- the guard keeps it
        _NOTING.keep(fault)
    return coroutine


def _remember_call_site(coroutine: CoroutineType[Any, Any, Any], caller: FrameType) -> None:
    # The frame itself would keep the program's arguments alive for as long as the coroutine is not awaited.
    key = id(coroutine.cr_frame)

    def forget(_gone: object) -> None:
        _sites.pop(key, None)

    _sites[key] = CallSite(weakref.ref(coroutine, forget), current(), sites.capture(caller))


def pop_call_site(frame: FrameType | None) -> CallSite | None:
    """The site of the call that runs on this stack, if its coroutine was seen being made."""
    if not _sites:
        return None
    for _ in range(_REACH):
        if frame is None:
            return None
        site = _sites.pop(id(frame), None)
        if site is not None:
            return site
        frame = frame.f_back
    return None
