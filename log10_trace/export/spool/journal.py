"""The living process's own backlog: entries are appended to it, on disk while the disk takes them.

When the disk does not (full, read-only, not ours, gone), entries wait in memory, within a bound, in segments
of the same form, which go to disk when it takes them again.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

from log10_trace.export.spool import segment_format as form
from log10_trace.export.spool.backlog import Backlog, OnLoss, PendingEntry
from log10_trace.export.spool.segment import SUFFIX, Segment, write_all
from log10_trace.export.spool.spool import SourceLock
from log10_trace.guard import is_from_signal_handler


class SizeLimits:
    """How large things may grow, in bytes."""

    def __init__(self, *, disk: int, memory: int) -> None:
        self.disk = disk
        self.memory = memory
        self.segment = min(4 * 1024 * 1024, disk // 16)
        """A segment's size: small beside the whole, so that giving one up gives up little."""
        self.memory_segment = min(1024 * 1024, memory // 16)
        """A segment's size while it is in memory."""
        self.recycled_from = self.segment // 16
        """From this size on, the segment that is written to ends when it is delivered; its file is reused."""


EntryLocation = tuple[Segment, int, int]
"""Where an entry stands: in which segment, from where, to where."""


class Journal(Backlog):
    """Where this process's records are written before a call returns.

    Whoever appends holds the (reentrant) lock. ``append`` may be entered again in the same thread, from a
    signal handler or the garbage collector, while it runs.
    """

    def __init__(
        self,
        source: str,
        source_lock: SourceLock | None,
        bounds: SizeLimits,
        lock: AbstractContextManager[Any],
        on_loss: OnLoss,
    ) -> None:
        super().__init__(source, lock, on_loss)
        self.source_lock = source_lock
        """The folder that is written to; none while there is none to be had."""
        self.disk_error: OSError | None = None
        """Why entries are kept in memory; none while they go to disk."""
        self._bounds = bounds
        self._number = 0
        self._last: int = 0
        self._current: Segment | None = None
        self._recycled: Segment | None = None
        """A delivered segment, whose file is the next one to be written to."""

    @property
    def in_memory(self) -> int:
        """The bytes that wait in memory."""
        return sum(len(segment.memory) for segment in self.segments if segment.memory is not None)

    def append(self, kind: int, sequence: int, parts: Sequence[bytes]) -> EntryLocation:
        """Write one entry; when this returns it survives ``kill -9``, unless the disk is in trouble."""
        segment = self._current or self._open()
        head, length = form.encode_entry_header(segment.salt, kind, sequence, parts)
        # An entry larger than a segment goes into one of its own.
        if segment.size + length > self._limit(segment) and segment.size != form.FIRST_ENTRY_OFFSET:
            segment = self._open()
            head, length = form.encode_entry_header(segment.salt, kind, sequence, parts)
        if segment.memory is not None:
            data = b"".join([head, *parts])
            start = segment.size
            segment.memory += data
            segment.size = segment.readable_offset = end = start + length
            self._last = sequence or self._last
            self._bound_memory()
            return segment, start, end
        # The place is taken before it is written to: an entry written in between, by a signal handler or
        # the garbage collector in this very thread, goes behind it.
        start = segment.size
        segment.size = end = start + length
        self._last = sequence or self._last
        descriptor = segment.open_descriptor
        try:
            if descriptor is None:
                descriptor = segment.descriptor
            write_all(descriptor, [head, *parts], start, length)
        except OSError as error:
            if is_from_signal_handler(error):  # a time limit, TimeoutError, says nothing of the disk
                raise
            self._roll_back(segment, start, end)
            self.disk_error = error
            self._current = None
            segment.last_sequence = sequence - 1 if sequence else self._last
            # Ends after one turn: with ``disk_error`` set, the next segment is in memory.
            return self.append(kind, sequence, parts)
        finally:
            # Unless it stands behind one that is being written still, which then does this for both.
            if segment.readable_offset == start:
                segment.readable_offset = segment.size
        return segment, start, end

    def has_written(self, sequence: int) -> bool:
        """Whether a record has an offset in the journal: then readers find it, or find it missing."""
        return self._last >= sequence

    def on_unauthorized(self) -> None:
        """The server did not know the key that these were sent with."""
        if self.source_lock is not None:
            self.source_lock.clear_key()

    def on_delivered(self, items: list[PendingEntry]) -> None:
        """The server has these; what it was shown as started stays until the call ends."""
        with self._lock:
            for item in items:
                # Not acknowledged: should this process die, the next one ends the call by it.
                if item.entry.kind == form.STARTED:
                    item.segment.hold_back(item.entry.start)
        self.acknowledge([item for item in items if item.entry.kind != form.STARTED])

    def flush_memory_to_disk(self) -> None:
        """Bring what is in memory to disk; from then on entries go there again.

        Raises:
            OSError: the disk does not take them yet.
        """
        assert self.source_lock is not None  # noqa: S101 -- given a folder before it is healed
        with self._lock:
            self._current = None  # a call that ends in between, in this very thread, goes behind them
            for segment in self.segments:
                if segment.memory is not None and not segment.is_fully_acknowledged:
                    segment.path = self._path(segment.number)
                    segment.create(self.source)
            self.disk_error = None
            self._current = None

    def is_unlinked(self) -> bool:
        """Whether the file that is being written was deleted."""
        segment = self._current
        return segment is not None and segment.memory is None and os.fstat(segment.descriptor).st_nlink == 0

    def recover_unlinked(self) -> None:
        """Take what was deleted back into memory, as far as it is still open; what is not is lost."""
        with self._lock:
            for segment in [each for each in self.segments if each.memory is None]:
                # An open file can be read without a name.
                if segment.is_open:
                    segment.memory = bytearray(segment.read(0, segment.size))
                    segment.close()
                else:
                    self._report_unlinked(segment)
            # Until the folder is there again, entries go to memory.
            self.disk_error = FileNotFoundError(errno.ENOENT, "the folder was deleted")
            self._current = None
            self._delete_recycled()

    @property
    def records_in_memory(self) -> int:
        """How many records wait in memory alone."""
        with self._lock:
            return sum(segment.records for segment in self.segments if segment.memory is not None)

    def drop_oldest(self, reason: str, *, memory: bool = False) -> int:
        """As of every backlog; the recycled file is deleted before any record is dropped."""
        return (0 if memory else self._delete_recycled()) or super().drop_oldest(reason, memory=memory)

    def close(self) -> None:
        """Close all files without deleting any."""
        super().close()
        if self._recycled is not None:
            self._recycled.close()

    def detach_after_fork(self) -> None:
        """In a forked child: close the files of the parent, which keeps them."""
        self.close()
        if self.source_lock is not None:
            self.source_lock.close()

    def end(self) -> None:
        """End the journal: delivered segments are deleted, the others are left to the next process."""
        with self._lock:
            self._current = None
            for segment in self._detach_finished():
                segment.remove()
            for segment in self.segments:
                with suppress(OSError):  # then the next one sends again what was delivered behind a long call
                    segment.write_checkpoint()
            self._delete_recycled()
            self.close()
            if self.source_lock is not None:
                self.source_lock.remove()
                self.source_lock = None

    def _roll_back(self, segment: Segment, start: int, end: int) -> None:
        """Release a range that could not be written, unless something was written behind it."""
        if segment.size != end:
            # To cut the file here would cut off what was written behind.
            segment.acknowledge(start, end)
            return
        segment.size = start
        with suppress(OSError):
            os.ftruncate(segment.descriptor, start)

    def _path(self, number: int) -> Path:
        assert self.source_lock is not None  # noqa: S101
        return self.source_lock.folder / f"{number:06}{SUFFIX}"

    def _limit(self, segment: Segment) -> int:
        return self._bounds.segment if segment.memory is None else self._bounds.memory_segment

    def _open(self) -> Segment:
        """A new segment to write to: on disk when it can be, in memory when it cannot."""
        self._number += 1
        if self.segments and self.segments[-1].last_sequence is None:
            self.segments[-1].last_sequence = self._last
        if self.disk_error is None and self.source_lock is not None:
            segment = Segment(self.source, self._number, path=self._path(self._number))
            segment.acknowledged_sequence = self._last
            try:
                self._bound_disk()
                self._begin_file(segment)
            except OSError as error:
                if is_from_signal_handler(error):
                    raise
                self.disk_error = error
            else:
                return self._activate(segment)
        memory = bytearray(form.encode_header(self.source, self._number, self._last))
        return self._activate(Segment(self.source, self._number, memory=memory))

    def _activate(self, segment: Segment) -> Segment:
        segment.acknowledged_sequence = self._last
        self._current = segment
        self.segments.append(segment)
        return segment

    def _bound_disk(self) -> None:
        while self.size + self._bounds.segment > self._bounds.disk:
            # What is left cannot be given up now: what comes is kept although it is too much.
            if not self.drop_oldest("spool_full"):
                return

    def _bound_memory(self) -> None:
        while self.in_memory > self._bounds.memory:
            if not self.drop_oldest("memory_full", memory=True):
                return

    def _begin_file(self, segment: Segment) -> None:
        spare, self._recycled = self._recycled, None
        if spare is not None:
            try:
                segment.reuse_file(spare, self.source)
            except OSError:
                spare.close()  # its folder was deleted, most likely
            else:
                return
        segment.create(self.source)

    def _detach_finished(self) -> list[Segment]:
        with self._lock:
            current = self._current
            # A short one goes on, so that not every flush of a few records begins a file.
            if (
                current is not None
                and current.is_fully_acknowledged
                and current.size > self._bounds.recycled_from
            ):
                self._current = None
            return super()._detach_finished()

    def _discard(self, segment: Segment) -> None:
        """Keep the file, zeroed, for the next segment: pages written before are cheaper than fresh ones.

        CPU of the caller's thread for one ``append``, median of paired rounds, ext4 on two shared cores,
        Linux 6.18: 100 KB in 29 µs instead of 49 µs, 1 KB in 2.6 µs instead of 3.2 µs; zeroing costs the
        delivery thread less than the deletion that it saves (``benchmarks/segment_recycling.py``).
        """
        # Nor one that a large record has made larger than a segment is to be.
        if self._recycled is not None or segment.memory is not None or segment.size > self._bounds.segment:
            segment.remove()
            return
        try:
            segment.zero_fill()
        except OSError:
            segment.remove()
            return
        with self._lock:
            self._recycled = segment

    def _delete_recycled(self) -> int:
        """Delete the file that was kept; the bytes that frees."""
        with self._lock:
            spare, self._recycled = self._recycled, None
        if spare is None:
            return 0
        spare.remove()
        return spare.size

    def _is_removable(self, segment: Segment) -> bool:
        # Not while an entry is written: a call of a signal handler may have begun the next segment meanwhile.
        return segment not in (self._current, self._recycled) and segment.readable_offset == segment.size
