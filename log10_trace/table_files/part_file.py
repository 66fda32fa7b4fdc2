"""A file that stands under its name only once it is whole; until then it grows beside it under another."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from log10_trace.errors import SetupError

_SUFFIX: Final = ".part"
_JOURNAL: Final = "-journal"


class PartFile:
    """Where a file grows, and how it comes to its name."""

    def __init__(self, file: Path) -> None:
        """Grow beside ``file``.

        Raises:
            SetupError: it is a folder.
        """
        if file.is_dir():
            raise SetupError(f"{file} cannot be written: it is a folder.")
        self.file = file
        self.path = file.with_name(file.name + _SUFFIX)

    def check_is_new(self) -> None:
        """Refuse to write over anything.

        Raises:
            SetupError: the file is there, or what an interrupted export left of it.
        """
        if self.file.exists():
            message = f"{self.file} already exists. Use --force to overwrite it."
            raise SetupError(message)
        if self.path.exists():
            message = f"{self.path} is left of an interrupted export. Use --force to begin anew."
            raise SetupError(message)

    def remove(self) -> None:
        """Remove what has grown so far."""
        self.path.unlink(missing_ok=True)
        self.path.with_name(self.path.name + _JOURNAL).unlink(missing_ok=True)

    def complete(self) -> None:
        """Give what has grown its name, once it is on the disk."""
        with self.path.open("rb+") as written:
            os.fsync(written.fileno())
        self.path.replace(self.file)
