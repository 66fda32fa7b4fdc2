"""How fast to go: batch size and pauses, from how the last attempts went. No clock and no dice here."""

from __future__ import annotations

from typing import Final

from log10_trace.export.retry import DENIED_S, Verdict, delay

SHRINK_AFTER: Final = 2
"""A server that fails so often in a row gets smaller batches, should one record be what it fails on."""
ABSENT_S: Final = 1.0
_SERVER_ERROR: Final = 500
"""May speak of the record; 502 to 504 speak of the server."""


class Pace:
    """When the next attempt may be made, and how many records it may carry."""

    def __init__(self, most_items: int) -> None:
        self.not_before = 0.0
        """The next attempt is not to be made before this, on the clock that ``failed`` was given."""
        self.failures = 0
        """Attempts in a row that failed."""
        self.probing = False
        """The server failed on the first record alone: try the second, to know which of them is at fault."""
        self._asked_by_server = False
        self._most_items = most_items
        self._items = most_items

    def items(self, most: int) -> int:
        """How many records the next attempt may carry, at most ``most``."""
        return min(self._items, most)

    def succeeded(self) -> None:
        """The server has taken something."""
        self.failures = 0
        self.not_before = 0.0
        self.probing = False
        self._items = min(self._most_items, self._items * 2)

    def too_large(self, items: int) -> None:
        """The server finds so many records too many at a time: try half of them, at once."""
        self._items = max(1, items // 2)

    def failed(
        self, verdict: Verdict, status: int, items: int, *, now: float, draw: float, retry_after: float = 0.0
    ) -> None:
        """An attempt with so many records failed; ``draw`` is a random number from 0 to 1."""
        self.failures += 1
        self._asked_by_server = retry_after > 0
        pause = delay(self.failures, draw, retry_after)
        if verdict is Verdict.DENIED:
            pause = max(pause, DENIED_S * (0.5 + draw / 2))
        self.not_before = now + pause
        if status == _SERVER_ERROR and self.failures >= SHRINK_AFTER:
            self.probing = items == 1 and not self.probing
            self._items = max(1, items // 2)

    def absent(self, now: float) -> None:
        """There is nobody to try."""
        self.failures += 1
        self._asked_by_server = False
        self.not_before = now + ABSENT_S

    def hurry(self) -> None:
        """Let one attempt be made at once, even where the server has asked for a pause."""
        self.not_before = 0.0

    def hurry_politely(self) -> None:
        """Let the next attempt be made at once, unless the server has asked for a pause."""
        if not self._asked_by_server:
            self.not_before = 0.0
