"""The memory of a process, measured in one way for all benchmarks."""

from __future__ import annotations

from pathlib import Path


def pss_mb(pid: int) -> float:
    """The proportional set size in MB: what it shares with others counts in part; 0 of one that has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return int(text.split("Pss:")[1].split()[0]) / 1024
    except (OSError, IndexError):
        return 0.0
