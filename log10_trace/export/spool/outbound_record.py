"""A record as the spool gives it out for delivery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(slots=True)
class OutboundRecord:
    """One record, ready to be sent."""

    id: str
    pieces: Sequence[bytes]
    """The Completion as JSON on one line; none when the spool's entry could not be read.

    More than one where the record has large parts, which are sent from where they are.
    """
    update: bool = False
    """Whether the server may know an earlier state of it."""

    @property
    def body(self) -> bytes:
        """The pieces joined; of several a copy, made anew each time."""
        return b"".join(self.pieces)

    @property
    def size(self) -> int:
        """The bytes of the pieces together."""
        return sum(map(len, self.pieces))
