"""What ``stats()`` gives."""

from __future__ import annotations

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
    otlp: Stats | None = None
    """The same of the spans that are sent to ``otlp_url``: there ``dead_letters`` are spans that the endpoint
    refused, and ``delivered`` has the calls that were left out too. None without the setting."""
