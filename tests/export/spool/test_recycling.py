"""The files of the journal: what is delivered is written over, and never taken for a record."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from log10_trace.export import Delivery
from log10_trace.export.spool.segment import Segment
from tests import completions_api as does
from tests.completions_api import CompletionsAPI
from tests.export.factories import config, delivery, keep, segments

LONG = "x" * 100_000


@pytest.fixture
def api() -> Iterator[CompletionsAPI]:
    with CompletionsAPI() as api:
        yield api


def inodes(spool: Path) -> set[int]:
    return {each.stat().st_ino for each in segments(spool)}


def test_a_delivered_file_is_written_to_again(api: CompletionsAPI, private_home: Path) -> None:
    """The pages of a delivered segment serve the next one, and nothing of what stood there stays."""
    spool = private_home / "spool"
    with delivery(api.url) as made:
        ids = keep(made, 5, LONG)
        before = inodes(spool)
        assert made.flush(60.0)
        api.behave(does.status(503))
        ids += keep(made, 1)
        (path,) = segments(spool)

        assert {path.stat().st_ino} == before
        assert path.name == "000002.seg"
        assert LONG[:1000].encode() not in path.read_bytes()
        api.behave(does.work)
        assert made.flush(60.0)
    assert api.ended() == ids


def test_what_stands_in_a_file_that_is_reused_survives_the_process(
    api: CompletionsAPI, private_home: Path
) -> None:
    """A process killed while it writes to a reused file leaves just what was not delivered."""
    if (child := os.fork()) == 0:
        made = Delivery(config(api.url, flush_interval=60.0))
        keep(made, 5, LONG)
        made.flush(10.0)
        keep(made, 3)
        os._exit(0)
    os.waitpid(child, 0)
    assert len(api.ended()) == 5

    with delivery(api.url) as made:
        made.recover()
        assert made.flush(60.0)
        assert made.loss_log.losses() == []
    assert [each["sequence"] for each in api.stored] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_a_deleted_spare_file_is_no_trouble(api: CompletionsAPI, private_home: Path) -> None:
    """When somebody deleted the file that was kept for the next segment, another is made."""
    spool = private_home / "spool"
    with delivery(api.url) as made:
        ids = keep(made, 5, LONG)
        assert made.flush(60.0)
        for each in segments(spool):
            each.unlink()
        ids += keep(made, 2)
        assert made.stats().spooled <= 2
        assert made.flush(60.0)
    assert api.ended() == ids


def test_a_disk_that_refuses_the_note_of_what_was_delivered_costs_no_count(
    api: CompletionsAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The note is for whoever comes after us: without it what was delivered is delivered all the same."""

    def refuse(_segment: Segment) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Segment, "write_checkpoint", refuse)
    with delivery(api.url) as made:
        ids = keep(made, 5)
        assert made.flush(60.0)
        assert (made.stats().delivered, made.stats().pending) == (5, 0)
    assert [each["id"] for each in api.stored] == ids


def test_a_disk_that_refuses_the_zeros_costs_no_count(
    api: CompletionsAPI, private_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that cannot be written over is deleted as before; what was delivered is counted as that."""

    def refuse(_segment: Segment) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Segment, "zero_fill", refuse)
    with delivery(api.url) as made:
        ids = keep(made, 5, LONG)
        assert made.flush(60.0)
        assert (made.stats().delivered, made.stats().pending) == (5, 0)
        assert segments(private_home / "spool") == []
    assert api.ended() == ids


def test_nothing_is_left_at_the_end(api: CompletionsAPI, private_home: Path) -> None:
    """The file that is kept for the next segment goes with the delivery."""
    with delivery(api.url) as made:
        keep(made, 5, LONG)
        assert made.flush(60.0)
    assert list((private_home / "spool").iterdir()) == []
