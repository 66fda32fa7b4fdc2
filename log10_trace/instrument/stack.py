"""The stack at the moment of a call, as JSON, ending at the user's own line.

A call site is resolved once, at first sight, and known from then on by its code objects and instruction
offsets: a walk costs about two microseconds. Only a call that no line of the user's makes, in a task or a
thread that a framework runs, costs more: then the line that stands behind it is looked for.
"""

from __future__ import annotations

import asyncio
import threading
from inspect import CO_COROUTINE
from operator import is_
from types import CodeType, FrameType
from typing import Final

from log10_trace.context import current
from log10_trace.domain.call_labels import AWAIT, LOOP, ORIGINS, SCOPE, THREAD
from log10_trace.guard import guard
from log10_trace.instrument import awaiters
from log10_trace.instrument.user_code import UserCode
from log10_trace.instrument.visible_frames import VisibleFrames

_READING: Final = guard("reading the stack")

MAX_SITES: Final = 4096
MAX_SITES_BYTES: Final = 8 * 1024 * 1024

_NEAR: Final = 12
"""Number of frames that are looked at where a scope is opened or a thread is started, which is often."""
_LOOP_FILE: Final = asyncio.events.__file__
"""Where a callback of an event loop is called."""
_MARKS: Final = tuple(f', "origin": "{origin}"}}]'.encode() for origin in ORIGINS)

submitted_lines: Final[dict[int, bytes]] = {}
"""By the id of a thread: the stack that submitted what an executor runs on it now."""


class _Site:
    """A chain of frames, resolved: what of it a record shows."""

    __slots__ = ("codes", "loop", "own", "rest")

    def __init__(self, frames: list[FrameType], visible: VisibleFrames, most: int | None) -> None:
        inside, outside = _split_at_task(frames)
        frames, inside = frames[:most], inside[:most]
        # The code objects are kept, so that their ids stay theirs.
        self.codes: list[CodeType] = [frame.f_code for frame in frames]
        self.own: bytes | None = None
        """It ends at the user's line in the thread or task that makes the call."""
        self.loop: bytes | None = None
        """It ends at the user's line that runs the event loop which the task runs on."""
        self.rest = b"[]"
        """What there is where no line is the user's."""
        if visible.has_user_frame(inside):
            self.own = visible.describe(frames)
        else:
            self.loop = visible.describe(outside) if visible.has_user_frame(outside) else None
            self.rest = visible.describe(frames)


