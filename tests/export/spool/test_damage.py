"""A damaged spool: what is whole is delivered, what is not is counted and named, and nothing raises."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from log10_trace.export.delivery.server_resolver import ServerResolver
from log10_trace.export.spool import regular_file
from log10_trace.export.spool import segment_format as form
from log10_trace.export.spool.backlog import Loss
from log10_trace.export.spool.dead_letters import DeadLetters
from log10_trace.export.spool.destination import Destination
from log10_trace.export.spool.inspection import Problem, find_problems, list_pending
from log10_trace.export.spool.journal import Journal, SizeLimits
from log10_trace.export.spool.loss_log import NAME, LossLog
from log10_trace.export.spool.orphaned_backlog import Orphans
from log10_trace.export.spool.segment import Segment
from log10_trace.export.spool.segment_format import RECORD
from log10_trace.export.spool.spool import LETTERS, Spool, new_source, try_lock
from log10_trace.guard import faults
from log10_trace.record.call_codec import encode
from tests.completions_api import CompletionsAPI
from tests.export.factories import call, config, delivery

NOWHERE: Final = Destination(url="http://127.0.0.1:9", organization_id=None, key=None)
PER_SEGMENT: Final = 3
SEGMENTS: Final = 3
ALL: Final = frozenset(range(1, PER_SEGMENT * SEGMENTS + 1))


def leave_source(root: Path, destination: Destination = NOWHERE) -> Path:
    """The folder of a process that died with three segments of three records each."""
    source_lock = Spool(root).create(new_source(), destination)
    bounds = SizeLimits(disk=2**30, memory=2**20)
    journal = Journal(source_lock.source, source_lock, bounds, threading.RLock(), lambda _: None)
    for sequence in sorted(ALL):
        segment, _, _ = journal.append(RECORD, sequence, encode(call(f"call {sequence}")))
        if sequence % PER_SEGMENT == 0:
            bounds.segment = segment.size
    journal.detach_after_fork()
    return source_lock.folder


def recover(root: Path) -> tuple[list[int], list[Loss]]:
    """Adopt and settle everything in the spool; the sequences that were read, and what was lost."""
    losses: list[Loss] = []
    read: list[int] = []
    orphans = Orphans(losses.append)
    orphans.claim_from(Spool(root).lock_orphans(lambda _: True))
    while items := orphans.read(4, 10**6):
        for item in items:
            record = json.loads(orphans.serialize(item).body)
            assert record["sequence"] == item.entry.sequence
            assert record["request"]["messages"][0]["content"] == f"call {item.entry.sequence}"
        read += [item.entry.sequence for item in items]
        orphans.on_delivered(items)
        orphans.release()
    assert not orphans
    return read, losses


def lost_sequences(losses: list[Loss]) -> set[int]:
    return {each for loss in losses if loss.first for each in range(loss.first, loss.last + 1)}


def found_problems(root: Path) -> list[Problem]:
    return find_problems(Spool(root), list_pending(Spool(root)))


class Stored:
    """One left-over spool, made once and copied for every example."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp())
        self.folder = leave_source(self.root)

    def copy(self, to: Path) -> Path:
        """The source's folder in a spool of its own."""
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(self.root, to)
        return to / self.folder.name


@pytest.fixture(scope="module")
def stored() -> Iterator[Stored]:
    made = Stored()
    yield made
    shutil.rmtree(made.root)


def entries_of(path: Path) -> list[form.Entry]:
    data = path.read_bytes()
    header = form.decode_header(data)
    assert header is not None
    salt = form.salt_of(header.source, header.number)
    walked = form.scan(
        lambda at, length: data[at : at + length], form.FIRST_ENTRY_OFFSET, len(data), salt, None
    )
    return [each for each in walked if isinstance(each, form.Entry)]


