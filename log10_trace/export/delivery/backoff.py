"""Backoff and adaptive batch size, from the last attempts. Pure: time and jitter are arguments."""

from __future__ import annotations

from typing import Final

from log10_trace.export.delivery.retry import DENIED_DELAY_S, delay

SHRINK_AFTER: Final = 2
"""After this number of failures in a row batches are halved, should one record be what fails."""
SLOW_AFTER: Final = 8
"""After this number of failed attempts that cannot be narrowed further, the server accepts nothing."""
SERVER_MISSING_DELAY_S: Final = 1.0


class BackoffPolicy:
    """When the next attempt may be made, and how many records it may carry."""

    def __init__(self, most_items: int) -> None:
        self.not_before = 0.0
        """The next attempt is not to be made before this, on the clock that ``failed`` was given."""
        self.failures = 0
        """Attempts in a row that failed."""
        self.is_stuck = False
        """Whether the last attempt brought nothing: neither did a record pass, nor can fewer be tried."""
        self._growth = 0
        """How far the pauses have grown: no further than ``SHRINK_AFTER`` while batches are halved."""
        self.asked_by_server = False
        """Whether the server has asked for the pause."""
        self._most_items = most_items
        self._items = most_items

    def items(self, most: int) -> int:
        """How many records the next attempt may carry, at most ``most``."""
        return min(self._items, most)

    def on_success(self) -> None:
        """The server has taken something: the next batch may be twice as large."""
        self.failures = self._growth = 0
        self.is_stuck = False
        self.not_before = 0.0
        self._items = min(self._most_items, self._items * 2)

    def on_too_large(self, items: int) -> None:
        """The batch was too large for the server: halve it and retry immediately."""
        self._items = max(1, items // 2)

    def on_failure(
        self,
        items: int,
        *,
        now: float,
        draw: float,
        retry_after: float = 0.0,
        halve: bool,
        slow: bool,
    ) -> None:
        """An attempt failed whose answer was for so many records together.

        Args:
            items: The records that share the answer.
            now: Seconds on the clock that ``not_before`` is on.
            draw: A random number from 0 to 1.
            retry_after: The seconds that the server asked for.
            halve: Whether one of the records may be what failed.
            slow: Whether trying again soon makes no sense, unless one of the records may be what failed.
        """
        self.failures += 1
        self.asked_by_server = retry_after > 0
        is_narrowing = halve and items > 1
        self.is_stuck = not is_narrowing
        # To narrow hundreds of records down takes many attempts: with growing pauses the others would wait
        # for minutes.
        self._growth = min(self._growth + 1, SHRINK_AFTER) if is_narrowing else self._growth + 1
        pause = delay(self._growth, draw, retry_after)
        if slow and (not halve or self._growth > SLOW_AFTER):
            pause = max(pause, DENIED_DELAY_S * (0.5 + draw / 2))
        self.not_before = now + pause
        if is_narrowing and self.failures >= SHRINK_AFTER:
            self._items = max(1, items // 2)

    def on_no_server(self, now: float) -> None:
        """No server is known."""
        self.failures += 1
        self.is_stuck = True
        self.asked_by_server = False
        self.not_before = now + SERVER_MISSING_DELAY_S

    def reset_delay(self) -> None:
        """Let one attempt be made at once, even where the server has asked for a pause."""
        self.not_before = 0.0

    def allow_at_once(self) -> None:
        """Let the next attempt be made at once, unless the server has asked for a pause."""
        if not self.asked_by_server:
            self.not_before = 0.0
