"""Long texts, cut in the middle where the text says so, and read on from an offset. Pure."""

from __future__ import annotations

from typing import Final

_HEAD: Final = 2 / 3
"""Of the characters that are shown, for the beginning."""
_WORTH: Final = 60
"""Fewer characters are not worth the sentence that says that they are left out."""


def cut_middle(text: str, max_characters: int, source: str = "") -> str:
    """The text, or its beginning and its end, with a sentence between them that says what is left out.

    ``source`` is what gives the whole text, such as ``part="message 3"``; the sentence adds the offset.
    """
    omitted = len(text) - max_characters
    if omitted <= _WORTH:
        return text
    head = int(max_characters * _HEAD)
    tail = max_characters - head
    how = f"; {source} with offset={head} gives them" if source else ""
    return f"{text[:head]}\n[... {omitted:,} characters left out{how} ...]\n{text[len(text) - tail :]}"


def shorten(text: str, max_characters: int) -> str:
    """The text on one line, its end cut to ``max_characters``."""
    begin = text[: 2 * max_characters]
    line = " ".join(begin.split())
    is_whole = len(line) <= max_characters and len(begin) == len(text)
    return line if is_whole else f"{line[:max_characters]}..."
