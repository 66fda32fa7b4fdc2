"""Files that a user names: opened with one sentence instead of a traceback, read and cut by lines."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from log10_trace.errors import SetupError

STANDARD = "-"
"""Stands for the standard input or output."""


@contextmanager
def reading(name: str) -> Iterator[IO[bytes]]:
    """The file, open for reading.

    Raises:
        SetupError: it cannot be read.
    """
    if name == STANDARD:
        yield sys.stdin.buffer
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115 -- closed below; only opening it is the user's business
    except OSError as error:
        raise SetupError(_said(name, "read", error)) from None
    with file:
        yield file


@contextmanager
def writing(name: str | None, *, go_on: bool = False) -> Iterator[IO[bytes]]:
    """The file, open for writing: anew, or at its end with ``go_on``.

    Raises:
        SetupError: it cannot be written, or it is there already.
    """
    if name is None or name == STANDARD:
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        file = Path(name).open("ab" if go_on else "xb")  # noqa: SIM115 -- as above
    except FileExistsError:
        message = f"{name} is there already. Say --resume to go on with it, or --force to write it anew."
        raise SetupError(message) from None
    except OSError as error:
        raise SetupError(_said(name, "written", error)) from None
    with file:
        yield file


def _said(name: str, doing: str, error: OSError) -> str:
    return f"{name} cannot be {doing}: {error.strerror or error}."


def lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The lines that the pieces make up, without their ends; a last one without end is a line too."""
    rest: list[bytes] = []
    for piece in pieces:
        head, *tail = piece.split(b"\n")
        rest.append(head)
        for part in tail:
            yield b"".join(rest)
            rest = [part]
    if last := b"".join(rest):
        yield last


def cut_torn_end(path: Path) -> None:
    """Cut off what stands after the last line end: the beginning of a line that was never finished."""
    with path.open("rb+") as file:
        end = 0
        for line in file:
            if line.endswith(b"\n"):
                end += len(line)
        file.truncate(end)
