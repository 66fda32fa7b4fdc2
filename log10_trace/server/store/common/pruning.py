"""How many records to delete until a database fits a size. Pure."""

from __future__ import annotations

from typing import Final

MAX_ROUNDS: Final = 6
"""Estimates until the size fits: how much room a record took is known only when it is free again."""
_SLACK: Final = 1.02


def count_to_prune(records: int, size: int, max_bytes: int) -> int:
    """How many of ``records``, which take ``size`` bytes, to delete next; 0 when the rest fits."""
    if size <= max_bytes:
        return 0
    return min(int(records * (1 - max_bytes / size) * _SLACK) + 1, records)