any_example = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@any_example
@given(number=st.integers(1, SEGMENTS), data=st.data())
def test_a_segment_cut_at_any_byte_costs_what_lies_behind_the_cut(
    stored: Stored, tmp_path: Path, number: int, data: st.DataObject
) -> None:
    """Every whole entry is delivered; what is missing is told, by its sequence where that is known."""
    folder = stored.copy(tmp_path / "spool")
    path = folder / f"{number:06}.seg"
    entries = entries_of(path)
    size = data.draw(st.integers(0, path.stat().st_size - 1))
    # The last file, cut exactly between two records, cannot be told from one that ends there.
    assume(number < SEGMENTS or size not in {each.end for each in entries})
    os.truncate(path, size)
    gone = {each.sequence for each in entries if each.end > size}

    read, losses = recover(tmp_path / "spool")

    assert sorted(read) == sorted(ALL - gone)
    assert losses
    assert not lost_sequences(losses) - gone
    if number < SEGMENTS and size >= form.FIRST_ENTRY_OFFSET:
        assert lost_sequences(losses) == gone
    assert not folder.exists()


@any_example
@given(number=st.integers(1, SEGMENTS), data=st.data())
def test_any_byte_flipped_costs_at_most_its_own_entry(
    stored: Stored, tmp_path: Path, number: int, data: st.DataObject
) -> None:
    """Whatever byte of whatever segment changes, every other record is delivered, and this one is told."""
    folder = stored.copy(tmp_path / "spool")
    path = folder / f"{number:06}.seg"
    entries = entries_of(path)
    whole = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(whole)
    hit = {each.sequence for each in entries if each.start <= at < each.end}
    counted = faults.counts().get("reading the spool", 0)

    read, losses = recover(tmp_path / "spool")

    assert sorted(read) in (sorted(ALL - hit), sorted(ALL))
    assert lost_sequences(losses) == (ALL - set(read))
    if not hit and not path.exists() and at not in range(10, 12):
        assert faults.counts()["reading the spool"] > counted, "a damaged header is counted"


def flip_first_byte(path: Path) -> None:
    if path.is_file():
        path.write_bytes(b"?" + path.read_bytes()[1:])


def remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def replaced(make: Callable[[Path], Any]) -> Callable[[Path], Any]:
    """Put something else in a file's place."""

    def replace(path: Path) -> None:
        remove(path)
        make(path)

    return replace


