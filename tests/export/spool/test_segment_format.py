"""The format of a segment: every byte of it is read back as what it was, or told as what was lost."""

from __future__ import annotations

import re
import struct
from itertools import accumulate
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from log10_trace.export.spool import segment_format as form
from log10_trace.export.spool.segment_format import CorruptRange, Entry, UnusedTail

SOURCE = "0123456789abcdef0123456789abcdef"
SALT = form.salt_of(SOURCE, 1)

Found = Entry | CorruptRange | UnusedTail

payloads = st.lists(st.binary(max_size=60), min_size=1, max_size=6)


def segment(entries: list[bytes]) -> bytes:
    """A segment with these payloads, sequences 1, 2, 3, ..."""
    whole = form.encode_header(SOURCE, 1, 0)
    for sequence, payload in enumerate(entries, 1):
        head, length = form.encode_entry_header(SALT, form.RECORD, sequence, [payload])
        assert length == len(head) + len(payload)
        whole += head + payload
    return whole


def walk(data: bytes, start: int = form.FIRST_ENTRY_OFFSET, before: int | None = 0) -> list[Found]:
    return list(form.scan(lambda at, length: data[at : at + length], start, len(data), SALT, before))


def entries(found: list[Found]) -> list[tuple[int, bytes]]:
    return [(each.sequence, each.payload) for each in found if isinstance(each, Entry)]


def damages(found: list[Found]) -> list[CorruptRange]:
    return [each for each in found if isinstance(each, CorruptRange)]


@given(payloads)
def test_what_was_written_is_read_back(written: list[bytes]) -> None:
    """Entries come back in order, whole, with their sequences."""
    assert entries(walk(segment(written))) == list(enumerate(written, 1))


SIZES = st.sampled_from([0, 1, 9_000, 16_000, 16_384, 16_385, 40_000, 65_508, 65_536, 70_000])


@settings(max_examples=40)
@given(st.lists(SIZES, min_size=1, max_size=12), st.integers(0, 80_000))
def test_entries_of_every_size_are_read_back(sizes: list[int], cut: int) -> None:
    """Whether they stand in what is read at a time, reach beyond it, or are cut off at the end."""
    written = [bytes([number]) * size for number, size in enumerate(sizes, 1)]
    whole = segment(written)
    data = whole[: max(form.FIRST_ENTRY_OFFSET, len(whole) - cut)]

    found = walk(data)

    ends = [*accumulate((form.HEAD_SIZE + size for size in sizes), initial=form.FIRST_ENTRY_OFFSET)]
    fit = sum(end <= len(data) for end in ends[1:])
    assert entries(found) == list(enumerate(written[:fit], 1))
    assert [each.torn for each in damages(found)] == [True] * (len(data) > ends[fit])


@given(payloads, st.data())
def test_a_cut_costs_at_most_what_lies_behind_it(written: list[bytes], data: st.DataObject) -> None:
    """Of a segment that was cut anywhere, every entry that is whole comes back."""
    whole = segment(written)
    cut = data.draw(st.integers(form.FIRST_ENTRY_OFFSET, len(whole)))

    found = walk(whole[:cut])

    ends = [each.end for each in walk(whole)]
    assert entries(found) == list(enumerate(written, 1))[: sum(end <= cut for end in ends)]
    assert len(damages(found)) == (cut not in (form.FIRST_ENTRY_OFFSET, *ends))
    assert all(each.torn for each in damages(found))


