"""Which tasks wait for a task, and where: from its callbacks outward, as far as asyncio, anyio and trio tell.

A task is resumed by the callback of what it waits for, so the callbacks of a task lead to those that wait for
it: directly, over the future of ``gather``, ``shield``, ``wait`` or ``as_completed``, over a task group.
From Python 3.14 on asyncio also keeps who awaits whom. Nothing is changed, and nothing is kept.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from types import FrameType, FunctionType
from typing import Any, Final

MAX_FUTURES: Final = 256
"""Maximum number of tasks and futures that are looked at for one call."""
MAX_FRAMES: Final = 256
"""Maximum number of frames read of one task."""

_REACH: Final = 4
"""Maximum number of frames of a thread that waits for a lock, between the lock and ``result()``."""
_RESULT: Final = Future.result.__code__
_LIBRARIES: Final = ("asyncio", "anyio", "concurrent")
_LINKS: Final = (
    ("cr_frame", "cr_await"),
    ("gi_frame", "gi_yieldfrom"),
    ("ag_frame", "ag_await"),
)
_WRAPPERS: Final = frozenset(
    {"coroutine_wrapper", "async_generator_asend", "async_generator_athrow", "anext_awaitable"}
)
"""Awaitables that do not say what they run; the garbage collector does."""


def current_task() -> Any:
    """The task that runs on this thread: asyncio's or trio's; None outside of tasks."""
    if asyncio._get_running_loop() is not None:  # noqa: SLF001 -- the public one raises where there is none
        return asyncio.current_task()
    trio = sys.modules.get("trio")
    if trio is not None:
        try:
            return trio.lowlevel.current_task()
        except RuntimeError:
            return None
    return None


def outermost_frame(task: Any) -> FrameType | None:
    """The frame of the coroutine that the task was made of."""
    frame = getattr(_coroutine_of(task), "cr_frame", None)
    return frame if isinstance(frame, FrameType) else None


def frames_of_waiting(task: Any) -> Iterator[list[FrameType]]:
    """The frames of each task that waits for ``task``, innermost first, and then of each thread."""
    seen = {id(task): task}
    left = deque([task])
    while left and len(seen) < MAX_FUTURES:
        for waiting in _find_waiting(left.popleft()):
            # Futures may wait for one another in a ring.
            if id(waiting) not in seen:
                seen[id(waiting)] = waiting
                left.append(waiting)
                if _coroutine_of(waiting) is not None:
                    yield _frames_of(waiting)
    handed_to_threads = [future for future in seen.values() if isinstance(future, Future)]
    if handed_to_threads:
        yield from _frames_of_waiting_threads(handed_to_threads)


def _frames_of_waiting_threads(futures: list[Future[Any]]) -> Iterator[list[FrameType]]:
    """The frames of each thread that is in ``result()`` of one of the futures."""
    for innermost in sys._current_frames().values():  # noqa: SLF001 -- there is no other way to them
        frame: FrameType | None = innermost
        for _ in range(_REACH):
            if frame is None:
                break
            # ``run_coroutine_threadsafe(...).result()``: the thread waits for what another thread's loop
            # runs.
            if frame.f_code is _RESULT and any(frame.f_locals.get("self") is each for each in futures):
                yield frames_from(frame)
                break
            frame = frame.f_back


def frames_from(frame: FrameType | None) -> list[FrameType]:
    """The frame and those that called it, innermost first."""
    frames = []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    return frames


def _coroutine_of(task: Any) -> Any:
    get = getattr(task, "get_coro", None)
    return get() if get is not None else getattr(task, "coro", None)


def _frames_of(task: Any) -> list[FrameType]:
    """The frames of a suspended task, innermost first."""
    frames: list[FrameType] = []
    at = _coroutine_of(task)
    while at is not None and len(frames) < MAX_FRAMES:
        frame_name, next_name = next((link for link in _LINKS if hasattr(at, link[0])), ("", ""))
        if not frame_name:
            at = _unwrap(at)
            continue
        frame = getattr(at, frame_name)
        if isinstance(frame, FrameType):
            frames.append(frame)
        at = getattr(at, next_name)
    return frames[::-1]


def _unwrap(awaitable: Any) -> Any:
    if type(awaitable).__name__ not in _WRAPPERS:
        return None
    inside = gc.get_referents(awaitable)
    return next((each for each in inside if any(hasattr(each, link[0]) for link in _LINKS)), None)


def _find_waiting(future: Any) -> Iterator[Any]:
    """The tasks and futures that are told when ``future`` is done."""
    yield from getattr(future, "_asyncio_awaited_by", None) or ()
    for callback in tuple(getattr(future, "_callbacks", None) or ()):
        yield from _find_reached(callback[0])
    for callback in tuple(getattr(future, "_done_callbacks", None) or ()):
        yield from _find_reached(callback)
    # trio's: the task that opened the nursery waits for all tasks in it.
    nursery = getattr(future, "parent_nursery", None)
    if nursery is not None and nursery.parent_task is not None:
        yield nursery.parent_task


def _find_reached(callback: Any) -> Iterator[Any]:
    """The tasks and futures that a callback passes the end of a task on to."""
    yield from _futures_in(getattr(callback, "__self__", None))
    if isinstance(callback, functools.partial):
        for argument in callback.args:
            yield from _futures_in(argument)
        callback = callback.func
    # What a program's own callback refers to need not wait for the task.
    if isinstance(callback, FunctionType) and _is_of_a_library(callback.__module__):
        for cell in callback.__closure__ or ():
            try:
                inside = cell.cell_contents
            except ValueError:  # nothing has been put into it yet
                continue
            yield from _futures_in(inside)


def _futures_in(found: Any) -> Iterator[Any]:
    if asyncio.isfuture(found) or isinstance(found, Future):
        yield found
    elif _is_of_a_library(type(found).__module__):
        parent = getattr(found, "_parent_task", None)  # asyncio.TaskGroup
        host = getattr(getattr(found, "cancel_scope", None), "_host_task", None)  # anyio's
        queue = getattr(found, "_done", found)  # asyncio.as_completed
        yield from (each for each in (parent, host) if each is not None)
        yield from tuple(getattr(queue, "_getters", ()))


def _is_of_a_library(module: object) -> bool:
    return isinstance(module, str) and module.partition(".")[0] in _LIBRARIES