ACTS: Final[list[Callable[[Path], Any]]] = [
    remove,
    flip_first_byte,
    lambda path: os.truncate(path, path.stat().st_size // 2),
    lambda path: os.truncate(path, path.stat().st_size + 5000),
    lambda path: path.rename(path.with_name("000009.seg")),
    lambda path: path.rename(path.with_name("about.json")),
    lambda path: path.rename(path.with_name("notes.txt")),
    replaced(Path.mkdir),
    replaced(os.mkfifo),
    replaced(lambda path: path.symlink_to("/etc/hostname")),
    replaced(lambda path: path.write_bytes(b"x" * 100)),
]


@any_example
@given(acts=st.lists(st.tuples(st.integers(0, 9), st.sampled_from(ACTS)), max_size=6))
def test_whatever_is_done_to_a_folder_costs_no_other(
    stored: Stored, tmp_path: Path, acts: list[tuple[int, Callable[[Path], Any]]]
) -> None:
    """Any accidents in a folder: nothing raises, what is read is whole, its neighbour is delivered."""
    folder = stored.copy(tmp_path / "spool")
    neighbour = leave_source(tmp_path / "spool")
    for at, act in acts:
        paths = sorted(folder.iterdir())
        if paths:
            with contextlib.suppress(OSError):
                act(paths[at % len(paths)])

    found_problems(tmp_path / "spool")
    read, losses = recover(tmp_path / "spool")
    found_problems(tmp_path / "spool")

    assert not neighbour.exists()
    assert set(read) == ALL
    assert max(read.count(sequence) for sequence in ALL) <= 2
    assert all(loss.source == folder.name for loss in losses)


@any_example
@given(noise=st.binary(max_size=200), keep=st.integers(0, 200))
def test_any_bytes_in_place_of_a_segment_cost_that_segment_alone(
    stored: Stored, tmp_path: Path, noise: bytes, keep: int
) -> None:
    """A file of noise is told as damaged, or left alone when it never was a segment."""
    folder = stored.copy(tmp_path / "spool")
    path = folder / "000002.seg"
    path.write_bytes(path.read_bytes()[:keep] + noise)

    read, losses = recover(tmp_path / "spool")

    assert set(read) >= ALL - {4, 5, 6}
    assert losses or found_problems(tmp_path / "spool")


@pytest.mark.parametrize("size", [0, 1, 7, 8, 20, 43, 44, 48, 55, 56])
@pytest.mark.parametrize("number", range(1, SEGMENTS + 1))
def test_a_segment_that_is_cut_in_its_header_is_named_and_counted(
    tmp_path: Path, number: int, size: int
) -> None:
    """A file of 0 to 56 bytes: named while it is there, counted as a loss, and its neighbours delivered."""
    folder = leave_source(tmp_path)
    path = folder / f"{number:06}.seg"
    os.truncate(path, size)

    (problem,) = found_problems(tmp_path)
    read, losses = recover(tmp_path)

    assert (problem.path, problem.what) == (path, f"is truncated to {size} bytes")
    assert sorted(read) == sorted(ALL - set(range(3 * number - 2, 3 * number + 1)))
    assert len(losses) == 1
    assert not folder.exists()


@pytest.mark.parametrize("number", [1, 2])
def test_a_segment_cut_in_its_header_tells_which_records_are_gone(tmp_path: Path, number: int) -> None:
    """Where the header and the next segment say what stood in between, the loss names the sequences."""
    folder = leave_source(tmp_path)
    os.truncate(folder / f"{number:06}.seg", 44)

    _, losses = recover(tmp_path)

    assert [(each.reason, each.first, each.last) for each in losses] == [
        ("damaged", 3 * number - 2, 3 * number)
    ]


@pytest.mark.parametrize(
    ("number", "told"), [(1, ("damaged", 1, 3, 3)), (2, ("damaged", 0, 0, 0)), (3, ("torn", 0, 0, 0))]
)
def test_a_segment_of_nothing_but_zeros_is_told(
    tmp_path: Path, number: int, told: tuple[str, int, int, int]
) -> None:
    """A file that has its length and lost its content, as after a loss of power, is no empty segment."""
    folder = leave_source(tmp_path)
    path = folder / f"{number:06}.seg"
    path.write_bytes(bytes(path.stat().st_size))

    (problem,) = found_problems(tmp_path)
    read, losses = recover(tmp_path)

    assert (problem.path, problem.what) == (path, "holds nothing but zeros")
    assert [(each.reason, each.first, each.last, each.count) for each in losses] == [told]
    assert len(read) == len(ALL) - PER_SEGMENT


def test_zeros_at_the_end_of_a_segment_are_told_where_the_next_one_shows_them(tmp_path: Path) -> None:
    """The last entries of a file that were never written to the disk are missing, and no free room."""
    folder = leave_source(tmp_path)
    path = folder / "000002.seg"
    second = entries_of(path)[1]
    path.write_bytes(path.read_bytes()[: second.start].ljust(path.stat().st_size, b"\0"))

    read, losses = recover(tmp_path)

    assert sorted(read) == sorted(ALL - {5, 6})
    assert lost_sequences(losses) == {5, 6}


DONE_WORDS: Final = {
    "at the end": lambda size: size,
    "over the end": lambda size: size + 1,
    "far over the end": lambda _: 2**63,
    "largest": lambda _: 2**64 - 1,
    "zero": lambda _: 0,
    "in the header": lambda _: 20,
    "in the middle of an entry": lambda _: 70,
}


@pytest.mark.parametrize("with_checksum", [True, False], ids=["today's file", "file of 0.1.0"])
@pytest.mark.parametrize("word", DONE_WORDS.values(), ids=DONE_WORDS)
def test_a_done_word_that_is_wrong_costs_no_record(
    tmp_path: Path, word: Callable[[int], int], with_checksum: bool
) -> None:
    """A segment that has a damaged delivery offset is delivered whole, and named."""
    folder = leave_source(tmp_path)
    path = folder / "000002.seg"
    data = bytearray(path.read_bytes())
    if not with_checksum:
        data[form.DONE_CRC_AT : form.CHECKPOINT_OFFSET] = bytes(4)
    data[form.CHECKPOINT_OFFSET : form.FIRST_ENTRY_OFFSET] = word(len(data)).to_bytes(8, "little")
    path.write_bytes(data)

    (problem,) = found_problems(tmp_path)
    read, _ = recover(tmp_path)

    assert (problem.path, problem.what) == (path, "has a damaged delivery offset")
    assert sorted(read) == sorted(ALL)


def test_a_segment_shorter_than_what_was_delivered_of_it_is_told(tmp_path: Path) -> None:
    """A file that ends before its done word has lost what stood behind it, if anything did."""
    folder = leave_source(tmp_path)
    path = folder / "000003.seg"
    data = path.read_bytes()
    second = entries_of(path)[1]
    noted = (
        data[: form.DONE_CRC_AT]
        + form.encode_checkpoint(second.end)
        + data[form.FIRST_ENTRY_OFFSET : second.start]
    )
    path.write_bytes(noted)

    read, losses = recover(tmp_path)

    assert sorted(read) == [1, 2, 3, 4, 5, 6]
    assert [(each.reason, each.count) for each in losses] == [("torn", 0)]


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    os.mknod(path, stat.S_IFSOCK | 0o600)  # to bind one takes a short path


FOREIGN: Final[dict[str, Callable[[Path], Any]]] = {
    "is a folder": Path.mkdir,
    "is a symbolic link": lambda path: path.symlink_to("/etc/hostname"),
    "is a pipe": make_fifo,
    "is a socket": make_socket,
    "is not a segment": lambda path: path.write_text("these are my own notes\n" * 10),
}
foreign: Final[Any] = pytest.mark.parametrize(("what", "make"), FOREIGN.items(), ids=FOREIGN)


@foreign
@pytest.mark.parametrize("name", ["000000.seg", "000002 (copy).seg", "notes.seg"])
def test_what_is_named_like_a_segment_and_is_none_is_left_alone(
    tmp_path: Path, what: str, make: Callable[[Path], Any], name: str
) -> None:
    """It is named, it stays, and everything beside it is delivered."""
    folder, neighbour = leave_source(tmp_path), leave_source(tmp_path)
    make(folder / name)
    counted = faults.counts().get("reading the spool", 0)

    read, losses = recover(tmp_path)

    assert sorted(read) == sorted([*ALL, *ALL])
    assert losses == []
    assert [each.name for each in folder.glob("*.seg")] == [name]
    assert not neighbour.exists()
    assert faults.counts()["reading the spool"] == counted + 1
    assert [(each.path, each.what) for each in found_problems(tmp_path)] == [(folder / name, what)]


def test_a_link_that_leads_nowhere_is_left_alone(tmp_path: Path) -> None:
    """A dangling link named like a segment is named like any other."""
    folder = leave_source(tmp_path)
    (folder / "000007.seg").symlink_to(tmp_path / "gone")

    read, _ = recover(tmp_path)

    assert sorted(read) == sorted(ALL)
    assert [each.what for each in found_problems(tmp_path)] == ["is a symbolic link"]


def test_a_segment_that_was_copied_or_moved_is_still_read(tmp_path: Path) -> None:
    """A segment under another name, or in another source's folder, has its records read all the same."""
    folder, other = leave_source(tmp_path), leave_source(tmp_path)
    (folder / "000001.seg").rename(folder / "000001 (copy).seg")
    (folder / "000003.seg").rename(other / "000004.seg")

    read, losses = recover(tmp_path)

    assert sorted(read) == sorted([*ALL, *ALL])
    assert losses == []


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.EMFILE])
def test_a_segment_that_cannot_be_opened_stays_and_its_neighbours_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Another user's file, or one that the disk does not give: it waits for better days, and is named."""
    folder = leave_source(tmp_path)
    path, opened = folder / "000002.seg", regular_file.os.open

    def refuse(name: Any, *rest: Any) -> int:
        if Path(name) == path:
            raise OSError(number, os.strerror(number))
        return opened(name, *rest)

    monkeypatch.setattr(regular_file.os, "open", refuse)
    read, losses = recover(tmp_path)
    (problem,) = found_problems(tmp_path)
    monkeypatch.undo()

    assert sorted(read) == sorted(ALL - {4, 5, 6})
    assert losses == []
    assert (problem.path, problem.what) == (path, f"cannot be read ({os.strerror(number)})")
    assert sorted(recover(tmp_path)[0]) == [4, 5, 6]


