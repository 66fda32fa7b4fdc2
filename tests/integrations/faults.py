"""How often something of ours went wrong in a block."""

from __future__ import annotations

from log10_trace.guard import faults


class NewFaults:
    """Counts from its making on."""

    def __init__(self) -> None:
        self._before = faults.counts()

    def counts(self) -> dict[str, int]:
        """What went wrong since, and how often."""
        return {
            doing: count - self._before.get(doing, 0)
            for doing, count in faults.counts().items()
            if count > self._before.get(doing, 0)
        }