class StackCache:
    """The call sites seen so far. Safe to use from any thread."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, ...], _Site] = {}
        """By the ids of code objects and the offsets in them: innermost frames, and stacks of tasks."""
        self._stacks: dict[tuple[int, ...], list[_Site]] = {}
        """Whole stacks, by the offsets alone."""
        self._count = 0
        self._derived: dict[tuple[bytes | None, bytes, str], bytes] = {}
        self._bytes = 0
        self._app: tuple[str, ...] = ()
        self._visible = VisibleFrames(UserCode())

    def set_app(self, app: tuple[str, ...]) -> None:
        """Say which code is the user's although it is installed: the setting ``app``."""
        if app != self._app:
            self._app, self._visible = app, VisibleFrames(UserCode(app))
            self._forget()

    def capture(self, frame: FrameType | None) -> bytes:
        """The stack of a call: JSON, outermost first, ending at the user's own line; empty if that fails.

        That line stands on the stack of ``frame``. Where a framework makes the call in a task or thread of
        its own, it is the line of a task that waits for it, else the line that runs the event loop, else the
        one that started the thread, else the one that opened the session or the tags, and the last frame
        says so in ``origin``. Where there is none of them, the stack has the lines of others.
        """
        # No ``with``, which costs as much as four frames: every call passes here.
        try:
            site = self._site_of(frame)
            own = site.own
            return own if own is not None else self._line_of_origin(site) or site.rest
        except Exception as fault:  # noqa: BLE001 -- the guard keeps it
            _READING.keep(fault)
        return b"[]"

    def find_user_line(self, frame: FrameType | None) -> bytes | None:
        """As ``capture``, or its innermost frames; None where no line is the user's."""
        near = self.find_near_line(frame)
        if near is not None:
            return near
        with _READING:
            site = self._site_of(frame)
            return site.own if site.own is not None else self._line_of_origin(site)
        return None

    def find_opening_line(self, frame: FrameType | None) -> tuple[bytes, bool] | None:
        """As ``find_near_line``, and whether an event loop runs on this thread."""
        near = self.find_near_line(frame)
        return None if near is None else (near, asyncio._get_running_loop() is not None)  # noqa: SLF001 -- as in awaiters

    def find_near_line(self, frame: FrameType | None) -> bytes | None:
        """The innermost frames of the stack, if one of the user's is among them; in the task that runs."""
        with _READING:
            # The first number tells it apart from the chain of a whole stack.
            key: list[int] = [_NEAR]
            add, at = key.append, frame
            for _ in range(_NEAR):
                if at is None:
                    break
                add(id(at.f_code))
                add(at.f_lasti)
                at = at.f_back
            chain = tuple(key)
            known = self._known.get(chain)
            return (self._resolve(chain, awaiters.frames_from(frame), _NEAR) if known is None else known).own
        return None

    def _site_of(self, frame: FrameType | None) -> _Site:
        # By code object and instruction, and with list.append, which the interpreter has an instruction for:
        # with line numbers a walk takes nearly twice as long.
        codes: list[CodeType] = []
        offsets: list[int] = []
        at = frame
        while at is not None:
            codes.append(at.f_code)
            offsets.append(at.f_lasti)
            at = at.f_back
        chain = tuple(offsets)
        for known in self._stacks.get(chain, ()):
            # Not by equality: the same text in two files is equal code.
            if len(known.codes) == len(codes) and all(map(is_, known.codes, codes)):
                return known
        site = self._make_site(awaiters.frames_from(frame), None)
        self._stacks.setdefault(chain, []).append(site)
        return site

    def _resolve(self, chain: tuple[int, ...], frames: list[FrameType], most: int | None = None) -> _Site:
        site = self._make_site(frames, most)
        self._known[chain] = site
        return site

    def _make_site(self, frames: list[FrameType], most: int | None) -> _Site:
        if self._count >= MAX_SITES or self._bytes > MAX_SITES_BYTES:
            self._forget()
        site = _Site(frames, self._visible, most)
        self._count += 1
        self._bytes += len(site.own or b"") + len(site.loop or b"") + len(site.rest)
        return site

    def _forget(self) -> None:
        self._known.clear()
        self._stacks.clear()
        self._count = 0
        self._derived.clear()
        self._bytes = 0

    def _line_of_origin(self, site: _Site) -> bytes | None:
        """The line of the user's that stands behind a call which no line of the user's makes."""
        task = awaiters.current_task()
        if task is not None:
            for frames in awaiters.frames_of_waiting(task):
                own = self._site_of_task(frames).own
                if own is not None:
                    return self._derive(site.loop, own, AWAIT)
        scope = current()
        opened, is_on_loop = scope.opened or (None, False)
        if task is not None and opened is not None and is_on_loop:
            # Nearer to the call than the line that runs the loop.
            return self._derive(None, opened, SCOPE)
        if site.loop is not None:
            return self._derive(None, site.loop, LOOP)
        submitted = submitted_lines.get(threading.get_ident()) or scope.submitted
        if submitted is not None:
            return self._derive(None, submitted, THREAD)
        return None if opened is None else self._derive(None, opened, SCOPE)

    def _site_of_task(self, frames: list[FrameType]) -> _Site:
        # The first number tells it apart from the stack of a thread.
        chain = (-1, *(number for frame in frames for number in (id(frame.f_code), frame.f_lasti)))
        known = self._known.get(chain)
        return known if known is not None else self._resolve(chain, frames)

    def _derive(self, outer: bytes | None, text: bytes, origin: str) -> bytes:
        """The two stacks in one, with ``origin`` on the last frame unless it has one."""
        key = (outer, text, origin)
        known = self._derived.get(key)
        if known is None:
            known = text if outer is None else outer[:-1] + b", " + text[1:]
            if not known.endswith(_MARKS):
                known = known[:-2] + f', "origin": "{origin}"}}]'.encode()
            self._derived[key] = known
            self._bytes += len(known)
        return known


def _split_at_task(frames: list[FrameType]) -> tuple[list[FrameType], list[FrameType]]:
    """The frames of the task that runs, and those that run the event loop; without a loop all are inside."""
    task = awaiters.current_task()
    outermost = None if task is None else awaiters.outermost_frame(task)
    end = len(frames)
    for at, frame in enumerate(frames, 1):
        if frame.f_code.co_filename == _LOOP_FILE:
            end = min(end, at)
            break
        # A coroutine outside of it has started the task, which began at once (Python 3.12).
        if frame is outermost or (end < len(frames) and frame.f_code.co_flags & CO_COROUTINE):
            end = at
    return frames[:end], frames[end:]


sites: Final = StackCache()
