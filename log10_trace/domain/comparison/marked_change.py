"""A changed part of two calls in pieces that are shown: what both have, what only one has, what is left out.

Pure. Texts are as they were recorded: whoever shows them escapes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from log10_trace.domain.comparison.abridgement import EqualText, abridge_segments
from log10_trace.domain.comparison.part_alignment import Row

_CONTEXT: Final = 80
"""Characters of equal text that are shown beside a change."""


class Piece(NamedTuple):
    """A piece of a change; what only the first has stands in ``[-...-]``, only the second in ``{+...+}``."""

    kind: Literal["equal", "omitted", "removed", "added"]
    text: str


def describe_row(row: Row) -> str:
    """The title of a part, its numbers, and whether only one call has it: ``3 user  only in a``."""
    if row.a is None or row.b is None:
        part, call = (row.a, "a") if row.b is None else (row.b, "b")
        number = f"{part.number} " if part and part.number else ""
        return f"{number}{row.title}  only in {call}"
    if not row.a.number:
        return row.title
    numbers = str(row.a.number) if row.a.number == row.b.number else f"{row.a.number} → {row.b.number}"
    return f"{numbers} {row.title}"


def mark_change(row: Row, max_characters: int) -> Iterator[Piece]:
    """The pieces of a row; of each changed text about ``max_characters`` at most."""
    if row.a is None or row.b is None:
        yield from _mark(row.a.text if row.a else "", row.b.text if row.b else "", max_characters)
        return
    for piece in abridge_segments(row.difference.segments, _CONTEXT):
        if isinstance(piece, EqualText):
            noun = "character" if len(piece.text) == 1 else "characters"
            yield Piece("omitted", f"\n… {len(piece.text):,} equal {noun} …\n")
        elif piece.is_equal:
            yield Piece("equal", piece.a)
        else:
            yield from _mark(piece.a, piece.b, max_characters)


def _mark(removed: str, added: str, max_characters: int) -> Iterator[Piece]:
    if removed:
        yield Piece("removed", f"[-{_shorten(removed, max_characters)}-]")
    if added:
        yield Piece("added", f"{{+{_shorten(added, max_characters)}+}}")


def _shorten(text: str, max_characters: int) -> str:
    omitted = len(text) - max_characters
    if omitted <= max_characters // 4:
        return text
    return f"{text[:max_characters]} … {omitted:,} more characters …"
