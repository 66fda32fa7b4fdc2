"""The advisory locks of a log10_trace database: numbers that every server knows, fixed for good."""

from __future__ import annotations

from typing import Final

MIGRATION_LOCK: Final = 0x6C6F6731_0001
"""Held by the one server that migrates while the others wait."""
LEADER_LOCK: Final = 0x6C6F6731_0002
"""Held by the one server that does the housekeeping, as long as its connection lives."""
STACKS_LOCK: Final = 0x6C6F6731_0003
"""Shared by writers; exclusive while unreferenced call stacks are deleted."""
FOLDING_LOCK: Final = 0x6C6F6731_0004
"""Held during roll-up compaction, by the leader or a pruning server."""
WATCHERS_LOCK: Final = 0x6C6F6731_0005
"""Shared by servers whose pages watch for changes; writers that could have it to themselves tell nobody."""
