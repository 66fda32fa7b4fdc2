"""Serialized large entries, cached between attempts: accumulating a long stream takes seconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from log10_trace.export.spool.backlog import Backlog, PendingEntry
from log10_trace.export.spool.outbound_record import OutboundRecord

LARGE_BYTES: Final = 256 * 1024
"""Smaller payloads are serialized in less time than a request takes."""
MAX_BYTES: Final = 8 * 1024 * 1024

_Key = tuple[str, int, int]


class OutboundCache:
    """The latest serialized records of large entries, of at most ``max_bytes`` together."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._records: dict[_Key, OutboundRecord] = {}

    def get(self, backlog: Backlog, item: PendingEntry) -> OutboundRecord:
        """The serialized record of an item of the backlog, from the cache or new."""
        # Nearly all are small, and pass no other function.
        key = _key(item) if len(item.entry.payload) >= LARGE_BYTES else None
        if key is None:
            return backlog.serialize(item)
        record = self._records.get(key)
        if record is None:
            record = backlog.serialize(item)
            # Without pieces it is an entry that could not be read, which becomes a dead letter at once.
            if 0 < record.size <= self._max_bytes:
                self._keep(key, record)
        return record

    def discard(self, items: Sequence[PendingEntry]) -> None:
        """Remove the records of items that are acknowledged."""
        for item in items if self._records else ():
            key = _key(item)
            if key is not None:
                self._records.pop(key, None)

    def _keep(self, key: _Key, record: OutboundRecord) -> None:
        self._records[key] = record
        excess = sum(each.size for each in self._records.values()) - self._max_bytes
        while excess > 0:
            oldest = next(iter(self._records))
            excess -= self._records.pop(oldest).size


def _key(item: PendingEntry) -> _Key | None:
    """A number of a sequence is given once, so that it names an entry for good; started calls have none."""
    size = len(item.entry.payload)
    return (item.source, item.entry.sequence, size) if size >= LARGE_BYTES and item.entry.sequence else None
