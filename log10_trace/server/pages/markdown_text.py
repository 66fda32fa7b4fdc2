"""Untrusted text in a Markdown document: escaped on a line, fenced in a block. Pure."""

from __future__ import annotations

import re
from typing import Final

from log10_trace.server.pages.sanitize import escape_control_characters

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>()#+\-!|~&$])")
_SPACE: Final = re.compile(r"\s+")
_BACKTICKS: Final = re.compile("`+")
_MIN_FENCE: Final = 3


def escape_markdown(text: str) -> str:
    """The text on one line; nothing in it is taken for Markdown or HTML."""
    return _SPECIAL.sub(r"\\\1", escape_control_characters(_SPACE.sub(" ", text)).strip())


def fence(text: str, language: str = "") -> str:
    """The text as a block of code, which nothing in it can end."""
    longest = max(map(len, _BACKTICKS.findall(text)), default=0)
    marks = "`" * max(_MIN_FENCE, longest + 1)
    return f"{marks}{language}\n{escape_control_characters(text)}\n{marks}"
