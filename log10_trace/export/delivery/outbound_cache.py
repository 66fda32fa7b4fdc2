"""Parcels of large entries, kept from one attempt to the next: to fold a long stream takes seconds."""

from __future__ import annotations

from typing import Final

from log10_trace.export.spool.backlog import Backlog, PendingEntry
from log10_trace.export.spool.outbound_record import OutboundRecord

LARGE_BYTES: Final = 256 * 1024
"""Smaller payloads are made into parcels in less time than a request takes."""
MAX_BYTES: Final = 8 * 1024 * 1024

_Key = tuple[str, int, int]


class OutboundCache:
    """The last parcels that were made of large entries, of at most ``max_bytes`` together."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._parcels: dict[_Key, OutboundRecord] = {}

    def get(self, backlog: Backlog, item: PendingEntry) -> OutboundRecord:
        """The parcel of an item of the backlog, made when it is not here."""
        key = _key(item)
        if key is None:
            return backlog.serialize(item)
        parcel = self._parcels.get(key)
        if parcel is None:
            parcel = backlog.serialize(item)
            if 0 < len(parcel.body) <= self._max_bytes:
                self._keep(key, parcel)
        return parcel

    def discard(self, item: PendingEntry) -> None:
        """Let go of the parcel of an item that is settled."""
        key = _key(item)
        if key is not None:
            self._parcels.pop(key, None)

    def _keep(self, key: _Key, parcel: OutboundRecord) -> None:
        self._parcels[key] = parcel
        excess = sum(len(each.body) for each in self._parcels.values()) - self._max_bytes
        while excess > 0:
            oldest = next(iter(self._parcels))
            excess -= len(self._parcels.pop(oldest).body)


def _key(item: PendingEntry) -> _Key | None:
    """A number of a sequence is given once, so that it names an entry for good; started calls have none."""
    size = len(item.entry.payload)
    return (item.source, item.entry.sequence, size) if size >= LARGE_BYTES and item.entry.sequence else None
