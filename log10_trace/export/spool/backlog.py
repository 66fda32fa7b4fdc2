"""Backlog of one source: its segments, oldest first, and how far each is acknowledged.

The same for the living process's own records and for those of a dead one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, TypeAlias

from log10_trace.export.spool.outbound_record import OutboundRecord
from log10_trace.export.spool.regular_file import describe_error, report_damage
from log10_trace.export.spool.segment import Segment
from log10_trace.export.spool.segment_format import CorruptRange, Entry
from log10_trace.export.spool.serialization import serialize_entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Records that will never be delivered: how many, of which source and sequences, and why."""

    source: str
    reason: str
    first: int
    last: int
    count: int


Place: TypeAlias = tuple[str, int, int]
"""Where an entry stands: its source, the number of its segment, where in it it begins."""

MOST_STEPPED_OVER: Final = 500
REST_EVERY: Final = 32
"""After so many entries ``read`` lets others run: they take some 0.1 ms."""

OnLoss = Callable[[Loss], None]
Rest = Callable[[], object]
"""Lets the threads of the program run for a moment, if they have anything to do."""


def go_on() -> None:
    """Let nobody run: the ``Rest`` of who has nobody to wait for."""


@dataclass(slots=True)
class PendingEntry:
    """An entry that waits, and the segment it waits in."""

    segment: Segment
    entry: Entry
    source: str
    """The process that wrote it."""

    @property
    def place(self) -> Place:
        """Where it stands."""
        return self.source, self.segment.number, self.entry.start