def test_a_segment_that_cannot_be_read_to_its_end_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that gives an error in the middle of a file costs no other file, and no record."""
    folder = leave_source(tmp_path)
    path, read_bytes = folder / "000002.seg", Segment.read

    def refuse(segment: Segment, offset: int, length: int) -> bytes:
        if segment.path == path:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return read_bytes(segment, offset, length)

    monkeypatch.setattr(Segment, "read", refuse)
    read, losses = recover(tmp_path)
    monkeypatch.undo()

    assert sorted(read) == sorted(ALL - {4, 5, 6})
    assert losses == []
    assert sorted(recover(tmp_path)[0]) == [4, 5, 6]


def test_what_cannot_be_read_now_is_tried_again_and_what_never_can_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that is out of files for a moment delivers the rest later, without a restart."""
    folder, other = leave_source(tmp_path), leave_source(tmp_path)
    (other / "000000.seg").mkdir()
    opened = regular_file.os.open

    def refuse(name: Any, *rest: Any) -> int:
        if Path(name).suffix == ".seg":
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return opened(name, *rest)

    orphans = Orphans(lambda _: None)
    with monkeypatch.context() as patch:
        patch.setattr(regular_file.os, "open", refuse)
        orphans.claim_from(Spool(tmp_path).lock_orphans(lambda _: True, orphans.skipped))
        assert orphans.read(100, 10**6) == []
    assert orphans.skipped == set()

    orphans.claim_from(Spool(tmp_path).lock_orphans(lambda _: True, orphans.skipped))
    items = orphans.read(100, 10**6)
    orphans.on_delivered(items)
    assert len(items) == 2 * len(ALL)
    assert orphans.read(100, 10**6) == []
    assert orphans.skipped == {other.name}
    assert not folder.exists()


