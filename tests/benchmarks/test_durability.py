"""The loss table of ``benchmarks/delivery.py``: a program that crashes is none that loses records."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import durability
from benchmarks.peers.process import SilenceError


class Ended:
    """A program that has ended."""

    def __init__(self, word: str | None, status: int, exit_s: float | None = 0.5) -> None:
        self.status = status
        self._word = word
        self._exit_s = exit_s

    def hear(self, _word: str, _seconds: float) -> str | None:
        """What it said at its end."""
        return self._word

    def end(self, _seconds: float) -> float | None:
        """The seconds of its end; None where it was killed for it."""
        return self._exit_s


@pytest.mark.parametrize(
    ("program", "killed"),
    [(Ended("", 0), False), (Ended(None, -9), True), (Ended("", -9, None), False)],
    ids=["ends", "kills itself", "hangs at its end"],
)
def test_the_end_of_a_program_that_did_its_work_is_timed(program: Any, killed: bool) -> None:
    """Also where it is to kill itself, or has to be killed because it hangs."""
    assert durability._end(program, killed=killed) == program.end(0)


@pytest.mark.parametrize(
    ("program", "killed"),
    [(Ended(None, 1), False), (Ended("", 1), False), (Ended(None, 1), True)],
    ids=["crashes", "crashes at its end", "crashes before it kills itself"],
)
def test_a_program_that_crashes_is_not_measured(program: Any, killed: bool) -> None:
    """What did not arrive of its records was not lost by the library's way of delivery."""
    with pytest.raises(SilenceError, match="exit status 1"):
        durability._end(program, killed=killed)
