"""The format of a segment file: pure functions between entries and bytes, no disk and no clock.

A segment is a header and then entries, one after the other. The header names version, source and number, and
holds one word that changes: up to where the segment has been delivered. An entry is a head and its payload;
the head tells kind, length, sequence and the payload's checksum, and has a checksum of its own, so that a
damaged entry costs itself and no other. Zeros up to the end of the file are room that was not written to
yet. All numbers are little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from zlib import crc32

VERSION: Final = 1

RECORD: Final = 1
"""A call that has ended and was never shown as started."""
CONCLUSION: Final = 2
"""A call that has ended and was shown as started before."""
STARTED: Final = 3
"""A call that takes long: to be shown as started, and to be settled should its process die."""

_FILE_MAGIC: Final = b"LOG10SPL"
_FILE_HEAD: Final = struct.Struct("<8sHHI16sQI")
_DONE: Final = struct.Struct("<Q")
DONE_AT: Final = 48
"""Where in the file the word stands that says up to where it has been delivered."""
FIRST_AT: Final = 56
"""Where the first entry begins."""

_MAGIC: Final = b"\xf1L0\x1e"
_HEAD: Final = struct.Struct("<4sB3xIQI")
_HEAD_CRC: Final = struct.Struct("<I")
HEAD_SIZE: Final = _HEAD.size + _HEAD_CRC.size
_WINDOW: Final = 1024 * 1024


@dataclass(slots=True)
class Entry:
    """One entry as it was written, and where it stands in its segment."""

    kind: int
    sequence: int
    """0 for an entry that is not the last word on a call."""
    payload: bytes
    start: int
    end: int


@dataclass(slots=True)
class Damage:
    """A stretch of a segment that cannot be read, and the sequences that were in it as far as can be told."""

    start: int
    end: int
    first: int = 0
    last: int = 0
    torn: bool = False
    """It reaches to the end of the segment: the entry that was being written when the process died."""

    @property
    def count(self) -> int:
        """How many records are lost with it."""
        return self.last - self.first + 1 if self.first else 0


@dataclass(slots=True)
class Blank:
    """The rest of a segment, where nothing but zeros stands: nothing was written there yet."""

    start: int
    end: int


class UnknownVersionError(ValueError):
    """A segment was written by a later version of log10_trace; it is left alone."""


def opening(source: str, number: int, before: int) -> bytes:
    """The header of a new segment of ``source``, whose records follow the one with sequence ``before``."""
    head = _FILE_HEAD.pack(_FILE_MAGIC, VERSION, 0, number, bytes.fromhex(source), before, 0)
    head = head[:-4] + _HEAD_CRC.pack(crc32(head[:-4]))
    return head.ljust(DONE_AT, b"\0") + done_word(FIRST_AT)


def done_word(offset: int) -> bytes:
    """What stands at ``DONE_AT`` when everything before ``offset`` has been delivered."""
    return _DONE.pack(offset)


def read_opening(data: bytes, size: int) -> tuple[int, int | None]:
    """Up to where the segment that begins with ``data`` was delivered, and the sequence before that place.

    A damaged header means: nothing was delivered. A sequence that is not known is None.

    Raises:
        UnknownVersionError: the header is whole and of a later version.
    """
    if len(data) < FIRST_AT:
        return FIRST_AT, None
    magic, version, _, _, _, before, check = _FILE_HEAD.unpack_from(data)
    is_whole = magic == _FILE_MAGIC and check == crc32(data[: _FILE_HEAD.size - 4])
    if is_whole and version > VERSION:
        raise UnknownVersionError(version)
    (done,) = _DONE.unpack_from(data, DONE_AT)
    if not FIRST_AT < done <= size:
        return FIRST_AT, before if is_whole else None
    return done, None


def salt_of(source: str, number: int) -> int:
    """What the heads' checksums of a segment begin with: bytes of another segment never pass for an entry."""
    return crc32(f"{source}/{number}".encode())


def frame(salt: int, kind: int, sequence: int, parts: Sequence[bytes]) -> tuple[bytes, int]:
    """The head that goes before ``parts``, and the length of the whole entry in bytes."""
    check, length = 0, sum(map(len, parts))
    for part in parts:
        check = crc32(part, check)
    head = _HEAD.pack(_MAGIC, kind, length, sequence, check)
    return head + _HEAD_CRC.pack(crc32(head, salt)), HEAD_SIZE + length


Read = Callable[[int, int], bytes]
"""``read(offset, length)``: that many bytes of a segment, fewer at its end."""


def walk(
    read: Read, start: int, size: int, salt: int, before: int | None, *, may_be_blank: bool = True
) -> Iterator[Entry | Damage | Blank]:
    """Everything between ``start``, where an entry begins, and ``size``, in order.

    ``before`` is the sequence of the last record before ``start``, where it is known: it helps to tell what a
    damaged entry was. Unless its end ``may_be_blank``, zeros there are an entry that was never written. Every
    byte of the stretch belongs to exactly one of what comes out.
    """
    at, base, window = start, start, b""
    while at < size:
        if at + HEAD_SIZE > base + len(window):
            base, window = at, read(at, min(_WINDOW, size - at))
        head = _head(window, at - base, salt)
        if head is None:
            rest = read(at, size - at)
            is_blank = may_be_blank and not _is_written(rest)
            found = Blank(at, size) if is_blank else _damage(rest, at, size, salt, before)
            yield found
            at = found.end
            continue
        kind, length, sequence, check = head
        end = at + HEAD_SIZE + length
        if end > base + len(window):
            base, window = at, read(at, min(max(_WINDOW, end - at), size - at))
        payload = window[at - base + HEAD_SIZE : end - base]
        if len(payload) < length:
            yield Damage(at, size, sequence, sequence, torn=True)
            return
        if crc32(payload) == check:
            yield Entry(kind, sequence, payload, at, end)
        else:
            # Zeros from here on: it was being written, to a file that had been written to before.
            torn = payload.endswith(b"\0") and not _is_written(read(end, size - end))
            yield Damage(at, end, sequence, sequence, torn=torn)
        before = sequence or before
        at = end


def _head(window: bytes, at: int, salt: int) -> tuple[int, int, int, int] | None:
    """Kind, length, sequence and checksum of the entry whose head stands at ``at``, if one does."""
    if at + HEAD_SIZE > len(window):
        return None
    magic, kind, length, sequence, check = _HEAD.unpack_from(window, at)
    (own,) = _HEAD_CRC.unpack_from(window, at + _HEAD.size)
    if magic != _MAGIC or own != crc32(window[at : at + _HEAD.size], salt):
        return None
    return kind, length, sequence, check


def _is_written(stretch: bytes) -> bool:
    """Whether anything but zeros stands in it."""
    return bool(stretch.strip(b"\0"))


def _damage(rest: bytes, start: int, size: int, salt: int, before: int | None) -> Damage:
    """The stretch from a head that cannot be read, at ``start``, to the next one that can, or to ``size``."""
    at = rest.find(_MAGIC, 1)
    while at >= 0:
        head = _head(rest, at, salt)
        if head is not None:
            return _gap(start, start + at, before, head[2])
        at = rest.find(_MAGIC, at + 1)
    lost = 0 if before is None else before + 1
    return Damage(start, size, lost, lost, torn=True)


def _gap(start: int, end: int, before: int | None, after: int) -> Damage:
    """What was lost between two sequences; without one of them, the one record that stood there."""
    if not after:
        return Damage(start, end) if before is None else Damage(start, end, before + 1, before + 1)
    first = after - 1 if before is None else before + 1
    return Damage(start, end, first, after - 1) if 0 < first < after else Damage(start, end)