def test_a_folder_that_cannot_be_listed_stays_and_its_neighbours_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that the disk or its rights keep closed is named."""
    folder, _ = leave_source(tmp_path), leave_source(tmp_path)
    listed = os.listdir

    def refuse(name: Any) -> list[str]:
        if Path(name) == folder:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return listed(name)

    monkeypatch.setattr(os, "listdir", refuse)
    read, _ = recover(tmp_path)
    (problem,) = found_problems(tmp_path)

    assert sorted(read) == sorted(ALL)
    assert (problem.path, problem.what) == (folder, "cannot be read (Permission denied)")


LOCKS: Final[dict[str, Callable[[Path], Any]]] = {
    "missing": lambda _: None,
    "folder": Path.mkdir,
    "link": lambda path: path.symlink_to("/etc/hostname"),
    "pipe": make_fifo,
}


@pytest.mark.parametrize("make", LOCKS.values(), ids=LOCKS)
def test_a_folder_without_its_lock_is_adopted_when_its_process_is_dead(
    tmp_path: Path, make: Callable[[Path], Any]
) -> None:
    """The lock on the folder itself tells that no process has it."""
    folder = leave_source(tmp_path)
    (folder / "lock").unlink()
    make(folder / "lock")

    (found,) = list_pending(Spool(tmp_path))
    (problem,) = found_problems(tmp_path)
    read, _ = recover(tmp_path)

    assert not found.alive
    assert (problem.path, problem.what) == (folder / "lock", "is missing or not a file")
    assert sorted(read) == sorted(ALL)


def test_a_living_process_whose_lock_was_deleted_keeps_its_folder(tmp_path: Path) -> None:
    """Deleting the lock of a living process does not hand its records to another."""
    source_lock = Spool(tmp_path).create(new_source(), NOWHERE)
    (source_lock.folder / "lock").unlink()

    assert try_lock(source_lock.folder) is None
    source_lock.close()
    taken = try_lock(source_lock.folder)
    assert taken is not None
    assert try_lock(source_lock.folder) is None
    taken.remove()
    assert not source_lock.folder.exists()


ABOUTS: Final[dict[str, Callable[[Path], Any]]] = {
    "missing": lambda _: None,
    "empty": lambda path: path.write_bytes(b""),
    "no JSON": lambda path: path.write_text("{"),
    "no text": lambda path: path.write_bytes(b"\xff\xfe{}"),
    "no object": lambda path: path.write_text("[]"),
    "a field missing": lambda path: path.write_text('{"url": null, "key": null}'),
    "a field of another type": lambda path: path.write_text(
        '{"url": 1, "organization_id": null, "key": null}'
    ),
    "large": lambda path: path.write_bytes(b" " * 10**6),
    "nested": lambda path: path.write_text("[" * 60_000),
    "folder": Path.mkdir,
    "link": lambda path: path.symlink_to("/etc/hostname"),
    "pipe": make_fifo,
}


@pytest.mark.parametrize("make", ABOUTS.values(), ids=ABOUTS)
def test_a_folder_that_does_not_tell_its_destination_is_named_and_sent_on_demand_only(
    tmp_path: Path, make: Callable[[Path], Any]
) -> None:
    """Its records go nowhere by themselves, keep no other from going, and are delivered when asked for."""
    folder, _ = leave_source(tmp_path), leave_source(tmp_path)
    (folder / "about.json").unlink()
    make(folder / "about.json")
    usual = ServerResolver(config("http://127.0.0.1:9"))
    asked = ServerResolver(config("http://127.0.0.1:9"), unknown_destination=True)

    (problem,) = found_problems(tmp_path)
    (mine,) = [each.source for each in list_pending(Spool(tmp_path)) if each.destination is None]
    ours = [source_lock.source for source_lock in Spool(tmp_path).lock_orphans(usual.accepts)]
    all_of_them = [source_lock.source for source_lock in Spool(tmp_path).lock_orphans(asked.accepts)]

    assert (problem.path, mine) == (folder / "about.json", folder.name)
    assert "--unknown-destination" in problem.remedy
    assert folder.name not in ours
    assert len(ours) == 1
    assert folder.name in all_of_them


def test_the_rest_of_a_folder_that_was_being_deleted_goes(tmp_path: Path) -> None:
    """A process that was killed while it deleted an empty folder leaves nothing behind for ever."""
    folders = [leave_source(tmp_path) for _ in range(3)]
    for folder in folders:
        for path in folder.glob("*.seg"):
            path.unlink()
        (folder / "about.json").unlink()
    (folders[1] / "lock").unlink()
    (folders[2] / "about.new").touch()

    assert list(Spool(tmp_path).lock_orphans(lambda _: False)) == []

    assert not any(folder.exists() for folder in folders)


def test_a_folder_with_files_of_another_program_keeps_them_and_what_tells_its_owner(tmp_path: Path) -> None:
    """Nothing of such a folder is deleted but what was delivered; it is named."""
    folder = leave_source(tmp_path)
    (folder / ".DS_Store").touch()

    read, _ = recover(tmp_path)

    assert sorted(read) == sorted(ALL)
    assert sorted(each.name for each in folder.iterdir()) == [".DS_Store", "about.json", "lock"]
    assert [each.path for each in found_problems(tmp_path)] == [folder / ".DS_Store"]


def test_a_link_in_place_of_a_source_is_named(tmp_path: Path) -> None:
    """A link named like a source's folder is not followed."""
    folder = leave_source(tmp_path / "elsewhere")
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / folder.name).symlink_to(folder)
    (spool / f"f{'0' * 31}").touch()

    assert recover(spool) == ([], [])
    assert [each.what for each in found_problems(spool)] == ["is a symbolic link", "is not a folder"]


