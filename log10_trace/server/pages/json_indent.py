"""JSON text with line breaks and indentation added, and nothing else changed. Pure.

Parsing and writing anew would respell numbers, drop lone surrogates and fold what looks alike; here every
token stays as it was received, in its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

# A text that was cut may end in the middle of a string.
_STRING: Final = r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)'
_PIECE: Final = re.compile(rf'{_STRING}|[\[{{]\s*[\]}}]|[\[\]{{}},:]|[^\s\[\]{{}},:"]+', re.DOTALL)
_STEP: Final = "  "


def indent_json(text: str) -> str:
    """The JSON text, one member or item a line."""
    return "".join(_pieces(text))


def split_tokens(text: str) -> Iterator[str]:
    """The tokens of JSON text as they are spelled; an empty array or object is one."""
    for found in _PIECE.finditer(text):
        piece = found[0]
        yield "".join(piece.split()) if piece[0] in "[{" else piece


def _pieces(text: str) -> Iterator[str]:
    depth = 0
    for piece in split_tokens(text):
        if piece in "[{":
            depth += 1
            yield f"{piece}\n{_STEP * depth}"
        elif piece in "]}":
            depth -= 1
            yield f"\n{_STEP * depth}{piece}"
        elif piece == ",":
            yield f",\n{_STEP * depth}"
        elif piece == ":":
            yield ": "
        else:
            yield piece
