"""Delivery counters of this process, and their snapshot."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """What has become of the calls of this process.

    Always ``captured == delivered + pending + dead_letters + sum(dropped.values())``.
    """

    captured: int = 0
    """Calls that ended and were handed to us."""
    delivered: int = 0
    """Records that the completions API has acknowledged."""
    pending: int = 0
    """Records that wait."""
    spooled: int = 0
    """How many of the pending are on disk, where they survive the process."""
    dead_letters: int = 0
    """Records that the completions API refused; they are kept, see `log10-trace spool dead-letters`."""
    dropped: dict[str, int] = field(default_factory=dict)
    """Records given up, by reason: ``spool_full``, ``memory_full``, ``damaged``, ``fault``."""
    sampled_out: int = 0
    """Calls that ``sample_rate`` left out; they are not among the captured ones."""
    withheld: int = 0
    """Records whose words were withheld because the redactor failed."""
    adopted: int = 0
    """Records of processes that died, delivered by this one."""
    retries: int = 0
    """Attempts that had to be made again."""
    faults: dict[str, int] = field(default_factory=dict)
    """Errors of our own, by what we were doing."""


@dataclass(slots=True)
class Counters:
    """The counters behind ``Stats``; the lock of the monitor is held to change them."""

    captured: int = 0
    delivered: int = 0
    dead_letters: int = 0
    sampled_out: int = 0
    withheld: int = 0
    adopted: int = 0
    retries: int = 0
    dropped: Counter[str] = field(default_factory=Counter)

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
