"""Backlogs of dead processes: their records, and the calls that had not ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Final

from log10_trace import threads
from log10_trace.export.spool.backlog import Backlog, Loss, OnLoss, PendingEntry, Place, Rest, go_on
from log10_trace.export.spool.outbound_record import OutboundRecord
from log10_trace.export.spool.regular_file import describe_error, report_damage
from log10_trace.export.spool.segment import Segment
from log10_trace.export.spool.segment_format import COMPLETED, FIRST_ENTRY_OFFSET, KINDS, STARTED, Entry
from log10_trace.export.spool.serialization import call_id, serialize_as_process_died
from log10_trace.export.spool.spool import SourceLock
from log10_trace.guard import guard, log_rate_limited
from log10_trace.record.call_codec import is_newer

MOST_ORPHANS: Final = 16
"""Maximum number locked at a time: each costs an open file of the program."""


class OrphanedBacklog(Backlog):
    """Gives out what the dead process had captured, and at the end its calls that never ended, as failed."""

    def __init__(
        self, source_lock: SourceLock, on_loss: OnLoss, stepped_over: set[Place] | None = None
    ) -> None:
        """Load the segments, and tell of the records that are missing because a file was cut short.

        ``stepped_over`` is what ``read`` with ``beyond`` leaves out, kept by the caller.

        Raises:
            OSError: the folder cannot be read, or is gone.
        """
        super().__init__(source_lock.source, threads.new_reentrant_lock(), on_loss)
        if stepped_over is not None:
            self._stepped_over = stepped_over
        self.segments = source_lock.segments()
        self._source_lock = source_lock
        self._unended: dict[str, PendingEntry] = {}
        for segment, following in zip(self.segments, self.segments[1:], strict=False):
            segment.last_sequence = _last_sequence_before(segment, following)
        for segment in [each for each in self.segments if each.is_truncated]:
            self._report_truncated(segment)

    def read(self, items: int, size: int, *, beyond: bool = False, rest: Rest = go_on) -> list[PendingEntry]:
        """The next that wait; calls that were only started come last, when nothing else is left."""
        while taken := super().read(items, size, beyond=beyond, rest=rest):
            waiting = [item for item in taken if not self._hold_back(item)]
            if waiting:
                return waiting
        left_out = self._stepped_over if beyond else ()
        return _first_of((each for each in self._unended.values() if each.place not in left_out), items, size)

    def on_unauthorized(self) -> None:
        """The server did not know the key that these were sent with."""
        self._source_lock.clear_key()

    def serialize(self, item: PendingEntry) -> OutboundRecord:
        """The record as it goes over the wire."""
        if item.entry.kind == STARTED:
            return serialize_as_process_died(item.entry, self.source)
        return super().serialize(item)

    def acknowledge(self, items: list[PendingEntry]) -> None:
        """Acknowledge these."""
        gone = {(item.segment, item.entry.start) for item in items}
        self._unended = {
            name: item for name, item in self._unended.items() if (item.segment, item.entry.start) not in gone
        }
        super().acknowledge(items)

    def end(self) -> bool:
        """Delete the folder when nothing is left in it, and give it up; whether it is gone."""
        self._detach_all_finished()
        for segment in self.segments:
            if segment.has_gaps:
                with suppress(OSError):  # then what was delivered behind the first of them is sent again
                    segment.compact()
        self.close()
        self._source_lock.remove()
        return not self._source_lock.folder.exists()

    @property
    def should_retry(self) -> bool:
        """Whether something was left that may be readable at another time."""
        return self._source_lock.should_retry

    def unlock(self) -> None:
        """Give the folder up as it is."""
        self.close()
        self._source_lock.close()

    def _hold_back(self, item: PendingEntry) -> bool:
        """Whether an entry waits: for its call's end, told further on, or for a later version."""
        if is_of_later_version(item.entry):
            item.segment.hold_back(item.entry.start)
            message = "log10_trace: records in %s were written by a later version; they are kept for it"
            log_rate_limited(message, item.segment.path)
            return True
        if item.entry.kind == COMPLETED:
            begun = self._unended.pop(call_id(item.entry) or _place_of(item), None)
            # The record of the ended call holds all that its started record did.
            if begun is not None:
                super().acknowledge([begun])
        if item.entry.kind != STARTED:
            return False
        # Whether the call ended is known only when everything behind it has been read.
        item.segment.held_back.add(item.entry.start)
        self._unended[call_id(item.entry) or _place_of(item)] = item
        return True

    def _leave_alone(self, segment: Segment, error: OSError) -> None:
        super()._leave_alone(segment, error)
        self._source_lock.should_retry = True

    def _detach_all_finished(self) -> None:
        for segment in self._detach_finished():
            segment.remove()

    def _detach_finished(self) -> list[Segment]:
        finished = super()._detach_finished()
        for segment in finished:
            self._report_missing(segment)
        return finished

    def _report_truncated(self, segment: Segment) -> None:
        """Tell of a segment whose file is shorter than it was; what that costs is not always known."""
        # The header may be lost; what stood before the first segment is known without it.
        if segment.number == 1 and segment.acknowledged_offset == FIRST_ENTRY_OFFSET:
            segment.acknowledged_sequence = 0
        if segment.acknowledged_sequence is None or segment.last_sequence is None:
            # The last one may have been written to when its process died.
            reason = "torn" if segment is self.segments[-1] else "damaged"
            self._on_loss(Loss(source=self.source, reason=reason, first=0, last=0, count=0))

    def _report_missing(self, segment: Segment) -> None:
        """Tell of records behind the last one in a segment, where the next segment says that some were.

        A file that was cut exactly between two entries looks whole.
        """
        if segment.acknowledged_sequence is not None and segment.last_sequence is not None:
            self.report_dropped("damaged", segment.acknowledged_sequence + 1, segment.last_sequence)


