"""Private files, replaced whole."""

from __future__ import annotations

import os
import resource
import stat
from pathlib import Path

import pytest

from log10_trace.private_file import write_private_file


def test_a_private_file_is_its_users_alone(tmp_path: Path) -> None:
    """Mode 0600 whatever the umask lets through, and nothing else is left in the folder."""
    before = os.umask(0)
    try:
        write_private_file(tmp_path / "key", b"secret")
    finally:
        os.umask(before)

    assert (tmp_path / "key").read_bytes() == b"secret"
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_reader_has_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    """The file is replaced, not written over: who had it open keeps the old content."""
    write_private_file(tmp_path / "key", b"old")
    with (tmp_path / "key").open("rb") as opened:
        write_private_file(tmp_path / "key", b"new")

        assert opened.read() == b"old"
    assert (tmp_path / "key").read_bytes() == b"new"


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_lies_under_the_temporary_name_is_neither_followed_nor_waited_for(
    tmp_path: Path, kind: str
) -> None:
    """A link, a pipe without a reader and a folder raise; the file stays as it was."""
    write_private_file(tmp_path / "key", b"old")
    temporary, elsewhere = tmp_path / "key.new", tmp_path / "elsewhere"
    elsewhere.write_bytes(b"another's")
    {
        "link": lambda: temporary.symlink_to(elsewhere),
        "pipe": lambda: os.mkfifo(temporary),
        "folder": temporary.mkdir,
    }[kind]()

    with pytest.raises(OSError, match=r"key\.new"):
        write_private_file(tmp_path / "key", b"new", temporary=temporary)

    assert (tmp_path / "key").read_bytes() == b"old"
    assert elsewhere.read_bytes() == b"another's"


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """Content that does not fit raises before the file is replaced."""
    write_private_file(tmp_path / "key", b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        with pytest.raises(OSError, match="large"):
            write_private_file(tmp_path / "key", b"n" * 100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert (tmp_path / "key").read_bytes() == b"old"