def test_the_millionth_segment_comes_last(tmp_path: Path) -> None:
    """Segments are read in the order of their numbers, however long those are."""
    folder = leave_source(tmp_path)
    (folder / "000003.seg").rename(folder / "1000000.seg")
    (folder / "000002.seg").rename(folder / "999999.seg")

    assert recover(tmp_path)[0] == sorted(ALL)


@foreign
def test_what_stands_among_the_dead_letters_and_is_none_is_named(
    tmp_path: Path, what: str, make: Callable[[Path], Any]
) -> None:
    """A folder, link or pipe named like a dead letter stops neither the list nor the bound."""
    (tmp_path / LETTERS).mkdir()
    make(tmp_path / LETTERS / "a.json")
    dead_letters = DeadLetters(tmp_path)

    dead_letters.enforce_size_limit(2**20)

    assert list(dead_letters) == []
    named = "is not a dead letter" if what == "is not a segment" else what
    assert [(each.path.name, each.what) for each in found_problems(tmp_path)] == [("a.json", named)]


@pytest.mark.parametrize("make", [Path.mkdir, make_fifo], ids=["folder", "pipe"])
def test_a_loss_log_that_is_no_file_is_an_error_and_no_standstill(
    tmp_path: Path, make: Callable[[Path], Any]
) -> None:
    """A pipe that no process reads does not hold up the process that writes to it."""
    make(tmp_path / NAME)
    loss_log = LossLog(tmp_path)

    with pytest.raises(OSError, match=r"\[Errno"):
        loss_log.add(Loss(source="s", reason="torn", first=1, last=1, count=1))
    assert loss_log.losses() == []


