"""The format of a segment file: pure functions between entries and bytes, without disk and clock.

A segment is a header and then entries, one after the other. All numbers are little-endian and unsigned.

========  ======  ====  ===================================================================================
field     offset  size  meaning
========  ======  ====  ===================================================================================
header
magic          0     8  ``LOG10SPL``
version        8     2  version of this format, 1; a file of a later version is left alone
flags         10     2  zero
number        12     4  number of the segment within its source, from 1
source        16    16  id of the process that wrote it, as bytes
before        32     8  sequence of the last record before this segment, 0 without one
crc           40     4  CRC-32 of bytes 0 to 39
done crc      44     4  CRC-32 of the next field; zero in a file of version 0.1.0, which wrote none
done          48     8  checkpoint: offset up to which the segment was delivered, 56 in a new one; no
                        field changes but this one and its CRC
entry, the first at offset 56; offsets from its start
magic          0     4  ``F1 4C 30 1E``
kind           4     1  1 record, 2 completed, 3 started; an entry of another kind is left alone
padding        5     3  zero
length         8     4  bytes of the payload
sequence      12     8  sequence of the record within its source; 0 for a started record
crc           20     4  CRC-32 of the payload
head crc      24     4  CRC-32 of bytes 0 to 23, begun with the salt: CRC-32 of ``<source>/<number>``, the
                        source in 32 lowercase hexadecimal digits, the number in decimal
payload       28     *  the call, see ``record.call_codec``
========  ======  ====  ===================================================================================

The head has a checksum of its own, so that a damaged entry costs itself and no other; the salt keeps bytes of
another segment from passing for an entry. Zeros from the end of an entry up to the end of the file are room
that was not written to yet: the file of a delivered segment is zeroed and written to again.

Why CRC-32 (per byte of 128 KiB and milliseconds a MiB; Python 3.11.7, zlib 1.2.13, x86-64): of what the
standard library has, only Adler-32 is as fast, and it finds less.

==========  ============  ====  ============================================================================
checksum    instructions  ms    errors that it finds
==========  ============  ====  ============================================================================
CRC-32               3.9  0.54  any burst of up to 32 bits; any two bits that are wrong, and up to 11 KB any
                                three; of all others all but one in 4,294,967,296
Adler-32             3.6  0.44  any byte that is wrong; of others in less than some hundred bytes far fewer
                                than CRC-32, because its sums do not come to fill their 32 bits
BLAKE2b             13.7  1.87  all, those that somebody made on purpose as well, which is not asked here
==========  ============  ====  ============================================================================
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
COMPLETED: Final = 2
"""A call that has ended and was shown as started before."""
STARTED: Final = 3
"""A call that takes long: to be shown as started, and to be settled should its process die."""
KINDS: Final = frozenset((RECORD, COMPLETED, STARTED))
"""An entry of another kind was written by a later version."""

_FILE_MAGIC: Final = b"LOG10SPL"
_FILE_HEAD: Final = struct.Struct("<8sHHI16sQI")
_DONE: Final = struct.Struct("<IQ")
DONE_CRC_AT: Final = 44
"""Where in the file the checksum of the done word stands, and behind it the word."""
CHECKPOINT_OFFSET: Final = 48
"""Where in the file the word stands that says up to where it has been delivered."""
FIRST_ENTRY_OFFSET: Final = 56
"""Where the first entry begins."""

_MAGIC: Final = b"\xf1L0\x1e"
_HEAD: Final = struct.Struct("<4sB3xIQI")
_HEAD_CRC: Final = struct.Struct("<I")
HEAD_SIZE: Final = _HEAD.size + _HEAD_CRC.size
_WINDOW: Final = 64 * 1024
"""Bytes that are read at a time: more are no quicker, and are room that is taken anew each time."""
_DIRECT: Final = _WINDOW // 4
"""A payload of so many bytes that reaches beyond the window is read by itself instead of copied from one."""
_STEP: Final = 64 * 1024


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
class CorruptRange:
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
class UnusedTail:
    """The rest of a segment, where nothing but zeros stands: nothing was written there yet."""

    start: int
    end: int


class UnknownVersionError(ValueError):
    """A segment was written by a later version of log10_trace; it is left alone."""


@dataclass(frozen=True, slots=True)
class Header:
    """What the header of a segment says and never changes."""

    source: str
    number: int
    before: int
    """The sequence of the last record before the segment."""


def encode_header(source: str, number: int, before: int) -> bytes:
    """The header of a new segment of ``source``, whose records follow the one with sequence ``before``."""
    head = _FILE_HEAD.pack(_FILE_MAGIC, VERSION, 0, number, bytes.fromhex(source), before, 0)
    head = head[:-4] + _HEAD_CRC.pack(crc32(head[:-4]))
    return head + encode_checkpoint(FIRST_ENTRY_OFFSET)


def encode_checkpoint(offset: int) -> bytes:
    """What stands from ``DONE_CRC_AT`` on when everything before ``offset`` has been delivered."""
    return _DONE.pack(crc32(offset.to_bytes(8, "little")), offset)


def decode_header(data: bytes) -> Header | None:
    """The header of the segment that begins with ``data``; None when it is damaged or cut short.

    Raises:
        UnknownVersionError: the header is whole and of a later version.
    """
    if len(data) < _FILE_HEAD.size:
        return None
    magic, version, _, number, source, before, check = _FILE_HEAD.unpack_from(data)
    # Before the version: one that is damaged would pass for a later version.
    if magic != _FILE_MAGIC or check != crc32(data[: _FILE_HEAD.size - 4]):
        return None
    if version > VERSION:
        raise UnknownVersionError(version)
    return Header(source.hex(), number, before)


def decode_checkpoint(data: bytes) -> tuple[int, bool | None]:
    """The done word of the segment that begins with ``data``; whether its checksum fits, None without one."""
    if len(data) < FIRST_ENTRY_OFFSET:
        return FIRST_ENTRY_OFFSET, False
    check, done = _DONE.unpack_from(data, DONE_CRC_AT)
    return done, (check == crc32(data[CHECKPOINT_OFFSET:FIRST_ENTRY_OFFSET])) if check else None


def may_begin_segment(data: bytes) -> bool:
    """Whether a file that begins with ``data`` is a segment, whole or cut short, or was to become one."""
    begun = data[: len(_FILE_MAGIC)]
    return _FILE_MAGIC.startswith(begun) or not any(begun)


def salt_of(source: str, number: int) -> int:
    """What the heads' checksums of a segment begin with: bytes of another segment never pass for an entry."""
    return crc32(f"{source}/{number}".encode())


