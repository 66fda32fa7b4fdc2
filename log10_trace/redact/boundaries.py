"""Where a value can begin in a text. Pure."""

from __future__ import annotations


def begin_outside(characters: str) -> str:
    """A part of an expression: here begins a run of ``characters``, the inside of a character class.

    The text may be a piece of JSON, in which the letter behind a backslash belongs to an escape and not to
    the value: a mark in its place would leave half an escape, and broken JSON. A run that is no run of these
    characters before it is looked at once, so that the time grows with the length of the text.
    """
    return rf"(?:(?<![\\{characters}])|(?<=\\)(?![nrtbfu])|(?<=\\[nrtbf]))"
