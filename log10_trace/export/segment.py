"""One segment while it is written, read and delivered: a file, or memory while the disk takes none."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Final

from log10_trace.export import segment_format as form
from log10_trace.export.segment_format import Blank, Damage, Entry
from log10_trace.guard import say_once_a_minute

SUFFIX: Final = ".seg"
_ZEROS: Final = bytes(64 * 1024)


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
        "is_loaded",
        "last",
        "memory",
        "number",
        "path",
        "size",
        "written",
    )

    def __init__(
        self, source: str, number: int, *, path: Path | None = None, memory: bytearray | None = None
    ) -> None:
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
        self.is_loaded = False
        """Whether another process wrote it; its file may be longer than what that had come to."""
        self.aside: set[int] = set()
        """Where the entries begin that are neither to be sent nor settled: calls shown as started."""
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
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
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
            content = (
                bytes(content[: form.DONE_AT]) + form.done_word(self.done) + self.memory[form.FIRST_AT :]
            )
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

    def note(self) -> None:
        """Write down in the file up to where it is settled, for whoever reads it after us."""
        if self.memory is None:
            os.pwrite(self.descriptor, form.done_word(self.done), form.DONE_AT)

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


def load(source: str, path: Path) -> Segment | None:
    """A segment that another process wrote; none when a later version did, which is said."""
    number = int(path.stem) if path.stem.isdigit() else 0
    segment = Segment(source, number, path=path)
    segment.is_loaded = True
    size = path.stat().st_size
    segment.size = segment.written = max(size, form.FIRST_AT)
    try:
        segment.done, segment.before = form.read_opening(segment.read(0, form.FIRST_AT), size)
    except form.UnknownVersionError as error:
        message = "log10_trace: %s was written by a later version (format %s) and is left alone"
        say_once_a_minute(message, path, error)
        return None
    finally:
        segment.close()  # opened again when it is read: there may be hundreds
    return segment
