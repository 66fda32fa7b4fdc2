"""What is done at intervals: the records of dead processes, above all of many of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from zlib import crc32

import pytest

from log10_trace.export.delivery.maintenance import (
    ADOPT_EVERY_S,
    ADOPT_MAX_INTERVAL_S,
    LOOK_SHARE,
    SpoolMaintenance,
)
from log10_trace.export.delivery.server_resolver import ServerResolver
from log10_trace.export.journal_sink import JournalSink
from log10_trace.export.monitor import DeliveryMonitor
from log10_trace.export.spool.dead_letters import DeadLetters
from log10_trace.export.spool.destination import destination_of
from log10_trace.export.spool.journal import Journal, SizeLimits
from log10_trace.export.spool.orphaned_backlog import MOST_ORPHANS, OrphanedBacklog
from log10_trace.export.spool.segment_format import RECORD
from log10_trace.export.spool.spool import Spool, new_source
from log10_trace.record.call_codec import encode
from tests.completions_api import CompletionsAPI
from tests.export.factories import call, config, delivery, segments

MANY = 2 * MOST_ORPHANS + 5


@pytest.fixture
def api() -> Iterator[CompletionsAPI]:
    with CompletionsAPI() as api:
        yield api


def leave_behind(spool: Spool, count: int, url: str | None = None) -> list[str]:
    """The sources of so many processes that died with one record each."""
    bounds = SizeLimits(disk=2**20, memory=2**20)
    sources = [new_source() for _ in range(count)]
    for source in sources:
        source_lock = spool.create(source, destination_of(config(url)))
        journal = Journal(source, source_lock, bounds, threading.RLock(), lambda _: None)
        journal.append(RECORD, 1, encode(call()))
        journal.detach_after_fork()
    return sorted(sources)


def maintenance(
    spool: Spool, url: str | None = None, clock: Callable[[], float] = time.monotonic
) -> SpoolMaintenance:
    settings = config(url)
    sink = JournalSink(
        DeliveryMonitor(), lambda: pytest.fail("nothing is recorded"), redactor=None, memory_max_bytes=0
    )
    return SpoolMaintenance(
        config=settings,
        resolver=ServerResolver(settings),
        spool=spool,
        dead_letters=DeadLetters(spool.root),
        sink=sink,
        on_loss=lambda _: None,
        clock=clock,
    )


def open_below(folder: Path) -> int:
    links = [each for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
    return sum(str(each.readlink()).startswith(str(folder)) for each in links)


def test_many_dead_processes_cost_few_open_files(tmp_path: Path) -> None:
    """However many have died, no more are claimed at a time than the program can spare files for."""
    spool = Spool(tmp_path)
    sources = leave_behind(spool, MANY)
    kept = maintenance(spool)

    kept.run_due_tasks(0.0)

    assert [orphan.source for orphan in kept.orphans] == sources[:MOST_ORPHANS]
    assert open_below(tmp_path) == MOST_ORPHANS
    kept.release_orphans()
    assert open_below(tmp_path) == 0


def test_the_records_of_many_dead_processes_are_delivered_in_one_go(
    api: CompletionsAPI, private_home: Path
) -> None:
    """A flush is done when all of them are delivered, not when those are that were claimed first."""
    leave_behind(Spool(private_home / "spool"), MANY, api.url)
    with delivery(api.url) as made:
        made.recover()

        assert made.flush(20.0)
        assert len(api.ended()) == made.stats().adopted == MANY
    assert not segments(private_home / "spool")


def test_what_a_later_version_wrote_is_left_alone_and_in_nobodys_way(
    api: CompletionsAPI, private_home: Path
) -> None:
    """Any number of segments that cannot be read keep no other from being delivered."""
    spool = private_home / "spool"
    leave_behind(Spool(spool), MOST_ORPHANS, api.url)
    later = [(path, _of_a_later_version(path)) for path in segments(spool)]
    leave_behind(Spool(spool), 3, api.url)

    with delivery(api.url) as made:
        made.recover()

        assert made.flush(20.0)
        assert len(api.ended()) == 3
    assert [(path, path.read_bytes()) for path in segments(spool)] == later


def _of_a_later_version(path: Path) -> bytes:
    """Give the segment's header another version, as a later one would write it."""
    head = bytearray(path.read_bytes())
    head[8:10] = (2).to_bytes(2, "little")
    head[40:44] = crc32(head[:40]).to_bytes(4, "little")
    path.write_bytes(head)
    return bytes(head)


def test_left_over_folders_are_listed_once_and_share_requests(
    api: CompletionsAPI, private_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a spool of many folders costs grows with their number, and not with its square."""
    leave_behind(Spool(private_home / "spool"), MANY, api.url)
    listings: list[None] = []
    list_sources = Spool.sources
    monkeypatch.setattr(Spool, "sources", lambda self: listings.append(None) or list_sources(self))
    with delivery(api.url) as made:
        made.recover()
        assert made.flush(20.0)
        made.close(5.0)

        assert len(api.ended()) == MANY
        assert len(api.requests) <= -(-MANY // MOST_ORPHANS)
        # One look is one listing to adopt and one for the spool's size; adopt, flush and close each look.
        assert len(listings) <= 2 * 3


def test_folders_bound_elsewhere_are_looked_at_once_a_listing(
    private_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many folders are not ours to deliver, one listing asks about each destination once."""
    spool = Spool(private_home / "spool")
    leave_behind(spool, MANY, "http://127.0.0.1:9")
    asked: list[object] = []
    monkeypatch.setattr(ServerResolver, "accepts", lambda _, destination: asked.append(destination))
    kept = maintenance(spool)

    kept.run_due_tasks(0.0)

    assert len(asked) == 1
    assert kept.has_no_orphans


@pytest.mark.parametrize(
    ("seconds", "pause"), [(0.1, ADOPT_EVERY_S), (1.0, 1.0 * LOOK_SHARE), (9.0, ADOPT_MAX_INTERVAL_S)]
)
def test_a_long_listing_is_repeated_less_often(
    private_home: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, pause: float
) -> None:
    """Looking takes a fiftieth of the time in a large spool, but is never put off for more than a minute."""
    now = 0.0
    looked: list[float] = []

    def list_slowly(_: Spool) -> list[Path]:
        nonlocal now
        looked.append(now)
        now += seconds / 2
        return []

    monkeypatch.setattr(Spool, "sources", list_slowly)
    kept = maintenance(Spool(private_home / "spool"), clock=lambda: now)
    for now in (0.0, pause - 0.5, pause):
        kept.run_due_tasks(now)

    assert looked == [0.0, seconds / 2, pause, pause + seconds / 2]


def test_other_threads_never_see_the_dead_as_delivered_while_more_are_to_be_claimed(
    api: CompletionsAPI, private_home: Path
) -> None:
    """Between one handful of folders and the next, a flush goes on waiting."""
    leave_behind(Spool(private_home / "spool"), MOST_ORPHANS + 1, api.url)
    kept = maintenance(Spool(private_home / "spool"), url=api.url)
    kept.run_due_tasks(0.0)
    seen: list[bool] = []
    end = OrphanedBacklog.end

    def watch(orphan: OrphanedBacklog) -> bool:
        seen.append(kept.has_no_orphans)
        return end(orphan)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OrphanedBacklog, "end", watch)
        while items := kept.orphans.read(100, 2**20):
            kept.orphans.on_delivered(items)

    assert seen == [False] * (MOST_ORPHANS + 1)
    assert kept.has_no_orphans
