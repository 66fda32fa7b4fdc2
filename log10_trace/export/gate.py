"""What the deliveries of one process share: the lock, the counters, and which sources are its own."""

from __future__ import annotations

import threading

from log10_trace.export.counts import Counts


class Gate(threading.Condition):
    """The one lock, and what the delivery threads wait at.

    Reentrant, because the garbage collector or a signal handler may end a call on a thread that holds it.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        """The same lock without the condition's detour, for where every call passes."""
        super().__init__(self.lock)
        self.counts = Counts()
        self.sources: set[str] = set()
        """The sources that this process has written; another at every ``patch`` with other settings."""
