"""Characters that steer a terminal, a page or the direction of reading, and are never shown. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_CONTROL_CHARACTERS: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)
"""Control characters but tab and line feed, line separators, bidirectional marks, lone surrogates, and the
byte order mark, which is invisible."""


def replace_control_characters(text: str, replacement: Callable[[int], str]) -> str:
    """The text with ``replacement(code)`` for each such character, and a line feed for each CR LF."""
    if text.isprintable():  # which none of these is: most texts need no more
        return text
    return _CONTROL_CHARACTERS.sub(lambda match: replacement(ord(match[0])), text.replace("\r\n", "\n"))
