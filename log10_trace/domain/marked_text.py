"""Text with marked ranges, in pieces. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def split_at_marks(text: str, ranges: Sequence[Sequence[int]]) -> Iterator[tuple[str, bool]]:
    """The text in pieces, each with whether it is marked.

    ``ranges`` have the first character of each mark and the one behind its last; in order, apart. What lies
    outside of the text is left out.
    """
    at = 0
    for begin, end in ranges:
        yield text[at:begin], False
        yield text[begin:end], True
        at = end
    yield text[at:], False
