"""Text that arrives in pieces: the pieces of one value are joined once, when the fold is finished."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

_BLOCK_PIECES: Final = 1_000
"""Number of pieces joined to a block: a small string takes ten times the room of its characters."""


class Pieces:
    """The pieces of one text."""

    # Not a string that grows: each piece would be added to all the text before it, which costs the square of
    # the length.
    __slots__ = ("_blocks", "_few")

    def __init__(self, first: str) -> None:
        self._blocks = [first]
        self._few: list[str] = []

    def append(self, piece: str) -> None:
        """Add the next piece."""
        self._few.append(piece)
        if len(self._few) == _BLOCK_PIECES:
            self._blocks.append("".join(self._few))
            self._few.clear()

    def join(self) -> str:
        """The text so far."""
        return "".join([*self._blocks, *self._few])


Places: TypeAlias = dict[Any, Pieces | None]
"""The text that each value of an event is added to, by the value; None for a value that is added to none."""


def append(into: dict[str, Any], key: str, piece: str) -> None:
    """Append a piece to the text under ``key``, which is a string until its second piece comes."""
    before = into[key]
    if not isinstance(before, Pieces):
        before = into[key] = Pieces(before)
    before.append(piece)


def join(values: dict[str, Any]) -> None:
    """Put the joined text in the place of each value that came in pieces."""
    for key, value in values.items():
        if isinstance(value, Pieces):
            values[key] = value.join()
