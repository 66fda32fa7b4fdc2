"""The spool's folder as a whole."""

from __future__ import annotations

import errno
import io
import os
import time
from pathlib import Path
from typing import Final

import pytest

from log10_trace import private_file
from log10_trace.export.spool.dead_letters import DeadLetter, DeadLetters
from log10_trace.export.spool.destination import Destination
from log10_trace.export.spool.spool import LETTERS, STALE_AFTER_S, Spool, new_source, size_of

DESTINATION: Final = Destination(url=None, organization_id=None, key=None)
LETTER: Final = DeadLetter(
    id="i", source="s", sequence=1, url="u", status=422, code="c", message="m", completion=b"{}"
)


class Full(io.BytesIO):
    """A file on a disk that is full."""

    def write(self, _: object) -> int:
        """Take nothing."""
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_what_was_deleted_in_the_meantime_takes_no_room(tmp_path: Path) -> None:
    """A file that its process has delivered and deleted since the folder was listed counts as nothing."""
    assert size_of(tmp_path / "000001.seg") == 0


def test_a_spool_that_is_not_there_yet_takes_no_room(tmp_path: Path) -> None:
    """Before the first record there is no folder, and nothing in it."""
    assert Spool(tmp_path / "spool").size() == 0


def killed_while_making(spool: Spool, source: str) -> Path:
    """What is left of a process that was killed while it made its folder."""
    folder = spool.root / f".{source}"
    folder.mkdir(parents=True)
    for name in ("lock", "about.new"):
        (folder / name).touch()
    return folder


def test_what_was_half_made_is_swept_after_an_hour(tmp_path: Path) -> None:
    """Folders and letters that a killed process has half made go, once nobody can be at them any more."""
    spool = Spool(tmp_path)
    folder = killed_while_making(spool, new_source())
    letter = tmp_path / LETTERS / ".some-id.4711"
    letter.parent.mkdir()
    letter.touch()
    now = letter.stat().st_mtime

    spool.remove_stale(now + STALE_AFTER_S / 2)
    assert folder.exists()
    assert letter.exists()

    spool.remove_stale(now + STALE_AFTER_S + 60)
    assert not folder.exists()
    assert not letter.exists()


def test_nothing_else_is_swept(tmp_path: Path) -> None:
    """Sources, letters, and what is not ours stay, however old."""
    spool = Spool(tmp_path)
    source_lock = spool.create(new_source(), DESTINATION)
    DeadLetters(tmp_path).add(LETTER)
    (tmp_path / ".nfs0000").touch()
    (killed_while_making(spool, new_source()) / "precious").touch()
    before = sorted(tmp_path.rglob("*"))

    spool.remove_stale(time.time() + 2 * STALE_AFTER_S)

    assert [each for each in before if each.name not in ("lock", "about.new")] == [
        each for each in sorted(tmp_path.rglob("*")) if each.name not in ("lock", "about.new")
    ]
    source_lock.close()


def test_the_address_of_records_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fills up while a folder is made leaves no folder whose records belong nowhere."""
    spool = Spool(tmp_path)
    monkeypatch.setattr(private_file, "open", lambda *_, **__: Full(), raising=False)

    with pytest.raises(OSError, match="No space left"):
        spool.create(new_source(), DESTINATION)

    assert spool.sources() == []


def test_a_claim_that_a_forgotten_key_was_cut_short_in_leaves_nothing(tmp_path: Path) -> None:
    """A folder in which an address was half rewritten is deleted all the same, once it is empty."""
    source_lock = Spool(tmp_path).create(new_source(), DESTINATION)
    (source_lock.folder / "about.new").touch()

    source_lock.remove()

    assert not source_lock.folder.exists()
