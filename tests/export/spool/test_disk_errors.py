"""When the disk takes nothing, records wait in memory within a bound, and go back to disk."""

from __future__ import annotations

import logging
import os
import resource
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import completions_api as does
from tests.completions_api import CompletionsAPI
from tests.export.factories import delivery, keep, segments, settled
from tests.processes import until


@pytest.fixture
def api() -> Iterator[CompletionsAPI]:
    with CompletionsAPI() as api:
        yield api


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
    mounted = subprocess.run(command, capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here: run as root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def warnings(caplog: pytest.LogCaptureFixture, words: str) -> int:
    return sum(words in each.getMessage() for each in caplog.records if each.levelno == logging.WARNING)


def test_a_full_disk_is_told_once_and_loses_nothing(
    api: CompletionsAPI, small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With the disk full, records wait in memory; once there is room they are all delivered."""
    api.behave(does.status(503))
    with delivery(api.url, spool_dir=small_disk / "spool") as made:
        ids = keep(made, 300, "x" * 2000)
        until(lambda: warnings(caplog, "cannot be written"), "the trouble is told")
        ids += keep(made, 300, "x" * 2000)
        stats = made.stats()
        assert 0 < stats.spooled < stats.pending == 600

        api.behave(does.work)
        until(lambda: made.flush(10.0), "everything is delivered")

        # In any order: the API may begin to work between an attempt with the oldest record and the next one.
        assert sorted(api.ended()) == sorted(ids)
        assert warnings(caplog, "cannot be written") == 1
        assert settled(made)


def test_records_go_back_to_disk_when_it_works_again(
    api: CompletionsAPI, small_disk: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When there is room again, what waited in memory is on disk too."""
    api.behave(does.status(503))
    hog = small_disk / "hog"
    with delivery(api.url, spool_dir=small_disk / "spool") as made:
        ids = keep(made, 10)
        with hog.open("wb", buffering=0) as file:
            while file.write(b"\0" * 4096) == 4096:
                if shutil.disk_usage(small_disk).free < 4096:
                    break
        ids += keep(made, 50, "x" * 2000)
        assert made.stats().spooled < 60
        hog.unlink()
        until(lambda: made.stats().spooled == 60, "everything is on disk")

        ids += keep(made, 10)
        assert made.stats().spooled == 70
        api.behave(does.work)
        until(lambda: made.flush(10.0), "everything is delivered")
        # In any order: the API may begin to work between an attempt with the oldest record and the next one.
        assert sorted(api.ended()) == sorted(ids)


def test_a_folder_that_the_disk_took_by_half_is_made_whole(
    api: CompletionsAPI, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A disk that took the folder but no file in it is found again like any other."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    api.behave(does.status(503))
    with delivery(api.url, spool_dir=tmp_path / "spool") as made:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
        try:
            keep(made, 5)
            assert made.stats().spooled == 0
            until(lambda: warnings(caplog, "cannot be written"), "the trouble is told")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        until(lambda: made.stats().spooled == 5, "everything is on disk")


def test_a_folder_that_is_deleted_again_and_again_costs_no_file(api: CompletionsAPI, tmp_path: Path) -> None:
    """The lock of a folder that is gone is let go of when a new one is made."""
    api.behave(does.status(503))
    with delivery(api.url, spool_dir=tmp_path / "spool") as made:
        for _ in range(3):
            keep(made, 1)
            shutil.rmtree(tmp_path / "spool")
            until(lambda: segments(tmp_path / "spool"), "the folder is there again")

        opened = [str(each.readlink()) for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
        assert len([each for each in opened if each.startswith(str(tmp_path)) and "lock" in each]) == 1


def test_memory_is_bounded_and_what_is_given_up_is_counted(
    api: CompletionsAPI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without disk and API the oldest are dropped, counted by reason, and memory stays bounded."""
    (tmp_path / "file").write_text("")
    api.behave(does.status(503))
    monkeypatch.setenv("LOG10_HOME", str(tmp_path / "file"))
    with delivery(api.url, memory_max_bytes=1024 * 1024) as made:
        ids = keep(made, 1000, "x" * 2000)
        journal = made.sink.journal
        assert journal is not None
        assert journal.in_memory <= 1024 * 1024 // 2

        stats = made.stats()
        assert stats.dropped["memory_full"] > 0
        assert stats.spooled == 0
        assert settled(made)
        api.behave(does.work)
        until(lambda: made.stats().pending == 0 or made.flush(5.0), "the rest is delivered")
        # In any order: the API may begin to work between an attempt with the oldest record and the next one.
        kept = api.ended()
        assert set(kept) <= set(ids)
        assert ids[-1] in kept
        assert len(kept) == 1000 - made.stats().dropped["memory_full"]


def test_a_deleted_file_is_given_up_when_its_turn_comes(api: CompletionsAPI, tmp_path: Path) -> None:
    """Where somebody deleted old segments, a full spool loses those, and none of what comes."""
    api.behave(does.hang)
    spool = tmp_path / "spool"
    with delivery(api.url, spool_dir=spool, spool_max_bytes=1024 * 1024, timeout=0.3) as made:
        ids = keep(made, 400, "x" * 1000)
        until(lambda: api.requests, "the first batch is on its way")
        for each in segments(spool)[2:5]:
            each.unlink()
        ids += keep(made, 1500, "x" * 1000)
        api.behave(does.work)
        api.closing.set()
        until(lambda: made.stats().pending == 0 or made.flush(5.0), "the rest is delivered")

        assert set(made.stats().dropped) <= {"spool_full", "deleted"}
        assert settled(made)
        assert ids[-1] in api.ended()


def test_a_deleted_folder_is_made_again(api: CompletionsAPI, tmp_path: Path) -> None:
    """Somebody who deletes the spool of a running program loses nothing that is still in hand."""
    api.behave(does.status(503))
    with delivery(api.url, spool_dir=tmp_path / "spool") as made:
        ids = keep(made, 20)
        shutil.rmtree(tmp_path / "spool")
        ids += keep(made, 20)
        until(lambda: segments(tmp_path / "spool"), "the folder is there again")
        until(lambda: made.stats().spooled == 40, "all is on disk again")

        api.behave(does.work)
        until(lambda: made.flush(10.0), "everything is delivered")
        assert set(api.ended()) == set(ids)


def test_a_spool_folder_of_another_user_is_refused(
    api: CompletionsAPI, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that belongs to somebody else is not written to; records wait in memory and arrive."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    (tmp_path / "spool").mkdir()
    os.chown(tmp_path / "spool", 12345, 12345)
    monkeypatch.setenv("LOG10_HOME", str(tmp_path))
    with delivery(api.url) as made:
        ids = keep(made, 5)
        assert made.flush(60.0)

        assert api.ended() == ids
        until(lambda: warnings(caplog, "belongs to another user"), "it is told")
        assert not list((tmp_path / "spool").iterdir())


def test_nobody_else_can_read_the_spool(api: CompletionsAPI, tmp_path: Path) -> None:
    """Folders are 0700 and files 0600, whatever the file mask, also where the folder was wider before."""
    (tmp_path / "spool").mkdir(mode=0o755)
    api.refusal = lambda record: (422, {"code": "no", "message": "no"})
    with delivery(api.url, spool_dir=tmp_path / "spool") as made:
        keep(made, 1)
        until(lambda: made.stats().dead_letters, "it is refused")
        api.behave(does.status(503))
        keep(made, 1)
        until(lambda: made.stats().retries, "nothing is written any more")
        found = [tmp_path / "spool", *(tmp_path / "spool").rglob("*")]
        modes = {each: stat.S_IMODE(each.stat().st_mode) for each in found}
        assert len(found) >= 6
        assert all(mode == (0o700 if each.is_dir() else 0o600) for each, mode in modes.items()), modes


def test_the_disk_bound_gives_up_the_oldest_and_writes_down_which(
    api: CompletionsAPI, tmp_path: Path
) -> None:
    """Past spool_max_bytes the oldest go, the loss log names their sequences, and the rest arrives."""
    api.behave(does.hang)
    spool = tmp_path / "spool"
    with delivery(api.url, spool_dir=spool, spool_max_bytes=1024 * 1024, timeout=0.3) as made:
        ids = keep(made, 2000, "x" * 1000)
        size = sum(each.stat().st_size for each in segments(spool))
        assert size <= 1024 * 1024
        api.behave(does.work)
        api.closing.set()
        until(lambda: made.stats().pending == 0 or made.flush(5.0), "the rest is delivered")

        stats = made.stats()
        lost = {n for loss in made.loss_log.losses() for n in range(loss.first, loss.last + 1)}
        assert stats.dropped == {"spool_full": len(lost)}
        kept = [each for n, each in enumerate(ids, 1) if n not in lost]
        assert set(api.ended()) == set(kept)
        assert ids[-1] in kept
        assert settled(made)
