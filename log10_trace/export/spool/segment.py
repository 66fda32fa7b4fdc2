"""One segment while it is written, read and delivered: a file, or memory while the disk takes none."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Final

from log10_trace.errors import describe_exception
from log10_trace.export.spool import segment_format as form
from log10_trace.export.spool.regular_file import describe_error, is_transient, open_regular
from log10_trace.export.spool.segment_format import CorruptRange, Entry, UnusedTail
from log10_trace.private_file import write_private_file

SUFFIX: Final = ".seg"
NEW: Final = ".new"
"""The suffix of a file that takes another's place once it is whole."""
_ZEROS: Final = bytes(64 * 1024)


class UnusableSegmentError(Exception):
    """A file named like a segment is none, or cannot be read by this version. It is left alone."""

    def __init__(self, what: str, *, is_newer: bool = False, is_transient: bool = False) -> None:
        """``what`` is the end of a sentence that begins with the file's name.

        ``is_newer``: a later version can read it. ``is_transient``: this version may, at another time.
        """
        super().__init__(what)
        self.is_newer = is_newer
        self.is_transient = is_transient

    def __repr__(self) -> str:
        return describe_exception(self)


def write_all(descriptor: int, parts: list[bytes], start: int, length: int) -> None:
    """Write these ``length`` bytes at ``start``, all of them.

    Raises:
        OSError: the disk does not take them, or only the first of them.
    """
    # No fsync: what the kernel has taken survives kill -9, and a loss of power is told by the checksums.
    # A full disk may take a part and report no error.
    if os.pwritev(descriptor, parts, start) < length:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Segment:
    """One segment, on disk or (``memory``) in memory, and which of its entries are settled."""

    __slots__ = (
        "_clear",
        "_is_advancing",
        "_settled",
        "acknowledged_offset",
        "acknowledged_sequence",
        "first",
        "held_back",
        "is_loaded",
        "is_truncated",
        "last_sequence",
        "memory",
        "number",
        "open_descriptor",
        "path",
        "previous_sequence",
        "problem",
        "readable_offset",
        "salt",
        "size",
        "source",
    )

    def __init__(
        self, source: str, number: int, *, path: Path | None = None, memory: bytearray | None = None
    ) -> None:
        self.source = source
        self.number = number
        self.path = path
        self.memory = memory
        self.size = form.FIRST_ENTRY_OFFSET
        """The bytes that are taken, also by entries that are being written at this moment."""
        self.readable_offset = form.FIRST_ENTRY_OFFSET
        """Up to here everything is written and can be read."""
        self.acknowledged_offset = form.FIRST_ENTRY_OFFSET
        self.acknowledged_sequence: int | None = None
        """The sequence of the last record that was settled in it or stood before it, where known."""
        self.last_sequence: int | None = None
        """The sequence of the last record in it, where it is known; not while it is written to."""
        self.first: int | None = None
        """The sequence of the first entry of a loaded segment, where it is a record."""
        self.previous_sequence: int | None = None
        """What the header of a loaded segment gives as the sequence before it."""
        self.problem = ""
        """What is wrong with a loaded segment, as the end of a sentence that begins with its name."""
        self.is_truncated = False
        """Whether the file of a loaded segment is shorter than it once was, or blank."""
        self.is_loaded = False
        """Whether another process wrote it; its file may be longer than what that had come to."""
        self.held_back: set[int] = set()
        """Where the entries begin that are neither to be sent nor settled: calls shown as started, and what a
        later version wrote."""
        self._settled: dict[int, tuple[int, int]] = {}
        self._is_advancing = False
        self.salt: Final = form.salt_of(source, number)
        """What its entries' checksums begin with."""
        self._clear: tuple[int, int | None] = (form.FIRST_ENTRY_OFFSET, None)
        self.open_descriptor: int | None = None
        """The file, where it is open: what every call of the program reads, to which a property is slow."""

    @property
    def descriptor(self) -> int:
        """The open file, for reading and writing."""
        if self.open_descriptor is None:
            assert self.path is not None  # noqa: S101 -- a segment is on disk or in memory
            self.open_descriptor = open_regular(self.path, os.O_RDWR)
        return self.open_descriptor

    @property
    def records(self) -> int:
        """How many records wait in it."""
        return sum(1 for entry in self.pending_entries() if isinstance(entry, Entry) and entry.sequence)

    @property
    def is_open(self) -> bool:
        """Whether the file is open, and can be read even when it was deleted."""
        return self.open_descriptor is not None

    @property
    def has_gaps(self) -> bool:
        """Whether entries are settled behind one that is not."""
        return bool(self._settled)

    @property
    def is_fully_acknowledged(self) -> bool:
        """Whether all that was written to it is settled."""
        return self.acknowledged_offset >= self.size

    def create(self, source: str) -> None:
        """Make the file, with its header and whatever is in memory; from then on the segment is on disk.

        Raises:
            OSError: the file cannot be made or written; the segment is as it was.
        """
        assert self.path is not None  # noqa: S101
        content = form.encode_header(source, self.number, self.acknowledged_sequence or 0)
        if self.memory is not None:
            content = (
                content[: form.DONE_CRC_AT]
                + form.encode_checkpoint(self.acknowledged_offset)
                + self.memory[form.FIRST_ENTRY_OFFSET :]
            )
        # Never a file that is there, nor through a link that another user has put there.
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self.path, flags, 0o600)
        try:
            write_all(descriptor, [content], 0, len(content))
        except OSError:
            os.close(descriptor)
            self.path.unlink(missing_ok=True)
            raise
        self.open_descriptor = descriptor
        self.memory = None

    def zero_fill(self) -> None:
        """Overwrite what was delivered: the file is kept for its pages, which are cheaper than fresh ones."""
        # First: a process that is killed in between leaves zeros that the next one would tell as damage.
        self.write_checkpoint()
        for at in range(form.FIRST_ENTRY_OFFSET, self.size, len(_ZEROS)):
            os.pwrite(self.descriptor, _ZEROS[: self.size - at], at)

    def reuse_file(self, spare: Segment, source: str) -> None:
        """Be written in the file of another segment, which was delivered and is blank.

        Raises:
            OSError: the file is not there any more, or cannot be written.
        """
        assert spare.path is not None  # noqa: S101 -- only files are kept
        assert self.path is not None  # noqa: S101
        opening = form.encode_header(source, self.number, self.acknowledged_sequence or 0)
        write_all(spare.descriptor, [opening], 0, len(opening))
        spare.path.rename(self.path)
        # The header comes before the name: killed in between, the old name holds a segment without entries.
        self.open_descriptor, spare.open_descriptor = spare.descriptor, None

    def read(self, offset: int, length: int) -> bytes:
        """That many bytes from ``offset`` on, fewer at the end."""
        if self.memory is not None:
            return bytes(self.memory[offset : offset + length])
        # With an offset, as all writes: threads share the descriptor, and its position.
        return os.pread(self.descriptor, length, offset)

    def pending_entries(self) -> Iterator[Entry | CorruptRange]:
        """What is neither settled nor set aside, in order; others may append and settle meanwhile."""
        clear = True
        start, before = max(
            (self.acknowledged_offset, self.acknowledged_sequence), self._clear, key=itemgetter(0)
        )
        for entry in self._walk(start, before):
            if isinstance(entry, UnusedTail):
                self.acknowledge(entry.start, entry.end)
                return
            # In this order: an entry on its way from one to the next is found in the one or in the other.
            if not (
                entry.start in self.held_back
                or entry.start in self._settled
                or entry.start < self.acknowledged_offset
            ):
                clear = False
                yield entry
            elif clear:
                # A call that runs for hours is held back at the head: the next read begins behind it, instead
                # of reading all that was acknowledged after it once more.
                before = (entry.sequence if isinstance(entry, Entry) else entry.last) or before
                self._clear = (entry.end, before)

    def _walk(self, start: int, before: int | None) -> Iterator[Entry | CorruptRange | UnusedTail]:
        # What this process has written is read back from the kernel's memory: only of what another wrote is
        # it unknown whether it reached the disk whole.
        return form.scan(
            self.read,
            start,
            self.readable_offset,
            self.salt,
            before,
            may_be_blank=self.is_loaded,
            is_checked=self.is_loaded,
        )

    def acknowledge(self, start: int, end: int, sequence: int = 0) -> None:
        """Acknowledge the entry from ``start`` to ``end``; ``sequence`` is 0 without a record."""
        if start < self.acknowledged_offset:
            return
        self._settled[start] = (end, sequence)
        self.held_back.discard(start)
        # A signal handler or the garbage collector may acknowledge more in this thread at any moment. It
        # leaves the offset to the call that it interrupts: that would set it back, and what was delivered in
        # between would be given out again.
        while not self._is_advancing and self.acknowledged_offset in self._settled:
            self._is_advancing = True
            try:
                self._advance()
            finally:
                self._is_advancing = False

    def acknowledge_entries(self, entries: list[Entry]) -> None:
        """Acknowledge these entries, which stand in the order of the segment."""
        run = self._run_of(entries)
        if run is not None:
            self.acknowledge(*run)
            return
        for entry in entries:
            self.acknowledge(entry.start, entry.end, entry.sequence)

    def _run_of(self, entries: list[Entry]) -> tuple[int, int, int] | None:
        """Start, end and last sequence of entries that are next and follow one another; None otherwise.

        As a batch mostly does: then it is acknowledged as one, at a tenth of the cost.
        """
        # What is held back would have to be looked for by each entry's start.
        if self.held_back or not entries:
            return None
        start = end = self.acknowledged_offset
        sequence = 0
        for entry in entries:
            if entry.start != end:
                return None
            end, sequence = entry.end, entry.sequence or sequence
        return start, end, sequence

    def _advance(self) -> None:
        while (first := self._settled.get(self.acknowledged_offset)) is not None:
            # The entry is removed last: whoever reads in between finds it settled, or below the offset.
            settled = self.acknowledged_offset
            self.acknowledged_sequence = first[1] or self.acknowledged_sequence
            self.acknowledged_offset = first[0]
            del self._settled[settled]

    def hold_back(self, start: int) -> None:
        """Keep the entry that begins there, and do not give it out again."""
        if start >= self.acknowledged_offset and start not in self._settled:
            self.held_back.add(start)

    def restore_aside(self) -> None:
        """Give out again what was put aside."""
        self.held_back.clear()
        self._clear = (form.FIRST_ENTRY_OFFSET, None)

    def write_checkpoint(self) -> None:
        """Write into the file up to which offset it is acknowledged, for the next process."""
        if self.memory is None:
            os.pwrite(self.descriptor, form.encode_checkpoint(self.acknowledged_offset), form.DONE_CRC_AT)

    def compact(self) -> None:
        """Keep nothing in the file but the entries that were put aside, as they are.

        Raises:
            OSError: the disk does not take it; the file is as it was.
        """
        assert self.path is not None  # noqa: S101 -- a segment in memory ends with its process
        kept = [
            entry
            for entry in self._walk(self.acknowledged_offset, self.acknowledged_sequence)
            if entry.start in self.held_back
        ]
        entries = [self.read(entry.start, entry.end - entry.start) for entry in kept]
        content = b"".join(
            [form.encode_header(self.source, self.number, self.acknowledged_sequence or 0), *entries]
        )
        write_private_file(self.path, content, temporary=self.path.with_suffix(NEW))

    def close(self) -> None:
        """Close the file."""
        if self.open_descriptor is not None:
            os.close(self.open_descriptor)
            self.open_descriptor = None

    def remove(self) -> None:
        """Delete the file."""
        self.close()
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def open_segment(source: str, path: Path) -> Segment:
    """A segment that another process wrote.

    Raises:
        FileNotFoundError: it was delivered and deleted in the meantime.
        UnusableSegmentError: the file is not a segment, cannot be read, or was written by a later version.
    """
    try:
        descriptor = open_regular(path, os.O_RDWR)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnusableSegmentError(describe_error(error), is_transient=is_transient(error)) from error
    try:
        # Opened again when it is read: there may be hundreds.
        return _load(source, path, descriptor)
    except form.UnknownVersionError as error:
        what = f"was written by a later version (format {error})"
        raise UnusableSegmentError(what, is_newer=True) from error
    except OSError as error:
        raise UnusableSegmentError(describe_error(error), is_transient=is_transient(error)) from error
    finally:
        os.close(descriptor)


