"""Where a value can begin in a text. Pure.

The text may be a piece of JSON, in which the letter behind a backslash belongs to an escape and not to the
value: a mark in its place would leave half an escape, and broken JSON.
"""

from __future__ import annotations

_LETTER = r"\\[nrtbf]"
_CODE = r"\\u[0-9A-Fa-f]{4}"
"""The two forms of an escape that end in letters or digits."""


def begin_word(characters: str) -> str:
    """A part of an expression: here a run of ``characters``, the inside of a character class, begins.

    Of a run of these characters only the beginning matches, so that it is looked at once, however long it is.
    """
    return rf"(?:(?<![\\{characters}])|(?<=\\)(?![nrtbfu])|(?<={_LETTER})|(?<={_CODE}))"


def begin_number(characters: str, first: str = "") -> str:
    """A part of an expression: what stands before is none of ``characters``, or it is the end of an escape.

    With ``first``, a character class that has matched already, it says the same of what stands before that.
    """
    return rf"(?:(?<![{characters}]{first})|(?<={_LETTER}{first})|(?<={_CODE}{first}))"
