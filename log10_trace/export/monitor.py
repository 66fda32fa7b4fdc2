"""What the deliveries of one process share: the lock, the counters, and which sources are its own."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Final

from log10_trace import threads
from log10_trace.export.counters import Counters
from log10_trace.unpatched import time

# A lock takes no time-out without end; who waits for longer looks again and goes on waiting.
_LONGEST_S: Final = 3600.0
_GREENLETS_EVERY_S: Final = 0.01
"""Where greenlets share the program's thread, the one that waits looks so often."""


class DeliveryMonitor:
    """The one lock, and what the delivery threads wait at.

    Reentrant, because the garbage collector or a signal handler may end a call on a thread that holds it.
    """

    def __init__(self) -> None:
        self.lock = threads.new_reentrant_lock()
        self.counts = Counters()
        self.sources: set[str] = set()
        """The sources that this process has written; another at every ``patch`` with other settings."""
        self._waiting: set[Any] = set()
        """A lock for each thread that waits, given back when it is to look."""

    def __enter__(self) -> None:
        self.lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.lock.release()

    def notify_all(self) -> None:
        """Let everyone look who waits. Called with the lock held."""
        waiting = self._waiting
        self._waiting = set()
        # A copy: a thread whose time is up removes itself without holding the lock.
        for waiter in list(waiting):
            waiter.release()

    def wait(self, seconds: float | None = None) -> None:
        """Release the lock until notified, or ``seconds`` passed. For the delivery thread, which holds it."""
        waiter = self._enlist()
        held = self.lock._release_save()  # noqa: SLF001 -- as threading.Condition does
        try:
            self._rest(waiter, _LONGEST_S if seconds is None else seconds)
        finally:
            self.lock._acquire_restore(held)  # noqa: SLF001

    def wait_until(
        self,
        is_over: Callable[[], bool],
        until: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
        *,
        blocking: bool = False,
    ) -> bool:
        """Whether ``is_over``, called with the lock held, came true before ``until()``.

        For the program's threads: it takes no longer, whoever holds the lock meanwhile, and other greenlets
        of the thread go on, unless ``blocking``.
        """
        sleep = None if blocking else threads.sleep_among_greenlets()
        while self.lock.acquire(timeout=min(max(0.0, until() - clock()), _LONGEST_S)):
            try:
                if is_over():
                    return True
                left = until() - clock()
                if left <= 0:
                    return False
                waiter = self._enlist()
            finally:
                self.lock.release()
            self._rest(waiter, left, sleep)
        return False

    def _enlist(self) -> Any:
        waiter = threads.new_lock()
        # Taken here, and once more by who rests: that waits until notify_all gives it back.
        waiter.acquire()
        self._waiting.add(waiter)
        return waiter

    def _rest(self, waiter: Any, seconds: float, sleep: Callable[[float], object] | None = None) -> bool:
        """Whether it was notified within the given seconds."""
        try:
            if sleep is not None:
                sleep(min(seconds, _GREENLETS_EVERY_S))
                seconds = 0.0
            return bool(waiter.acquire(timeout=min(max(0.0, seconds), _LONGEST_S)))
        finally:
            self._waiting.discard(waiter)