def _load(source: str, path: Path, descriptor: int) -> Segment:
    size, data = (
        os.fstat(descriptor).st_size,
        os.pread(descriptor, form.FIRST_ENTRY_OFFSET + form.HEAD_SIZE, 0),
    )
    header = form.decode_header(data)
    # The name stands in for a header that is damaged.
    number = int(path.stem) if path.stem.isdecimal() else 0
    if header is not None:
        source, number = header.source, header.number  # the entries' checksums stand on these
    segment = Segment(source, number, path=path)
    segment.is_loaded = True
    segment.size = segment.readable_offset = max(size, form.FIRST_ENTRY_OFFSET)
    segment.first = form.first_sequence(data, segment.salt) or None
    read = partial(_read_from, descriptor)
    if size <= form.FIRST_ENTRY_OFFSET:
        segment.is_truncated, segment.problem = True, f"is truncated to {size} bytes"
    elif header is None:
        # A disk that lost its power may give a file its length and nothing of what stood in it.
        segment.is_truncated = form.is_blank(read, 0, size)
        segment.problem = "holds nothing but zeros" if segment.is_truncated else "has a damaged header"
    # A damaged beginning may have whole entries behind it; a file with neither never was a segment.
    if not form.may_begin_segment(data) and not _holds_entries(read, segment):
        raise UnusableSegmentError("is not a segment")
    _set_done(segment, data, read)
    segment.previous_sequence = header.before if header is not None else None
    if segment.acknowledged_offset == form.FIRST_ENTRY_OFFSET:
        segment.acknowledged_sequence = segment.previous_sequence
    return segment


def _set_done(segment: Segment, data: bytes, read: form.Read) -> None:
    """Up to where a loaded segment was delivered; from the start where that cannot be told."""
    done, fits = form.decode_checkpoint(data)
    is_known = fits
    if fits is None:  # written by a version that wrote no checksum
        is_known = form.FIRST_ENTRY_OFFSET <= done <= segment.size and (
            done == form.FIRST_ENTRY_OFFSET or form.is_boundary(read, done, segment.size, segment.salt)
        )
    if not is_known:
        segment.problem = segment.problem or "has a damaged delivery offset"
        return
    segment.acknowledged_offset = min(done, segment.size)
    if done > segment.size:
        segment.is_truncated = True
        segment.problem = segment.problem or f"is truncated to {segment.size} bytes"


def _holds_entries(read: form.Read, segment: Segment) -> bool:
    entries = form.scan(read, form.FIRST_ENTRY_OFFSET, segment.size, segment.salt, None)
    return any(isinstance(entry, Entry) for entry in entries)


def _read_from(descriptor: int, offset: int, length: int) -> bytes:
    return os.pread(descriptor, length, offset)
