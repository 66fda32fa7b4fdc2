"""The stack at the moment of a call, as JSON, ending at the user's own line.

A call site is resolved once, at first sight, and known from then on by its code objects and instruction
offsets: a walk costs about two microseconds, and source lines are read while they are those of the live code.
"""

from __future__ import annotations

import json
import linecache
import os
import re
import sysconfig
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

from log10_trace.guard import guard

_READING: Final = guard("reading the stack")
_READING_LINE: Final = guard("reading a line of the stack")

MAX_SITES: Final = 4096
MAX_SITES_BYTES: Final = 8 * 1024 * 1024

_PACKAGE: Final = str(Path(__file__).parents[1]) + os.sep
_OURS: Final = tuple(
    _PACKAGE + part
    for part in (f"instrument{os.sep}", f"record{os.sep}", f"export{os.sep}", "context.py", "runtime.py")
)
_SDK_PACKAGES: Final = ("openai", "httpx", "httpx2", "httpcore", "httpcore2", "wrapt")
_STDLIB: Final = sysconfig.get_path("stdlib") + os.sep
_RUNTIME_PATHS: Final = (
    *(_STDLIB + f"{package}{os.sep}" for package in ("asyncio", "concurrent")),
    *(_STDLIB + module for module in ("threading.py", "runpy.py", "contextvars.py")),
    "<frozen ",
)
"""Event loops, thread starters and module runners: they stand between the user's lines and add nothing."""
_INSTALLED: Final = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_SCRIPTS: Final = sysconfig.get_path("scripts") + os.sep

_SECRETS: Final = re.compile(
    r"""(\bsk-)[\w-]{8,} | ((?:Bearer|Basic)\s)[^\s"']+
    | ((?:\bkey|[-_]key|apikey|token|secret|password|authorization|cookie)["']?\s*[:=]\s*[bf]?["'])[^"']+""",
    re.VERBOSE | re.IGNORECASE,
)
"""Keys written into the source itself. A record never has one, not even in the line that made the call."""


def _folders_of(packages: tuple[str, ...]) -> tuple[str, ...]:
    specs = [find_spec(package) for package in packages]
    return tuple(str(Path(spec.origin).parent) + os.sep for spec in specs if spec and spec.origin)


class StackCache:
    """The call sites seen so far. Safe to use from any thread."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, ...], tuple[bytes, list[CodeType]]] = {}
        self._bytes = 0
        self._left_out: tuple[str, ...] | None = None

    def capture(self, frame: FrameType | None) -> bytes:
        """The stack that ends at ``frame`` or further out: JSON, outermost first; empty if that fails."""
        with _READING:
            return self._of(frame)
        return b"[]"

    def _of(self, frame: FrameType | None) -> bytes:
        key: list[int] = []
        add, at = key.append, frame
        while at is not None:
            add(id(at.f_code))
            add(at.f_lasti)
            at = at.f_back
        site = tuple(key)
        known = self._known.get(site)
        return known[0] if known is not None else self._resolve(site, frame)

    def _resolve(self, site: tuple[int, ...], frame: FrameType | None) -> bytes:
        if self._left_out is None:
            self._left_out = _folders_of(_SDK_PACKAGES) + _OURS
        frames = []
        while frame is not None:
            frames.append(frame)
            frame = frame.f_back
        text = json.dumps(
            [_describe_frame(frame) for frame in reversed(_visible_frames(frames, self._left_out))]
        ).encode()
        if len(self._known) >= MAX_SITES or self._bytes > MAX_SITES_BYTES:
            self._known.clear()
            self._bytes = 0
        # The code objects are kept, so that their ids stay theirs.
        self._known[site] = (text, [frame.f_code for frame in frames])
        self._bytes += len(text)
        return text


def _visible_frames(frames: list[FrameType], left_out: tuple[str, ...]) -> list[FrameType]:
    """Without our frames, the SDK's and machinery; from the user's innermost line outward."""
    frames = [frame for frame in frames if not frame.f_code.co_filename.startswith(left_out)]
    plain = [
        frame for frame in frames if not os.path.normcase(frame.f_code.co_filename).startswith(_RUNTIME_PATHS)
    ]
    for innermost, frame in enumerate(plain):
        if _is_users(frame.f_code.co_filename):
            return plain[innermost:]
    return plain or frames


def _is_users(filename: str) -> bool:
    if any(part in filename for part in _INSTALLED):
        return False
    return not filename.startswith((_STDLIB, _SCRIPTS))


def _describe_frame(frame: FrameType) -> dict[str, Any]:
    code = frame.f_code
    lineno = frame.f_lineno or code.co_firstlineno
    return {"file": code.co_filename, "line": _source(frame, lineno), "lineno": lineno, "name": code.co_name}


def _source(frame: FrameType, lineno: int) -> str:
    """The text of the line; empty when there is none to be had."""
    line = ""
    with _READING_LINE:
        line = _line_of(frame, lineno)
    return _SECRETS.sub(lambda match: f"{match[match.lastindex or 0]}***", line.strip())


def _line_of(frame: FrameType, lineno: int) -> str:
    code = frame.f_code
    try:
        linecache.checkcache(code.co_filename)
        line = linecache.getline(code.co_filename, lineno, frame.f_globals)
    except ValueError:
        # No file can have such a name: it has a NUL, or a surrogate that stands for no byte.
        return ""
    if not line and hasattr(linecache, "_getline_from_code"):
        # What was typed at a prompt is kept by code object, from some Python 3.13 on.
        line = linecache._getline_from_code(code, lineno)  # noqa: SLF001
    return str(line)


sites: Final = StackCache()