def encode_entry_header(salt: int, kind: int, sequence: int, parts: Sequence[bytes]) -> tuple[bytes, int]:
    """The head that goes before ``parts``, and the length of the whole entry in bytes."""
    first, *rest = parts
    check, length = _checks.get(first), len(first)
    if check is None:
        check = _check_first(first, is_kept=bool(rest) and length <= _MAX_CHECKED_BYTES)
    # Not joined: the parts of a large record would be copied for a checksum.
    for part in rest:
        check = crc32(part, check)
        length += len(part)
    head = _HEAD.pack(_MAGIC, kind, length, sequence, check)
    # A checksum of its own for the head: a damaged payload then still has a length, and the next entry is
    # found.
    return head + _HEAD_CRC.pack(crc32(head, salt)), HEAD_SIZE + length


_checks: Final[dict[bytes, int]] = {}
"""Checksums of parts that entries began with: many begin with the same object, whose hash is known."""
_MAX_CHECKS: Final = 256
_MAX_CHECKED_BYTES: Final = 64 * 1024
"""Of a longer part the checksum is not kept, for the part would be kept with it."""


def _check_first(first: bytes, *, is_kept: bool) -> int:
    check = crc32(first)
    if is_kept:
        if len(_checks) >= _MAX_CHECKS:
            _checks.clear()
        _checks[first] = check
    return check


Read = Callable[[int, int], bytes]
"""``read(offset, length)``: that many bytes of a segment, fewer at its end."""


def first_sequence(data: bytes, salt: int) -> int:
    """The sequence of the first entry of the segment that begins with ``data``; 0 when it is not known."""
    head = _head(data, FIRST_ENTRY_OFFSET, salt)
    return head[2] if head is not None else 0


