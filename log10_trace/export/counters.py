"""The delivery counters of this process."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from log10_trace.export.stats import Stats


class Counters:
    """The counters behind ``Stats``; the lock of the monitor is held to change them."""

    __slots__ = (
        "adopted", "captured", "dead_letters", "delivered", "dropped", "retries", "sampled_out", "withheld",
    )  # fmt: skip

    def __init__(self) -> None:
        self.captured = 0
        self.delivered = 0
        self.dead_letters = 0
        self.sampled_out = 0
        self.withheld = 0
        self.adopted = 0
        self.retries = 0
        self.dropped: Counter[str] = Counter()

    @property
    def pending(self) -> int:
        """Records that wait."""
        return self.captured - self.delivered - self.lost

    @property
    def lost(self) -> int:
        """Records that the completions API will not get by itself: refused or given up."""
        return self.dead_letters + sum(self.dropped.values())

    def snapshot(self, *, in_memory: int, faults: dict[str, int]) -> Stats:
        """The counters as they are; so many records of those that wait are ``in_memory``."""
        from log10_trace.export.stats import Stats  # noqa: PLC0415 -- seldom asked for

        return Stats(
            captured=self.captured,
            delivered=self.delivered,
            pending=self.pending,
            spooled=max(0, self.pending - in_memory),
            dead_letters=self.dead_letters,
            dropped=dict(self.dropped),
            sampled_out=self.sampled_out,
            withheld=self.withheld,
            adopted=self.adopted,
            retries=self.retries,
            faults=faults,
        )
