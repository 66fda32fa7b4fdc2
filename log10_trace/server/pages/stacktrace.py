"""Where in the user's program a call was made. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from log10_trace.domain.call_labels import describe_origin
from log10_trace.domain.json_values import read_mapping
from log10_trace.server.pages import json_access
from log10_trace.server.pages.excerpt import Gap

_NOT_THE_USERS: Final = ("/site-packages/", "/dist-packages/", "/lib/python", "<frozen ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame of a stack trace."""

    file: str
    lineno: int | None
    function: str
    line: str
    """The source text of the line."""
    origin: str = ""
    """What the line does where it does not make the call itself."""
    omitted: int = 0
    """Frames left out here; then it is none itself."""

    @property
    def place(self) -> str:
        """``app.py:42``."""
        name = self.file.replace("\\", "/").rpartition("/")[2] or self.file
        return name if self.lineno is None else f"{name}:{self.lineno}"

    @property
    def folder(self) -> str:
        """``/srv/``: what stands before ``place`` in the path of the file."""
        return self.file[: max(self.file.rfind("/"), self.file.rfind("\\")) + 1]

    @property
    def is_the_users(self) -> bool:
        """Whether it is the user's own code rather than a library's."""
        path = self.file.replace("\\", "/")
        return not any(mark in path for mark in _NOT_THE_USERS)


@dataclass(frozen=True, slots=True)
class Stack:
    """The frames, outermost first."""

    frames: tuple[Frame, ...]

    @property
    def site(self) -> Frame | None:
        """The frame that made the call."""
        return self.frames[-1] if self.frames else None


def stack_of(stacktrace: Any) -> Stack:
    """The stack that the record holds."""
    return Stack(tuple(map(_frame, json_access.sequence(stacktrace))))


def _frame(item: Any) -> Frame:
    if isinstance(item, Gap):
        return Frame(file="", lineno=None, function="", line="", omitted=item.omitted)
    frame = read_mapping(item)
    return Frame(
        file=json_access.short_text(frame.get("file")),
        lineno=json_access.integer(frame.get("lineno")),
        function=json_access.short_text(frame.get("name")),
        line=json_access.short_text(frame.get("line")).strip(),
        origin=describe_origin(frame.get("origin")),
    )
