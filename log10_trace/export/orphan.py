"""The backlog of a dead process, claimed by us: what it had captured, and what it was in the middle of."""

from __future__ import annotations

import threading

from log10_trace.export.answer import Parcel
from log10_trace.export.backlog import Backlog, Item, Lose
from log10_trace.export.parcels import call_id, died
from log10_trace.export.segment_format import CONCLUSION, STARTED
from log10_trace.export.spool import Claim


class Orphan(Backlog):
    """Gives out what the dead process had captured, and at the end its calls that never ended, as failed."""

    def __init__(self, claim: Claim, lose: Lose) -> None:
        super().__init__(claim.source, threading.RLock(), lose)
        self.segments = claim.segments()
        self._claim = claim
        self._unended: dict[str, Item] = {}

    def read(self, items: int, size: int) -> list[Item]:
        """The next that wait; calls that were only started come last, when nothing else is left."""
        while taken := super().read(items, size):
            waiting = [item for item in taken if not self._put_aside(item)]
            if waiting:
                return waiting
        return list(self._unended.values())[:items]

    def key_refused(self) -> None:
        """The server did not know the key that these were sent with."""
        self._claim.forget_key()

    def parcel(self, item: Item) -> Parcel:
        """The record as it goes over the wire."""
        if item.entry.kind == STARTED:
            return died(item.entry, self.source)
        return super().parcel(item)

    def settle(self, items: list[Item]) -> None:
        """Be done with these for good."""
        gone = {(item.segment, item.entry.start) for item in items}
        self._unended = {
            name: item for name, item in self._unended.items() if (item.segment, item.entry.start) not in gone
        }
        super().settle(items)

    def end(self) -> bool:
        """Delete the folder when nothing is left in it, and give it up; whether it is gone."""
        self._detach_all_finished()
        self.close()
        self._claim.remove()
        return not self._claim.folder.exists()

    def leave(self) -> None:
        """Give the folder up as it is."""
        self.close()
        self._claim.close()

    def _put_aside(self, item: Item) -> bool:
        """Whether an entry is one to wait with: whether its call ended is told further on."""
        if item.entry.kind == CONCLUSION:
            begun = self._unended.pop(call_id(item.entry) or "", None)
            if begun is not None:
                super().settle([begun])
        if item.entry.kind != STARTED:
            return False
        item.segment.aside.add(item.entry.start)
        self._unended[call_id(item.entry) or ""] = item
        return True

    def _detach_all_finished(self) -> None:
        for segment in self._detach_finished():
            segment.remove()
