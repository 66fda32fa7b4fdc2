"""Opens regular files of the spool, and rejects links, folders and pipes under their names."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from log10_trace.errors import describe_exception
from log10_trace.guard import faults, logger
from log10_trace.unpatched import time

_KINDS: Final = (
    (stat.S_ISLNK, "is a symbolic link"),
    (stat.S_ISDIR, "is a folder"),
    (stat.S_ISFIFO, "is a pipe"),
    (stat.S_ISSOCK, "is a socket"),
)


class NotRegularFileError(OSError):
    """Under the name of a file stands something else."""

    def __init__(self, what: str, path: Path) -> None:
        """``what`` is the end of a sentence that begins with the path."""
        super().__init__(what)
        self.path = path

    def __repr__(self) -> str:
        return describe_exception(self)


def open_regular(path: Path, flags: int) -> int:
    """Open a file that exists; never waits, as opening a pipe does.

    Raises:
        NotRegularFileError: it is something else; its text says what.
        OSError: it cannot be opened.
    """
    mode = path.lstat().st_mode
    if not stat.S_ISREG(mode):
        kind = next((words for is_kind, words in _KINDS if is_kind(mode)), "is not a regular file")
        raise NotRegularFileError(kind, path)
    # Something else may stand there by now: a link is not followed, and a pipe not waited for.
    return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)


def read_regular(path: Path, max_bytes: int = -1) -> bytes:
    """A file, or its first ``max_bytes``.

    Raises:
        OSError: it is not a file, or cannot be read.
    """
    descriptor = open_regular(path, os.O_RDONLY)
    with open(descriptor, "rb") as file:  # noqa: PTH123 -- a descriptor, not a path
        return file.read(max_bytes)


def is_regular(path: Path) -> bool:
    """Whether a file, and not something else, stands under the name."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def describe_error(error: OSError) -> str:
    """Why a file cannot be used, as the end of a sentence that begins with its name."""
    if isinstance(error, NotRegularFileError):
        return str(error)
    return f"cannot be read ({error.strerror or error})"


def is_transient(error: OSError) -> bool:
    """Whether a file that cannot be used may be usable at another time."""
    return not isinstance(error, NotRegularFileError)


def report_damage(path: Path, what: str) -> None:
    """Count a fault that was found in the spool, and log one of them a minute."""
    if faults.add("reading the spool", time.monotonic()):
        logger.warning("log10_trace: %s %s. See: log10-trace spool status", path, what)
