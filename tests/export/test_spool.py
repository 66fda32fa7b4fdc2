"""The spool's folder as a whole."""

from __future__ import annotations

from pathlib import Path

from log10_trace.export.spool import Spool, size_of


def test_what_was_deleted_in_the_meantime_takes_no_room(tmp_path: Path) -> None:
    """A file that its process has delivered and deleted since the folder was listed counts as nothing."""
    assert size_of(tmp_path / "000001.seg") == 0


def test_a_spool_that_is_not_there_yet_takes_no_room(tmp_path: Path) -> None:
    """Before the first record there is no folder, and nothing in it."""
    assert Spool(tmp_path / "spool").size() == 0
