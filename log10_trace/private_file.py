"""Files that only their user can read, replaced whole: a reader sees the old content or the new."""

from __future__ import annotations

import os
from pathlib import Path


def write_private_file(path: Path, content: bytes, *, temporary: Path | None = None) -> None:
    """Write a file of mode 0600 under another name, and rename it over ``path``.

    Args:
        path: The file; its folder must exist.
        content: What it holds afterwards.
        temporary: The other name, in the same folder; ``.NAME.PID`` unless given.

    Raises:
        OSError: it cannot be written; the file at ``path`` is as it was.
    """
    temporary = temporary or path.with_name(f".{path.name}.{os.getpid()}")
    # Under the name may lie a link, or a pipe that no process reads: neither is followed or waited for.
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(temporary, flags, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123 -- a descriptor, not a path
        file.write(content)
    temporary.replace(path)