def is_boundary(read: Read, offset: int, size: int, salt: int) -> bool:
    """Whether an entry that waits begins at ``offset``, as far as the heads from the first one on tell.

    At the very end of a segment, only if its entries are not there any more: it was delivered and being
    overwritten with zeros.
    """
    if offset == size:
        return not any(read(FIRST_ENTRY_OFFSET, HEAD_SIZE))
    at = FIRST_ENTRY_OFFSET
    while at < offset and (head := _head(read(at, HEAD_SIZE), 0, salt)) is not None:
        at += HEAD_SIZE + head[1]
    return at == offset


def scan(
    read: Read,
    start: int,
    size: int,
    salt: int,
    before: int | None,
    *,
    may_be_blank: bool = True,
    is_checked: bool = True,
) -> Iterator[Entry | CorruptRange | UnusedTail]:
    """Everything between ``start``, where an entry begins, and ``size``, in order.

    ``before`` is the sequence of the last record before ``start``, where it is known: it helps to tell what a
    damaged entry was. Unless its end ``may_be_blank``, zeros there are an entry that was never written. With
    ``is_checked`` the checksums of the payloads are compared; those of the heads always are. Every byte of
    the stretch belongs to exactly one of what comes out.
    """
    at, base, window = start, start, b""
    while at < size:
        if at + HEAD_SIZE > base + len(window):
            base, window = at, read(at, min(_WINDOW, size - at))
        head = _head(window, at - base, salt)
        if head is None:
            if may_be_blank and is_blank(read, at, size):
                yield UnusedTail(at, size)
                return
            damage = _find_corrupt_range(read, at, size, salt, before)
            yield damage
            at = damage.end
            continue
        kind, length, sequence, check = head
        end = at + HEAD_SIZE + length
        is_beyond = end > base + len(window)
        if is_beyond and length > _DIRECT:
            payload = read(at + HEAD_SIZE, min(length, size - at - HEAD_SIZE))
        else:
            if is_beyond:
                base, window = at, read(at, min(_WINDOW, size - at))
            payload = window[at - base + HEAD_SIZE : end - base]
        if len(payload) < length:
            yield CorruptRange(at, size, sequence, sequence, torn=True)
            return
        if not is_checked or crc32(payload) == check:
            yield Entry(kind, sequence, payload, at, end)
        else:
            # Zeros from here on: it was being written, to a file that had been written to before.
            torn = payload.endswith(b"\0") and is_blank(read, end, size)
            yield CorruptRange(at, end, sequence, sequence, torn=torn)
        # A started entry has no sequence.
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


def is_blank(read: Read, start: int, size: int) -> bool:
    """Whether nothing but zeros stands from ``start`` to ``size``."""
    return not any(read(at, min(_STEP, size - at)).strip(b"\0") for at in range(start, size, _STEP))


def _find_corrupt_range(read: Read, start: int, size: int, salt: int, before: int | None) -> CorruptRange:
    """The stretch from a head that cannot be read, at ``start``, to the next one that can, or to ``size``."""
    # In steps that overlap by a head: a segment may be damaged in many places, and its file of any size.
    for base in range(start + 1, size, _STEP):
        window = read(base, min(_STEP + HEAD_SIZE, size - base))
        at = window.find(_MAGIC)
        while at >= 0:
            head = _head(window, at, salt)
            if head is not None:
                return _corrupt_range_between(start, base + at, before, head[2])
            at = window.find(_MAGIC, at + 1)
    lost = 0 if before is None else before + 1
    return CorruptRange(start, size, lost, lost, torn=True)


def _corrupt_range_between(start: int, end: int, before: int | None, after: int) -> CorruptRange:
    """What was lost between two sequences; without one of them, the one record that stood there."""
    if not after:
        return (
            CorruptRange(start, end) if before is None else CorruptRange(start, end, before + 1, before + 1)
        )
    first = after - 1 if before is None else before + 1
    return CorruptRange(start, end, first, after - 1) if 0 < first < after else CorruptRange(start, end)