class Backlog:
    """The segments of one source that wait, and what was lost of them (told to ``on_loss``).

    ``lock`` is held for the moments in which the segments change; reading is done without it.
    """

    def __init__(self, source: str, lock: AbstractContextManager[Any], on_loss: OnLoss) -> None:
        self.source = source
        self.segments: list[Segment] = []
        self._lock = lock
        self._on_loss = on_loss
        self._held: set[Segment] = set()
        self._stepped_over: set[Place] = set()
        """What ``read`` with ``beyond`` does not give out until ``step_back``."""
        self._last: int | None = None
        """The sequence of the last record in it, where known."""

    @property
    def size(self) -> int:
        """The bytes its segments take on disk."""
        return sum(segment.size for segment in self.segments if segment.memory is None)

    def read(self, items: int, size: int, *, beyond: bool = False, rest: Rest = go_on) -> list[PendingEntry]:
        """The next entries that wait: at most ``items`` and ``size`` bytes of them, but at least one.

        With ``beyond``, those that were stepped over are left out. ``rest`` is called now and then.
        They stay in the backlog until ``acknowledge``. Until ``release``, their segments are not given up.
        """
        taken: list[PendingEntry] = []
        room = size
        for segment in self._waiting_segments():
            for entry in self._entries(segment):
                item = PendingEntry(segment, entry, self.source)
                if beyond and item.place in self._stepped_over:
                    continue
                room -= len(entry.payload)
                if taken and (room < 0 or len(taken) >= items):
                    return taken
                taken.append(item)
                if not len(taken) % REST_EVERY:
                    rest()
        return taken

    def step_over(self, item: PendingEntry) -> None:
        """Leave this one out with ``beyond``."""
        if len(self._stepped_over) >= MOST_STEPPED_OVER:
            self.step_back()
        self._stepped_over.add(item.place)

    def step_back(self) -> None:
        """Begin again at the head with ``beyond``."""
        self._stepped_over.clear()

    def serialize(self, item: PendingEntry) -> OutboundRecord:
        """The record as it goes over the wire."""
        return serialize_entry(item.entry, self.source)

    def on_unauthorized(self) -> None:
        """The server did not know the key that these were sent with."""

    def on_delivered(self, items: list[PendingEntry]) -> None:
        """The server has these."""
        self.acknowledge(items)

    def acknowledge(self, items: list[PendingEntry]) -> None:
        """Acknowledge these: finished segments are deleted, the others write a checkpoint."""
        with self._lock:
            for item in items if self._stepped_over else ():
                self._stepped_over.discard(item.place)
            # Once a segment and not once a record: each checkpoint is a write.
            touched = set()
            for segment, entries in groupby(items, attrgetter("segment")):
                segment.acknowledge_entries([item.entry for item in entries])
                touched.add(segment)
        for segment in self._detach_finished():
            touched.discard(segment)
            self._discard(segment)
        for segment in touched.intersection(self.segments):
            with suppress(OSError):  # the next process then sends some of it again
                segment.write_checkpoint()

    def release(self) -> None:
        """End the hold that ``read`` took, and the files' that are not written: the program may need many."""
        with self._lock:
            for segment in self._held:
                if self._is_removable(segment):
                    segment.close()
            self._held.clear()

    def drop_oldest(self, reason: str, *, memory: bool = False) -> int:
        """Drop the oldest segment that is neither held nor written; the bytes that frees, 0 without any."""
        with self._lock:
            for segment in self.segments:
                # What is held is on its way to the server: dropped now, it would be counted as lost and as
                # delivered.
                is_meant = (segment.memory is not None) == memory and segment not in self._held
                if is_meant and self._is_removable(segment):
                    break
            else:
                return 0
            try:
                self._report_all_dropped(segment, reason)
            except FileNotFoundError:
                self._report_unlinked(segment)
                return segment.size
            # What cannot be counted is not deleted.
            except OSError as error:
                self._leave_alone(segment, error)
                return 0
            self.segments.remove(segment)
            segment.remove()
            return segment.size

    def report_dropped(self, reason: str, first: int, last: int) -> None:
        """Report the records from sequence ``first`` to ``last`` as dropped; none when ``first`` is 0."""
        count = last - first + 1
        if first and count > 0:
            self._on_loss(Loss(source=self.source, reason=reason, first=first, last=last, count=count))

    def close(self) -> None:
        """Close all files without deleting any."""
        for segment in self.segments:
            segment.close()

    def _waiting_segments(self) -> list[Segment]:
        with self._lock:
            return [segment for segment in self.segments if not segment.is_fully_acknowledged]

    def _entries(self, segment: Segment) -> Iterator[Entry]:
        """The entries that wait in a segment; what of it cannot be read is lost."""
        if not self._hold(segment):
            return
        try:
            for entry in segment.pending_entries():
                if isinstance(entry, CorruptRange):
                    self._acknowledge_damage(segment, entry)
                else:
                    yield entry
        except FileNotFoundError:
            self._report_unlinked(segment)
        except OSError as error:
            self._leave_alone(segment, error)

    def _report_unlinked(self, segment: Segment) -> None:
        """Report a segment whose file was deleted by others, as far as its sequences are known."""
        with self._lock:
            at = self.segments.index(segment)
            last = segment.last_sequence
            if last is None:
                last = (
                    self.segments[at + 1].acknowledged_sequence if at + 1 < len(self.segments) else self._last
                )
            self.segments.remove(segment)
            self._held.discard(segment)
            if segment.acknowledged_sequence is not None and last is not None:
                self.report_dropped("deleted", segment.acknowledged_sequence + 1, last)

    def _leave_alone(self, segment: Segment, error: OSError) -> None:
        """Read no further in a segment whose file cannot be read; the file stays."""
        # A file of this process is read again later: it may only lack a free file handle.
        if segment.path is None or not segment.is_loaded:
            raise error
        report_damage(segment.path, f"{describe_error(error)}; it is left alone")
        with self._lock:
            self.segments.remove(segment)
            self._held.discard(segment)
            segment.close()

    def _hold(self, segment: Segment) -> bool:
        with self._lock:
            # It may have been given up, or found deleted, since the list of segments was made.
            if segment in self.segments:
                self._held.add(segment)
            return segment in self._held

    def _detach_finished(self) -> list[Segment]:
        with self._lock:
            finished = [
                each for each in self.segments if each.is_fully_acknowledged and self._is_removable(each)
            ]
            for segment in finished:
                self.segments.remove(segment)
            return finished

    def _discard(self, segment: Segment) -> None:
        segment.remove()

    def _is_removable(self, segment: Segment) -> bool:
        return segment in self.segments

    def _acknowledge_damage(self, segment: Segment, damage: CorruptRange) -> None:
        reason = "torn" if damage.torn else "damaged"
        loss = Loss(
            source=self.source, reason=reason, first=damage.first, last=damage.last, count=damage.count
        )
        with self._lock:
            segment.acknowledge(damage.start, damage.end, damage.last)
        self._on_loss(loss)

    def _report_all_dropped(self, segment: Segment, reason: str) -> None:
        """Tell of everything that waits in the segment, one loss for each run of sequences."""
        first = last = 0
        # What was put aside goes with the segment, and is counted with it.
        segment.restore_aside()
        for entry in segment.pending_entries():
            if isinstance(entry, CorruptRange):
                self._acknowledge_damage(segment, entry)
            elif first and entry.sequence == last + 1:
                last = entry.sequence
            elif entry.sequence:
                self.report_dropped(reason, first, last)
                first = last = entry.sequence
        self.report_dropped(reason, first, last)