@settings(max_examples=300)
@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=5), st.data())
def test_a_flipped_bit_costs_one_record(written: list[bytes], data: st.DataObject) -> None:
    """Whatever bit of whatever entry flips, that record is lost, told by its sequence, and no other."""
    whole = bytearray(segment(written))
    bit = data.draw(st.integers(form.FIRST_ENTRY_OFFSET * 8, len(whole) * 8 - 1))
    hit = next(i for i, each in enumerate(walk(bytes(whole)), 1) if each.end * 8 > bit)
    whole[bit // 8] ^= 1 << bit % 8

    found = walk(bytes(whole))

    assert entries(found) == [(i, payload) for i, payload in enumerate(written, 1) if i != hit]
    assert [(each.first, each.last, each.count) for each in damages(found)] == [(hit, hit, 1)]


@given(payloads, st.integers(0, 200))
def test_room_that_was_not_written_to_is_no_damage(written: list[bytes], room: int) -> None:
    """A file that is longer than what was written, as a recycled one is, gives back just that."""
    found = walk(segment(written) + bytes(room))

    assert entries(found) == list(enumerate(written, 1))
    assert damages(found) == []


@given(payloads, payloads)
def test_a_hole_in_the_middle_is_damage(before: list[bytes], after: list[bytes]) -> None:
    """Zeros with an entry behind them are no end: what stood there is told as lost, the rest comes back."""
    whole = segment([*before, b"lost", *after])
    hit = walk(whole)[len(before)]
    whole = whole[: hit.start] + bytes(hit.end - hit.start) + whole[hit.end :]

    found = walk(whole)

    assert [payload for _, payload in entries(found)] == [*before, *after]
    assert [(each.first, each.last) for each in damages(found)] == [(len(before) + 1,) * 2]


@given(st.binary(max_size=300))
def test_any_bytes_are_accounted_for_once(noise: bytes) -> None:
    """Whatever stands in a segment, what comes out covers every byte of it exactly once."""
    data = form.encode_header(SOURCE, 1, 0) + noise

    at = form.FIRST_ENTRY_OFFSET
    for each in walk(data):
        assert each.start == at
        at = each.end
    assert at == len(data)


def test_an_entry_of_another_segment_is_no_entry() -> None:
    """A prompt that holds the bytes of a spool cannot pass for a record."""
    head, _ = form.encode_entry_header(form.salt_of(SOURCE, 2), form.RECORD, 9, [b"forged"])

    found = walk(form.encode_header(SOURCE, 1, 0) + head + b"forged")

    assert entries(found) == []


def test_an_entry_larger_than_the_window_is_read_whole() -> None:
    """Entries may be larger than what is read at a time."""
    large = [b"a" * 10, b"b" * (3 * 1024 * 1024), b"c" * 10]

    assert entries(walk(segment(large))) == list(enumerate(large, 1))


@pytest.mark.parametrize(("before", "lost"), [(4, 5), (None, 0)])
def test_a_damaged_last_entry_is_named_where_that_is_known(before: int | None, lost: int) -> None:
    """Damage at the end of a segment is the sequence after the last one known."""
    data = form.encode_header(SOURCE, 1, 4) + b"?" * 50

    assert [each.first for each in damages(walk(data, before=before))] == [lost]


def test_the_header_tells_how_far_it_was_delivered_and_what_came_before() -> None:
    """A fresh segment begins after the sequence in its header; a delivered part is noted with a checksum."""
    fresh = form.encode_header(SOURCE, 1, 41)
    noted = fresh[: form.DONE_CRC_AT] + form.encode_checkpoint(60)

    assert form.decode_header(noted) == form.Header(SOURCE, 1, 41)
    assert form.decode_checkpoint(fresh) == (form.FIRST_ENTRY_OFFSET, True)
    assert form.decode_checkpoint(noted) == (60, True)


@pytest.mark.parametrize("data", [b"", b"x" * 10, b"x" * form.FIRST_ENTRY_OFFSET])
def test_a_header_that_cannot_be_read_is_none(data: bytes) -> None:
    """A header that is cut short or damaged says nothing."""
    assert form.decode_header(data) is None


@given(st.integers(form.DONE_CRC_AT * 8, form.FIRST_ENTRY_OFFSET * 8 - 1))
def test_a_done_word_that_was_changed_is_told(bit: int) -> None:
    """No flipped bit makes a segment look delivered further than it was."""
    noted = bytearray(form.encode_header(SOURCE, 1, 0)[: form.DONE_CRC_AT] + form.encode_checkpoint(1000))
    noted[bit // 8] ^= 1 << bit % 8

    assert form.decode_checkpoint(bytes(noted))[1] is False


def test_a_done_word_of_version_0_1_0_has_no_checksum() -> None:
    """Files that were written before the checksum was are told apart from damaged ones."""
    old = form.encode_header(SOURCE, 1, 0)[: form.DONE_CRC_AT] + bytes(4) + (60).to_bytes(8, "little")

    assert form.decode_checkpoint(old) == (60, None)


def test_an_entry_boundary_is_told_from_any_other_offset() -> None:
    """Without a checksum, a done word counts only where an entry begins that is still there."""
    whole = segment([b"one", b"two", b"three"])
    starts = [each.start for each in walk(whole)]

    found = [
        at
        for at in range(form.FIRST_ENTRY_OFFSET, len(whole) + 1)
        if form.is_boundary(lambda start, length: whole[start : start + length], at, len(whole), SALT)
    ]

    assert found == starts


def test_a_later_version_is_left_alone() -> None:
    """A segment of a format to come is not taken for damaged."""
    head = bytearray(form.encode_header(SOURCE, 1, 0)[:44])
    struct.pack_into("<H", head, 8, 2)
    struct.pack_into("<I", head, 40, crc32(head[:40]))

    with pytest.raises(form.UnknownVersionError):
        form.decode_header(bytes(head))


@given(payloads, st.data())
def test_a_cut_in_a_file_that_was_written_before_is_torn(written: list[bytes], data: st.DataObject) -> None:
    """A process that died in the middle of a write leaves zeros behind the cut: that is no damage."""
    whole = segment([each + b"." for each in written])
    cut = data.draw(st.integers(form.FIRST_ENTRY_OFFSET, len(whole) - 1))

    found = walk(whole[:cut].ljust(len(whole) + 100, b"\0"))

    ends = [each.end for each in walk(whole)]
    assert len(entries(found)) == sum(end <= cut for end in ends)
    assert all(each.torn for each in damages(found))


def test_a_file_that_is_shorter_than_what_was_taken_is_read_to_its_end() -> None:
    """A place that was taken and never written to is one entry that is torn, and not for ever the next."""
    whole = segment([b"first"])
    found = form.scan(
        lambda at, length: whole[at : at + length],
        form.FIRST_ENTRY_OFFSET, len(whole) + 50, SALT, 0, may_be_blank=False,
    )  # fmt: skip

    kept, torn = found
    assert (kept.start, torn) == (
        form.FIRST_ENTRY_OFFSET,
        CorruptRange(len(whole), len(whole) + 50, 2, 2, torn=True),
    )


def _table(title: str, until: str) -> list[tuple[str, int, int | None]]:
    """Name, offset and size of the fields under ``title`` in the table of the module's docstring."""
    text = (form.__doc__ or "").partition(f"\n{title}")[2].partition(until)[0]
    rows = re.findall(r"^(\w[\w ]*?) +(\d+) +(\d+|\*)  ", text, re.MULTILINE)
    return [(name, int(offset), None if size == "*" else int(size)) for name, offset, size in rows]


def test_the_table_of_bytes_covers_header_and_entry() -> None:
    """Each field begins where the one before it ends, and the last one ends where the code says."""
    for title, until, size in (
        ("header\n", "\nentry", form.FIRST_ENTRY_OFFSET),
        ("entry,", "\n===", form.HEAD_SIZE),
    ):
        at = 0
        for _name, offset, length in _table(title, until):
            assert offset == at
            at += length or 0
        assert at == size


def test_a_segment_is_read_by_the_table_alone() -> None:
    """What the table says of each field is what is written."""
    data = form.encode_header(SOURCE, 1, 6)
    head, _ = form.encode_entry_header(SALT, form.RECORD, 7, [b"payload"])
    fields = {name: data[at : at + (size or 0)] for name, at, size in _table("header\n", "\nentry")}
    entry = {name: head[at : at + (size or 0)] for name, at, size in _table("entry,", "\n===")}

    def number(raw: bytes) -> int:
        return int.from_bytes(raw, "little")

    assert (fields["magic"], number(fields["version"]), number(fields["flags"])) == (b"LOG10SPL", 1, 0)
    assert (number(fields["number"]), fields["source"].hex(), number(fields["before"])) == (1, SOURCE, 6)
    assert number(fields["crc"]) == crc32(data[:40])
    assert (number(fields["done"]), number(fields["done crc"])) == (56, crc32(fields["done"]))
    assert (entry["magic"], number(entry["kind"]), entry["padding"]) == (b"\xf1L0\x1e", 1, bytes(3))
    assert (number(entry["length"]), number(entry["sequence"])) == (7, 7)
    assert number(entry["crc"]) == crc32(b"payload")
    assert number(entry["head crc"]) == crc32(head[:24], crc32(f"{SOURCE}/1".encode()))
