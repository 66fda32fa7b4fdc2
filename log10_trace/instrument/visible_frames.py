"""The frames that a record shows, and how they are written: without ours, the SDK's and the runtime's.

Source lines are read while they are those of the live code, and without the credentials in them.
"""

from __future__ import annotations

import json
import linecache
import os
import re
import sysconfig
from importlib.util import find_spec
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, Final

from log10_trace.guard import guard
from log10_trace.instrument.user_code import UserCode

_READING_LINE: Final = guard("reading a line of the stack")

_PACKAGE: Final = str(Path(__file__).parents[1]) + os.sep
_OURS: Final = tuple(
    _PACKAGE + part
    for part in (
        *(f"{room}{os.sep}" for room in ("instrument", "record", "export", "integrations")),
        *("context.py", "runtime.py"),
    )
)
_SDK_PACKAGES: Final = ("openai", "httpx", "httpx2", "httpcore", "httpcore2", "wrapt")
_STDLIB: Final = sysconfig.get_path("stdlib") + os.sep
_RUNTIME_PATHS: Final = (
    *(_STDLIB + f"{package}{os.sep}" for package in ("asyncio", "concurrent")),
    *(_STDLIB + module for module in ("threading.py", "runpy.py", "contextvars.py")),
    "<frozen ",
)
"""Event loops, thread starters and module runners: they stand between the user's lines and add nothing."""
_SECRETS: Final = r"""(?xi)(\bsk-)[\w-]{8,} | ((?:Bearer|Basic)\s)[^\s"']+
    | ((?:\bkey|[-_]key|apikey|token|secret|password|authorization|cookie)["']?\s*[:=]\s*[bf]?["'])[^"']+"""
"""Keys written into the source itself. A record never has one, not even in the line that made the call."""


_package_folders: Final[set[str]] = set()
"""Of the SDKs that were found when the program imported them."""


def leave_out_package(package: ModuleType) -> None:
    """Have the frames of a package left out, as those of the OpenAI SDK are."""
    if package.__file__ is not None:
        _package_folders.add(str(Path(package.__file__).parent) + os.sep)


def _folders_of(packages: tuple[str, ...]) -> tuple[str, ...]:
    # Found without being imported: which HTTP library there is depends on the version of the SDK.
    specs = [find_spec(package) for package in packages]
    return tuple(str(Path(spec.origin).parent) + os.sep for spec in specs if spec and spec.origin)


class VisibleFrames:
    """Which frames of a stack a record shows, and how."""

    __slots__ = ("_left_out", "_package_count", "_user_code")

    def __init__(self, user_code: UserCode) -> None:
        self._user_code = user_code
        self._left_out: tuple[str, ...] = ()
        self._package_count = -1

    def has_user_frame(self, frames: list[FrameType]) -> bool:
        """Whether one of them runs the user's code."""
        return any(map(self._user_code.owns_frame, _without_runtime(self._without_sdk(frames))))

    def describe(self, frames: list[FrameType]) -> bytes:
        """JSON, outermost first, up to the user's line; without our frames, the SDK's and the runtime's."""
        frames = self._without_sdk(frames)
        plain = _without_runtime(frames)
        own = next((at for at, frame in enumerate(plain) if self._user_code.owns_frame(frame)), 0)
        shown = plain[own:] or frames
        return json.dumps([_describe_frame(frame) for frame in reversed(shown)]).encode()

    def _without_sdk(self, frames: list[FrameType]) -> list[FrameType]:
        if self._package_count != len(_package_folders):
            packages = tuple(_package_folders)
            self._left_out = (*_folders_of(_SDK_PACKAGES), *packages, *_OURS)
            self._package_count = len(packages)
        left_out = self._left_out
        return [frame for frame in frames if not frame.f_code.co_filename.startswith(left_out)]


def _without_runtime(frames: list[FrameType]) -> list[FrameType]:
    return [
        frame for frame in frames if not os.path.normcase(frame.f_code.co_filename).startswith(_RUNTIME_PATHS)
    ]


def _describe_frame(frame: FrameType) -> dict[str, Any]:
    code = frame.f_code
    # Some instructions have no line.
    lineno = frame.f_lineno or code.co_firstlineno
    return {"file": code.co_filename, "line": _source(frame, lineno), "lineno": lineno, "name": code.co_name}


def _source(frame: FrameType, lineno: int) -> str:
    """The text of the line; empty when there is none to be had."""
    line = ""
    with _READING_LINE:
        line = _line_of(frame, lineno)
    # Compiled with the first line that is read, not with ``patch()``.
    return re.sub(_SECRETS, lambda match: f"{match[match.lastindex or 0]}***", line.strip())


def _line_of(frame: FrameType, lineno: int) -> str:
    code = frame.f_code
    try:
        # A file that has changed since is not shown as it was when it was first read.
        linecache.checkcache(code.co_filename)
        line = linecache.getline(code.co_filename, lineno, frame.f_globals)
    except ValueError:
        # No file can have such a name: it has a NUL, or a surrogate that stands for no byte.
        return ""
    if not line and hasattr(linecache, "_getline_from_code"):
        # What was typed at a prompt is kept by code object, from some Python 3.13 on.
        line = linecache._getline_from_code(code, lineno)  # noqa: SLF001
    return str(line)