class Orphans(Backlog):
    """The backlogs of the dead processes that are claimed at the moment, read and settled as one.

    One attempt carries the records of several of them: there may be thousands with a record each.
    """

    def __init__(self, on_loss: OnLoss) -> None:
        super().__init__("", threads.new_reentrant_lock(), on_loss)
        self.skipped: set[str] = set()
        """Sources of which something is left that is not ours to deliver."""
        self._claims: Iterator[SourceLock] = iter(())
        self._has_more = False
        """Whether there may be more to claim; looked at by other threads, like the orphans themselves."""
        self._orphans: list[OrphanedBacklog] = []

    def __bool__(self) -> bool:
        """Whether anything of dead processes may be left to deliver."""
        return self._has_more or bool(self._orphans)

    def __iter__(self) -> Iterator[OrphanedBacklog]:
        # A copy: a source that is at its end is removed while somebody iterates.
        return iter(list(self._orphans))

    def claim_from(self, claims: Iterator[SourceLock]) -> None:
        """Take over what comes out of ``claims``, a few at a time, until it is at its end."""
        self._claims, self._has_more = claims, True
        self._claim_more()

    def read(self, items: int, size: int, *, beyond: bool = False, rest: Rest = go_on) -> list[PendingEntry]:
        """The next entries that wait, of as many sources as there is room for."""
        taken: list[PendingEntry] = []
        room = size
        while not taken and self._claim_more():
            for orphan in self:
                items_read = self._read_one(orphan, items - len(taken), room, beyond, rest)
                room -= sum(len(item.entry.payload) for item in items_read)
                # What was read is not lost: it waits in its backlog, and is given out by the next read.
                if taken and room < 0:
                    return taken
                taken += items_read
                if len(taken) >= items:
                    return taken
            if beyond and not taken and not self._make_room():
                return taken
        return taken

    def serialize(self, item: PendingEntry) -> OutboundRecord:
        """The record as it goes over the wire."""
        return self._owner(item).serialize(item)

    def on_unauthorized(self) -> None:
        """The server did not know the key that these were sent with."""
        for orphan in self:
            orphan.on_unauthorized()

    def acknowledge(self, items: list[PendingEntry]) -> None:
        """Acknowledge these."""
        for orphan in self:
            if own := [item for item in items if item.source == orphan.source]:
                orphan.acknowledge(own)

    def release(self) -> None:
        """End the hold that ``read`` took."""
        for orphan in self:
            orphan.release()

    def drop_oldest(self, reason: str, *, memory: bool = False) -> int:
        """Lose the oldest segment that is not being sent; the bytes that frees, 0 without any."""
        return next(filter(None, (orphan.drop_oldest(reason, memory=memory) for orphan in self)), 0)

    def unlock(self) -> None:
        """Release the locked orphans that are not delivered, for other processes."""
        self._claims, self._has_more = iter(()), False
        for orphan in self:
            orphan.unlock()
        self._orphans.clear()

    def _owner(self, item: PendingEntry) -> OrphanedBacklog:
        return next(orphan for orphan in self if orphan.source == item.source)

    def _read_one(
        self, orphan: OrphanedBacklog, items: int, size: int, beyond: bool, rest: Rest
    ) -> list[PendingEntry]:
        """What waits of one source; without anything, or when it cannot be read, the source is ended."""
        entries: list[PendingEntry] = []
        with guard("reading what a dead process left"):
            entries = orphan.read(items, size, beyond=beyond, rest=rest)
        # Beyond those that were stepped over, nothing found does not mean that nothing is left.
        if not entries and not beyond:
            with guard("releasing the folder of a dead process"):
                # What could not be read for a moment is claimed again later, and what never can be is not.
                if not orphan.end() and not orphan.should_retry:
                    self.skipped.add(orphan.source)
            self._orphans.remove(orphan)
        return entries

    def _make_room(self) -> bool:
        """Unlock one of those that were stepped over, so that another can be locked, if there is one."""
        if self._has_more:
            self._orphans.pop(0).unlock()
        return self._has_more

    def _claim_more(self) -> bool:
        """Claim as many as there is room for; whether any are claimed then."""
        room = MOST_ORPHANS - len(self._orphans)
        claims = list(islice(self._claims, room))
        for source_lock in claims:
            self._adopt(source_lock)
        # As many as asked for, also when that is none: there may be more.
        self._has_more = len(claims) == room
        return bool(self._orphans)

    def _adopt(self, source_lock: SourceLock) -> None:
        try:
            # With what was stepped over: a folder that is claimed again would begin with it anew, and those
            # behind sixteen such folders would never be reached.
            self._orphans.append(OrphanedBacklog(source_lock, self._on_loss, self._stepped_over))
        except OSError as error:
            report_damage(source_lock.folder, describe_error(error))
            source_lock.close()


def _first_of(waiting: Iterable[PendingEntry], items: int, size: int) -> list[PendingEntry]:
    """The first items within both limits, but at least one."""
    taken: list[PendingEntry] = []
    for item in islice(waiting, items):
        size -= len(item.entry.payload)
        if taken and size < 0:
            break
        taken.append(item)
    return taken


def _place_of(item: PendingEntry) -> str:
    return f"{item.segment.number}/{item.entry.start}"


def _last_sequence_before(segment: Segment, following: Segment) -> int | None:
    """The last sequence that was written to ``segment``, as far as the next one tells it."""
    if following.number != segment.number + 1 or following.previous_sequence is None:
        return None
    # Version 0.1.0 also counted a record that the disk refused and that stands at the beginning of the next.
    first = following.first
    return (
        first - 1
        if first is not None and first <= following.previous_sequence
        else following.previous_sequence
    )


def is_of_later_version(entry: Entry) -> bool:
    """Whether a later version of log10_trace wrote the entry: it is kept as it is, for that version."""
    return entry.kind not in KINDS or is_newer(entry.payload)
