"""Whether a folder that a setting names can be written to, found out without leaving anything in it."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

_PASSING: Final = (
    errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EIO, errno.ESTALE, errno.ETIMEDOUT,
)  # fmt: skip
"""What may be over when the folder is needed."""


def check_folder(path: Path) -> None:
    """Find out whether files can be made in a folder of this user, or the folder where it is not there yet.

    Raises:
        ValueError: they cannot; with the reason.
    """
    try:
        nearest, found = _nearest(path)
        if not stat.S_ISDIR(found.st_mode):
            raise ValueError(f"{nearest} is not a folder")
        if nearest == path and found.st_mode & stat.S_ISVTX:
            raise ValueError("it is shared with other users; name a folder in it")
        if nearest == path and found.st_uid != os.geteuid():
            raise ValueError("it belongs to another user")
        Path(tempfile.mkdtemp(prefix=".log10-", dir=nearest)).rmdir()
    except OSError as error:
        if error.errno not in _PASSING:
            reason = error.strerror or str(error)
            raise ValueError(f"no folder can be made there ({reason})") from None


def _nearest(path: Path) -> tuple[Path, os.stat_result]:
    """The folder itself where it is there, else the innermost of those around it that is."""
    for each in (path, *path.parents):
        with suppress(FileNotFoundError, NotADirectoryError):  # the second where a file stands in the way
            return each, each.stat()
        if each.is_symlink():
            raise ValueError(f"{each} is a link to nothing")
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
