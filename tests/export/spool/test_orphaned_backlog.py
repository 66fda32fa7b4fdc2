"""The backlogs of several dead processes, read and settled as one."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from typing import Final

import pytest

from log10_trace.export.spool.backlog import Loss
from log10_trace.export.spool.destination import Destination
from log10_trace.export.spool.journal import Journal, SizeLimits
from log10_trace.export.spool.orphaned_backlog import Orphans
from log10_trace.export.spool.segment import Segment
from log10_trace.export.spool.segment_format import COMPLETED, RECORD, STARTED
from log10_trace.export.spool.spool import Spool, new_source, read_destination
from log10_trace.record.call import Call
from log10_trace.record.call_codec import encode
from tests.export.factories import begun, call, segments

THERE: Final = Destination(url="http://127.0.0.1:9", organization_id=None, key="fingerprint")


def leave(root: Path, *entries: tuple[int, Call]) -> Path:
    """The folder of a process that died with these entries."""
    source_lock = Spool(root).create(new_source(), THERE)
    journal = Journal(
        source_lock.source,
        source_lock,
        SizeLimits(disk=2**24, memory=2**20),
        threading.RLock(),
        lambda _: None,
    )
    sequence = 0
    for kind, each in entries:
        sequence += kind != STARTED
        journal.append(kind, sequence if kind != STARTED else 0, encode(each))
    journal.detach_after_fork()
    return source_lock.folder


def adopt(root: Path) -> tuple[Orphans, list[Loss]]:
    losses: list[Loss] = []
    orphans = Orphans(losses.append)
    orphans.claim_from(Spool(root).lock_orphans(lambda _: True))
    return orphans, losses


def test_one_read_takes_from_as_many_sources_as_fit(tmp_path: Path) -> None:
    """Records of several sources go together, up to the count that may go at a time."""
    folders = sorted(leave(tmp_path, (RECORD, call()), (RECORD, call())) for _ in range(3))
    orphans, _ = adopt(tmp_path)

    items = orphans.read(5, 10**6)

    assert [(item.source, item.entry.sequence) for item in items] == [
        (folder.name, at) for folder in folders for at in (1, 2)
    ][:5]


def test_one_read_stays_within_its_bytes_but_takes_at_least_one_entry(tmp_path: Path) -> None:
    """A source whose next record is too large for what is left goes with the next read."""
    for _ in range(3):
        leave(tmp_path, (RECORD, call("x" * 10_000)))
    orphans, _ = adopt(tmp_path)

    taken = []
    while items := orphans.read(100, 25_000):
        assert sum(len(item.entry.payload) for item in items) <= 25_000 or len(items) == 1
        taken.append(len(items))
        orphans.on_delivered(items)

    assert sum(taken) == 3
    assert len(taken) > 1


def test_many_calls_that_never_ended_stay_within_the_bytes_of_a_read(tmp_path: Path) -> None:
    """What was asked may be large: calls whose process died are read a few at a time as well."""
    leave(tmp_path, *((STARTED, begun("x" * 10_000)) for _ in range(5)))
    orphans, _ = adopt(tmp_path)

    taken = []
    while items := orphans.read(100, 25_000):
        taken.append(len(items))
        orphans.on_delivered(items)

    assert sum(taken) == 5
    assert max(taken) == 2


def test_a_key_that_the_server_does_not_know_is_forgotten_for_all_that_are_claimed(tmp_path: Path) -> None:
    """After a 401 a program with another key may deliver the records of each of them."""
    folders = [leave(tmp_path, (RECORD, call())) for _ in range(2)]
    orphans, _ = adopt(tmp_path)
    orphans.read(10, 10**6)

    orphans.on_unauthorized()
    orphans.unlock()

    assert [read_destination(folder) for folder in folders] == [
        Destination(url=THERE.url, organization_id=None, key=None)
    ] * 2


def test_the_oldest_source_is_given_up_first_and_not_while_it_is_sent(tmp_path: Path) -> None:
    """A spool that is full gives up what is oldest; what is on its way to the server is left."""
    leave(tmp_path, (RECORD, call()))
    second = leave(tmp_path, (RECORD, call()))
    orphans, losses = adopt(tmp_path)
    oldest = next(iter(orphans))
    orphans.read(1, 10**6)

    freed = [orphans.drop_oldest("spool_full") for _ in range(2)]
    orphans.release()
    later = orphans.drop_oldest("spool_full")

    sources = sorted(each.source for each in losses)
    assert freed[0] > 0
    assert (freed[1], bool(later)) == (0, True)
    assert losses[1].source == oldest.source
    assert second.name in sources


def test_a_segment_that_cannot_be_read_is_not_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be counted is not deleted: it frees nothing, and stays."""
    leave(tmp_path, (RECORD, call()))
    orphans, losses = adopt(tmp_path)
    (path,) = segments(tmp_path)

    def refuse(*_: object) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(Segment, "read", refuse)

    assert orphans.drop_oldest("spool_full") == 0
    assert path.exists()
    assert losses == []


def test_an_unreadable_started_entry_keeps_no_other_from_being_settled(tmp_path: Path) -> None:
    """Entries that name no call are kept apart: each becomes a dead letter of its own, none is forgotten."""
    source_lock = Spool(tmp_path).create(new_source(), THERE)
    journal = Journal(
        source_lock.source,
        source_lock,
        SizeLimits(disk=2**24, memory=2**20),
        threading.RLock(),
        lambda _: None,
    )
    for _ in range(3):
        journal.append(STARTED, 0, [b"\x01not a call"])
    journal.append(COMPLETED, 1, [b"\x01not a call"])
    journal.detach_after_fork()
    orphans, _ = adopt(tmp_path)

    taken = 0
    while items := orphans.read(10, 10**6):
        taken += len(items)
        orphans.on_delivered(items)

    assert taken == 4
    assert not source_lock.folder.exists()
