"""The standard streams of a process that was begun without some of them, as by ``>&-`` in a shell."""

from __future__ import annotations

import os
import sys


def open_missing_streams() -> None:
    """Open those that are closed: what reads finds the end, what writes to the standard output fails.

    Left closed, the next file that is opened, a database perhaps, would have the number of the stream, and
    what some library prints would be written into it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is not None or _is_open(number):
            continue
        # To fail on the standard output is better than to lose it; where errors cannot go, nobody looks.
        opened = os.open(os.devnull, os.O_WRONLY if name == "stderr" else os.O_RDONLY)
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)
        mode = "w" if number else "r"
        setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 -- for good


def announce(text: str) -> None:
    """Write a line to the standard output that is not the work of the command; where that fails, go on."""
    try:
        print(text, flush=True)  # noqa: T201 -- the command's own voice
    except OSError:
        discard_stdout()


def discard_stdout() -> None:
    """Give the output that cannot be written somewhere to go: Python writes it again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
