"""Untrusted text in a Markdown document: escaped or as code on a line, fenced in a block. Pure."""

from __future__ import annotations

import re
from typing import Final

from log10_trace.domain.control_characters import replace_control_characters

_FENCE: Final = re.compile("`{3,}")
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>()#+\-!|~&$])")
_NAME_CHARACTERS: Final = 200


def fence(text: str, language: str = "") -> str:
    """The text in a fence longer than any within it."""
    longest = max((len(found) for found in _FENCE.findall(text)), default=2)
    marks = "`" * (longest + 1)
    return f"{marks}{language}\n{text}\n{marks}"


def spell(name: str) -> str:
    """A short text within a line, as code: the one form in which no sign of it is Markdown."""
    shown = " ".join(name.split())[:_NAME_CHARACTERS].replace("`", "'")
    return f"`{shown}`" if shown else ""


def escape_markdown(text: str) -> str:
    """The text on one line, as prose: nothing in it is taken for Markdown or HTML, in a table either."""
    return _SPECIAL.sub(r"\\\1", " ".join(escape_control_characters(text).split()))


def escape_control_characters(text: str) -> str:
    r"""The document with every sign that steers replaced by its number, as in ``\u001b``."""
    return replace_control_characters(text, lambda code: f"\\u{code:04x}")
