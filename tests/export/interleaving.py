"""Every interleaving of two pieces of code, one by one instead of by chance."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Any

Trace = Callable[[FrameType, str, Any], Any]


def at_every_moment(
    codes: tuple[CodeType, ...],
) -> Iterator[Callable[[Callable[[], Any], Callable[[], Any]], None]]:
    """One ``play(run, meanwhile)`` for each instruction of ``codes`` that ``run`` executes.

    ``play`` executes ``run``, and ``meanwhile`` once before that instruction. The caller makes what both work
    on anew in each turn.
    """
    moment, reached = 0, True
    while reached:
        moment, reached = moment + 1, False

        def play(run: Callable[[], Any], meanwhile: Callable[[], Any], moment: int = moment) -> None:
            nonlocal reached
            reached = _play(run, meanwhile, codes, moment)

        yield play


def _play(
    run: Callable[[], Any], meanwhile: Callable[[], Any], codes: tuple[CodeType, ...], moment: int
) -> bool:
    """Whether ``run`` has executed that many instructions."""
    left = moment

    def trace(frame: FrameType, event: str, _: Any) -> Trace | None:
        nonlocal left
        if frame.f_code not in codes:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            left -= 1
            if left == 0:
                sys.settrace(None)
                meanwhile()
                sys.settrace(trace)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)
    return left <= 0