@pytest.mark.parametrize(
    "line",
    ["1", "[]", '{"source": 1}', '{"source":"s","reason":"r","first":"x","last":1,"count":1}', "[" * 9999],
)
def test_a_line_of_the_loss_log_that_is_none_is_passed_over(tmp_path: Path, line: str) -> None:
    """Whatever stands in the file, the losses around it are told."""
    loss_log = LossLog(tmp_path)
    losses = [Loss(source="s", reason="torn", first=at, last=at, count=1) for at in (1, 2)]
    loss_log.add(losses[0])
    (tmp_path / NAME).write_text((tmp_path / NAME).read_text() + "\n" + line)
    loss_log.add(losses[1])

    assert loss_log.losses() == losses


def test_damage_that_several_processes_meet_counts_once(private_home: Path) -> None:
    """While no server takes the rest of a damaged file, each process tells of the damage again: one loss."""
    root = private_home / "spool"
    folder = leave_source(root)
    os.truncate(folder / "000003.seg", (folder / "000003.seg").stat().st_size - 1)
    for _ in range(3):
        with delivery("http://127.0.0.1:9") as made:
            made.recover()
            made.flush(0.2)

    assert [(each.first, each.last, each.count) for each in LossLog(root).losses()] == [(9, 9, 1)]


def test_a_damaged_spool_is_delivered_over_the_wire(private_home: Path) -> None:
    """All kinds of damage at once, a real server and the worker's own thread: the whole records arrive."""
    with CompletionsAPI() as api:
        root = private_home / "spool"
        there = Destination(url=api.url, organization_id=None, key=None)
        folders = [leave_source(root, there) for _ in range(8)]
        os.truncate(folders[0] / "000001.seg", 0)
        os.truncate(folders[1] / "000003.seg", 30)
        (folders[2] / "lock").unlink()
        (folders[3] / "about.json").unlink()
        (folders[4] / "000000.seg").mkdir()
        make_fifo(folders[5] / "000000.seg")
        (folders[6] / "000000.seg").symlink_to("/dev/zero")

        with delivery(api.url) as made:
            made.recover()
            assert made.flush(20.0)
            assert made.stats().adopted == 9 * 7 - 6
            assert made.stats().faults["reading the spool"] >= 5

        assert len({(row["source"], row["sequence"]) for row in api.stored}) == len(api.stored) == 9 * 7 - 6
        assert len(LossLog(root).losses()) == 2


@pytest.mark.parametrize("is_own", [True, False])
def test_checksums_are_compared_where_another_process_wrote(tmp_path: Path, is_own: bool) -> None:
    """What a process reads back of its own comes from the kernel's memory; the rest, from a disk."""
    source_lock = Spool(tmp_path).create(new_source(), NOWHERE)
    bounds, losses = SizeLimits(disk=2**30, memory=2**20), list[Loss]()
    journal = Journal(source_lock.source, source_lock, bounds, threading.RLock(), losses.append)
    segment, _, end = journal.append(RECORD, 1, encode(call("a call")))
    os.pwrite(segment.descriptor, b"?", end - 1)

    if is_own:
        assert [item.entry.sequence for item in journal.read(10, 2**20)] == [1]
        assert losses == []
        journal.end()
    else:
        journal.detach_after_fork()
        assert recover(tmp_path) == (
            [],
            [Loss(source=journal.source, reason="damaged", first=1, last=1, count=1)],
        )
