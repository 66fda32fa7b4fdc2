"""One segment while it is written, read and delivered: a file, or memory while the disk takes none."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Final

from log10_trace.export import segment_format as form
from log10_trace.export.regular_file import describe_error, is_transient, open_regular
from log10_trace.export.segment_format import Blank, Damage, Entry

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


def write_whole(descriptor: int, parts: list[bytes], start: int, length: int) -> None:
    """Write these ``length`` bytes at ``start``, all of them.

    Raises:
        OSError: the disk does not take them, or only the first of them.
    """
    if os.pwritev(descriptor, parts, start) < length:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Segment:
    """One segment, on disk or (``memory``) in memory, and which of its entries are settled."""

    __slots__ = (
        "_clear",
        "_descriptor",
        "_salt",
        "_settled",
        "aside",
        "before",
        "done",
        "first",
        "is_loaded",
        "is_truncated",
        "last",
        "memory",
        "number",
        "path",
        "previous_sequence",
        "problem",
        "size",
        "source",
        "written",
    )

    def __init__(
        self, source: str, number: int, *, path: Path | None = None, memory: bytearray | None = None
    ) -> None:
        self.source = source
        self.number = number
        self.path = path
        self.memory = memory
        self.size = form.FIRST_AT
        """The bytes that are taken, also by entries that are being written at this moment."""
        self.written = form.FIRST_AT
        """Up to here nobody writes any more, and it may be read."""
        self.done = form.FIRST_AT
        self.before: int | None = None
        """The sequence of the last record that was settled in it or stood before it, where known."""
        self.last: int | None = None
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
        self.aside: set[int] = set()
        """Where the entries begin that are neither to be sent nor settled: calls shown as started, and what a
        later version wrote."""
        self._settled: dict[int, tuple[int, int]] = {}
        self._salt = form.salt_of(source, number)
        self._clear: tuple[int, int | None] = (form.FIRST_AT, None)
        self._descriptor: int | None = None

    @property
    def salt(self) -> int:
        """What its entries' checksums begin with."""
        return self._salt

    @property
    def descriptor(self) -> int:
        """The open file, for reading and writing."""
        if self._descriptor is None:
            assert self.path is not None  # noqa: S101 -- a segment is on disk or in memory
            self._descriptor = open_regular(self.path, os.O_RDWR)
        return self._descriptor

    @property
    def records(self) -> int:
        """How many records wait in it."""
        return sum(1 for found in self.waiting() if isinstance(found, Entry) and found.sequence)

    @property
    def is_open(self) -> bool:
        """Whether the file is open, and can be read even when it was deleted."""
        return self._descriptor is not None

    @property
    def has_gaps(self) -> bool:
        """Whether entries are settled behind one that is not."""
        return bool(self._settled)

    @property
    def finished(self) -> bool:
        """Whether all that was written to it is settled."""
        return self.done >= self.size

    def create(self, source: str) -> None:
        """Make the file, with its header and whatever is in memory; from then on the segment is on disk.

        Raises:
            OSError: the file cannot be made or written; the segment is as it was.
        """
        assert self.path is not None  # noqa: S101
        content = form.opening(source, self.number, self.before or 0)
        if self.memory is not None:
            content = content[: form.DONE_CRC_AT] + form.done_field(self.done) + self.memory[form.FIRST_AT :]
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self.path, flags, 0o600)
        try:
            write_whole(descriptor, [content], 0, len(content))
        except OSError:
            os.close(descriptor)
            self.path.unlink(missing_ok=True)
            raise
        self._descriptor = descriptor
        self.memory = None

    def blank(self) -> None:
        """Overwrite what was delivered: the file is kept for its pages, which are cheaper than fresh ones."""
        self.note()
        for at in range(form.FIRST_AT, self.size, len(_ZEROS)):
            os.pwrite(self.descriptor, _ZEROS[: self.size - at], at)

    def take_over(self, spare: Segment, source: str) -> None:
        """Be written in the file of another segment, which was delivered and is blank.

        Raises:
            OSError: the file is not there any more, or cannot be written.
        """
        assert spare.path is not None  # noqa: S101 -- only files are kept
        assert self.path is not None  # noqa: S101
        opening = form.opening(source, self.number, self.before or 0)
        write_whole(spare.descriptor, [opening], 0, len(opening))
        spare.path.rename(self.path)
        self._descriptor, spare._descriptor = spare.descriptor, None

    def read(self, offset: int, length: int) -> bytes:
        """That many bytes from ``offset`` on, fewer at the end."""
        if self.memory is not None:
            return bytes(self.memory[offset : offset + length])
        return os.pread(self.descriptor, length, offset)

    def waiting(self) -> Iterator[Entry | Damage]:
        """What is neither settled nor set aside, in order; others may append and settle meanwhile."""
        clear = True
        start, before = max((self.done, self.before), self._clear, key=itemgetter(0))
        for found in self._walk(start, before):
            if isinstance(found, Blank):
                self.settle(found.start, found.end)
                return
            # In this order: an entry on its way from one to the next is found in the one or in the other.
            if not (found.start in self.aside or found.start in self._settled or found.start < self.done):
                clear = False
                yield found
            elif clear:
                before = (found.sequence if isinstance(found, Entry) else found.last) or before
                self._clear = (found.end, before)

    def _walk(self, start: int, before: int | None) -> Iterator[Entry | Damage | Blank]:
        return form.walk(self.read, start, self.written, self._salt, before, may_be_blank=self.is_loaded)

    def settle(self, start: int, end: int, sequence: int = 0) -> None:
        """Be done with the entry from ``start`` to ``end``; ``sequence`` is 0 without a record."""
        if start < self.done:
            return
        self._settled[start] = (end, sequence)
        self.aside.discard(start)
        while (first := self._settled.get(self.done)) is not None:
            settled = self.done
            self.before = first[1] or self.before
            self.done = first[0]
            del self._settled[settled]

    def put_aside(self, start: int) -> None:
        """Keep the entry that begins there, and do not give it out again."""
        if start >= self.done and start not in self._settled:
            self.aside.add(start)

    def restore_aside(self) -> None:
        """Give out again what was put aside."""
        self.aside.clear()
        self._clear = (form.FIRST_AT, None)

    def note(self) -> None:
        """Write down in the file up to where it is settled, for whoever reads it after us."""
        if self.memory is None:
            os.pwrite(self.descriptor, form.done_field(self.done), form.DONE_CRC_AT)

    def compact(self) -> None:
        """Keep nothing in the file but the entries that were put aside, as they are.

        Raises:
            OSError: the disk does not take it; the file is as it was.
        """
        assert self.path is not None  # noqa: S101 -- a segment in memory ends with its process
        kept = [found for found in self._walk(self.done, self.before) if found.start in self.aside]
        entries = [self.read(found.start, found.end - found.start) for found in kept]
        content = b"".join([form.opening(self.source, self.number, self.before or 0), *entries])
        fresh = self.path.with_suffix(NEW)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(fresh, flags, 0o600)
        try:
            write_whole(descriptor, [content], 0, len(content))
        finally:
            os.close(descriptor)
        fresh.replace(self.path)

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def remove(self) -> None:
        """Delete the file."""
        self.close()
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def load(source: str, path: Path) -> Segment:
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
    size, data = os.fstat(descriptor).st_size, os.pread(descriptor, form.FIRST_AT + form.HEAD_SIZE, 0)
    header = form.read_header(data)
    number = int(path.stem) if path.stem.isdecimal() else 0
    if header is not None:
        source, number = header.source, header.number  # the entries' checksums stand on these
    segment = Segment(source, number, path=path)
    segment.is_loaded = True
    segment.size = segment.written = max(size, form.FIRST_AT)
    segment.first = form.first_sequence(data, segment.salt) or None
    read = partial(_read_from, descriptor)
    if size <= form.FIRST_AT:
        segment.is_truncated, segment.problem = True, f"is truncated to {size} bytes"
    elif header is None:
        # A disk that lost its power may give a file its length and nothing of what stood in it.
        segment.is_truncated = form.is_blank(read, 0, size)
        segment.problem = "holds nothing but zeros" if segment.is_truncated else "has a damaged header"
    if not form.may_begin_segment(data) and not _holds_entries(read, segment):
        raise UnusableSegmentError("is not a segment")
    _set_done(segment, data, read)
    segment.previous_sequence = header.before if header is not None else None
    if segment.done == form.FIRST_AT:
        segment.before = segment.previous_sequence
    return segment


def _set_done(segment: Segment, data: bytes, read: form.Read) -> None:
    """Up to where a loaded segment was delivered; from the start where that cannot be told."""
    done, fits = form.read_done(data)
    is_known = fits
    if fits is None:  # written by a version that wrote no checksum
        is_known = form.FIRST_AT <= done <= segment.size and (
            done == form.FIRST_AT or form.is_boundary(read, done, segment.size, segment.salt)
        )
    if not is_known:
        segment.problem = segment.problem or "has a damaged delivery offset"
        return
    segment.done = min(done, segment.size)
    if done > segment.size:
        segment.is_truncated = True
        segment.problem = segment.problem or f"is truncated to {segment.size} bytes"


def _holds_entries(read: form.Read, segment: Segment) -> bool:
    found = form.walk(read, form.FIRST_AT, segment.size, segment.salt, None)
    return any(isinstance(each, Entry) for each in found)


def _read_from(descriptor: int, offset: int, length: int) -> bytes:
    return os.pread(descriptor, length, offset)
