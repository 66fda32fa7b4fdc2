"""The moment at which an exchange with a server has to be over, however many steps it takes."""

from __future__ import annotations

from collections.abc import Callable

from log10_trace.unpatched import time


class Deadline:
    """The moment at which an exchange has to be over."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._until = clock() + seconds

    def remaining_s(self) -> float:
        """The seconds that are left.

        Raises:
            TimeoutError: none are.
        """
        left = self._until - self._clock()
        if left <= 0:
            raise TimeoutError(f"it takes longer than {self._seconds:g} s")
        return left
