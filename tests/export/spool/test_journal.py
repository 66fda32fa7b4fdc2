"""The journal while a record is being written to it: what others see meanwhile, and what becomes of it."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

from log10_trace.export.spool import journal as journal_module
from log10_trace.export.spool import segment as segment_module
from log10_trace.export.spool.backlog import Backlog, Loss
from log10_trace.export.spool.destination import destination_of
from log10_trace.export.spool.journal import Journal, SizeLimits
from log10_trace.export.spool.segment import write_all
from log10_trace.export.spool.segment_format import COMPLETED, RECORD, STARTED
from log10_trace.export.spool.spool import Spool, new_source
from tests.export.factories import config


class Books:
    """A journal, and what was lost of it."""

    def __init__(self, root: Path) -> None:
        self.spool = Spool(root)
        self.lost: list[Loss] = []
        source = new_source()
        source_lock = self.spool.create(source, destination_of(config()))
        bounds = SizeLimits(disk=2**20, memory=2**20)
        self.journal = Journal(source, source_lock, bounds, threading.RLock(), self.lost.append)

    def append(self, sequence: int) -> None:
        """Write a record, as a caller does."""
        self.journal.append(RECORD, sequence, [b"payload"])

    def read(self, backlog: Backlog | None = None) -> list[int]:
        """The sequences that wait, as the worker reads them."""
        backlog = backlog or self.journal
        try:
            return [item.entry.sequence for item in backlog.read(100, 2**20)]
        finally:
            backlog.release()

    def read_after_death(self) -> list[int]:
        """The sequences that wait, as the next process reads them."""
        self.journal.detach_after_fork()
        (source_lock,) = self.spool.lock_orphans(lambda _: True)
        left = Backlog(source_lock.source, threading.RLock(), self.lost.append)
        left.segments = source_lock.segments()
        try:
            return self.read(left)
        finally:
            left.close()
            source_lock.close()


@pytest.fixture
def books(tmp_path: Path) -> Books:
    made = Books(tmp_path / "spool")
    made.append(1)
    return made


@contextmanager
def halfway(do: Callable[[], object], of: ModuleType = journal_module, share: float = 0.5) -> Iterator[None]:
    """The next write inside does this when half of its bytes, or another share of them, are on disk."""

    def write(descriptor: int, parts: list[bytes], start: int, length: int) -> None:
        patched.undo()
        os.pwrite(descriptor, b"".join(parts)[: int(length * share)], start)
        do()
        write_all(descriptor, parts, start, length)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(of, "write_all", write)
        yield


def disk_full() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def interrupt() -> None:
    raise KeyboardInterrupt


def test_a_record_that_is_being_written_is_not_read_yet(books: Books) -> None:
    """A worker that reads in the middle of a write sees what was there before, and takes nothing for torn."""
    meanwhile: list[int] = []
    with halfway(lambda: meanwhile.extend(books.read())):
        books.append(2)

    assert meanwhile == [1]
    assert books.read() == [1, 2]
    assert books.lost == []


def test_records_written_in_the_middle_of_a_write_stand_behind_it(books: Books) -> None:
    """Calls of a signal handler in the middle of a write are read when that write is done."""
    meanwhile: list[int] = []

    def handler() -> None:
        books.append(3)
        with halfway(lambda: meanwhile.extend(books.read())):
            books.append(4)
        meanwhile.extend(books.read())

    with halfway(handler):
        books.append(2)

    assert meanwhile == [1, 1]
    assert books.read() == books.read_after_death() == [1, 2, 3, 4]
    assert books.lost == []


def test_a_disk_that_fills_up_in_the_middle_of_a_write_costs_nothing(books: Books) -> None:
    """What of a record was on disk already is taken back, and the record waits in memory."""
    with halfway(disk_full):
        books.append(2)

    assert books.read() == [1, 2]
    assert books.journal.records_in_memory == 1
    assert books.read_after_death() == [1]
    assert books.lost == []


def test_a_write_that_fails_takes_nothing_back_that_stands_behind_it(books: Books) -> None:
    """A record that was written in the middle of a write stays when the disk refuses that write."""

    def handler() -> None:
        books.append(3)
        disk_full()

    with halfway(handler):
        books.append(2)

    assert books.read() == [1, 3, 2]
    assert books.lost == []


@pytest.mark.parametrize("follow", [[3], []], ids=["another follows", "none follows"])
@pytest.mark.parametrize("share", [0, 0.5], ids=["before it", "in the middle"])
def test_a_write_that_ctrl_c_ends_holds_up_nothing(books: Books, share: float, follow: list[int]) -> None:
    """What comes after a write that was broken off is read, and the broken record is told as lost."""
    with halfway(interrupt, share=share), pytest.raises(KeyboardInterrupt):
        books.append(2)
    for sequence in follow:
        books.append(sequence)

    assert books.read() == [1, *follow]
    assert [(each.first, each.last, each.count) for each in books.lost] == [(2, 2, 1)]


def test_calls_that_end_while_memory_goes_to_disk_are_kept(books: Books) -> None:
    """A call that the garbage collector ends on our thread, while that brings memory to disk, is kept."""
    with halfway(disk_full):
        books.append(2)
    with halfway(lambda: books.append(3), of=segment_module):
        books.journal.flush_memory_to_disk()

    assert books.read() == [1, 2, 3]


def test_what_was_delivered_behind_a_long_call_is_noted_at_the_end(books: Books) -> None:
    """A long call that ends last keeps nobody from knowing what was delivered while it went on."""
    segment, start, end = books.journal.append(STARTED, 0, [b"payload"])
    books.append(2)
    books.journal.on_delivered(books.journal.read(100, 2**20))
    books.journal.append(COMPLETED, 3, [b"payload"])
    segment.acknowledge(start, end)

    books.journal.end()

    assert books.read_after_death() == [3]


def test_a_full_spool_that_cannot_be_read_costs_no_record(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the oldest cannot be given up, as without a free file handle, the newest waits in memory."""

    def fails(*_: object, **__: object) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(Journal, "drop_oldest", fails)
    monkeypatch.setattr(Journal, "size", 2**20)
    sequences = range(2, 4000)
    for sequence in sequences:
        books.append(sequence)

    assert books.journal.records_in_memory > 0
    monkeypatch.undo()
    assert books.read() == [1, *sequences][:100]
