"""Lines of bytes that come in pieces. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def split_lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The lines that the pieces make up, without their ends; a last one without end is a line too."""
    rest: list[bytes] = []
    for piece in pieces:
        head, *tail = piece.split(b"\n")
        rest.append(head)
        for part in tail:
            yield b"".join(rest)
            rest = [part]
    if last := b"".join(rest):
        yield last
