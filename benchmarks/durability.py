"""The loss table: what arrives of what was recorded, and how long the end of a program is held up.

Every cell is a program of its own (``peers/program.py``): the real SDK, calls that a model on this machine
answers at once, recorded by one library that delivers to an API on this machine. Every library is set up
anew, with its defaults, and has delivered one record when the cell begins. A record has arrived when question
and answer have. A library whose records do not all arrive while nothing is wrong is not measured further.
"""

from __future__ import annotations

import signal
import statistics
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from benchmarks.peers import BARE, OURSELVES, Peer
from benchmarks.peers.fake_api import FakeApi, Mode
from benchmarks.peers.process import PeerProcess, SilenceError
from benchmarks.peers.program import CHILD_CALLS, KILLED_AT, LONG_S, OUTAGE_CALLS, SHORT_S, SOME

CALLS_S: Final = 300
"""How long a program may take over its calls."""
EXIT_S: Final = 120
"""How long a program may take to end before it is killed."""
PAIRS: Final = 15
"""Calls of 1 MB with a library and without it, in turns."""
PROCESSES: Final = 3
"""Two processes of one program differ by some 0.3 ms a call: so many pairs of them are asked."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one program."""

    arrived: int
    twice: int
    exit_s: float | None
    """From its last line to its end; None when it had to be killed."""
    hung: bool
    """A forked child had to be killed."""

    def count(self) -> str:
        """What arrived."""
        twice = f" (+{self.twice} twice)" if self.twice else ""
        return f"{self.arrived}{twice}{', child hangs' if self.hung else ''}"


@contextmanager
def _scene() -> Iterator[tuple[FakeApi, str]]:
    api = FakeApi()
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
            yield api, home
    finally:
        api.close()


def _run(
    peer: Peer, name: str, mode: Mode = "up", outage_s: float | None = None, *, again: bool = False
) -> Outcome:
    """One program, the API in this mode once it has begun; then, if asked, its next run with the API up."""
    with _scene() as (api, home):
        program = PeerProcess(peer, name, api.url, home)
        api.mode = mode
        if outage_s:
            threading.Timer(outage_s, setattr, (api, "mode", "up")).start()
        program.go()
        exit_s = _end(program, killed=name == "killed")
        if again:
            api.mode = "up"
            following = PeerProcess(peer, "restarted", api.url, home)
            following.go()
            _end(following)
        return Outcome(api.arrived, api.twice, exit_s, "HANGS" in program.said)


def _end(program: PeerProcess, *, killed: bool = False) -> float | None:
    """Wait for the end of a program, which is to kill itself where ``killed``; the seconds of its end.

    Raises:
        SilenceError: it crashed, which is not to lose records.
    """
    has_said = program.hear("END", CALLS_S) is not None
    exit_s = program.end(EXIT_S)
    if killed and program.status == -signal.SIGKILL:
        return exit_s
    if not has_said or (exit_s is not None and program.status):
        raise SilenceError(f"it crashes (exit status {program.status})")
    return exit_s


def _held_up(peer: Peer) -> str:
    """How much longer the end takes than that of a program which records nothing."""
    took, bare = _run(peer, "some", "silent").exit_s, _run(BARE, "some", "silent").exit_s
    return f"> {EXIT_S}" if took is None or bare is None else f"{max(0.0, took - bare):.1f}"


def _caller_ms(peer: Peer) -> str:
    """CPU time that recording a call of 1 MB adds to the caller's thread."""
    added = [_added_ms(peer) for _ in range(PROCESSES)]
    whole = "" if all(cut == PAIRS for _, cut in added) else f" ({added[0][1]} of {PAIRS} arrive whole)"
    return f"{statistics.median(ms for ms, _ in added):.1f}{whole}"


def _added_ms(peer: Peer) -> tuple[float, int]:
    """Median of the differences of pairs of calls, and how many records arrived whole."""
    with _scene() as (api, home):
        programs = [PeerProcess(each, "caller", api.url, home) for each in (BARE, peer)]
        programs[0].go()
        programs[1].go()
        pairs = [[float(each.ask("TOOK", CALLS_S)) for each in programs] for _ in range(PAIRS)]
        for each in programs:
            each.end(EXIT_S)
        return statistics.median(recorded - bare for bare, recorded in pairs), api.arrived


CELLS: Final[dict[str, Callable[[Peer], str]]] = {
    f"SIGKILL right after record {KILLED_AT}": lambda peer: _run(peer, "killed", again=True).count(),
    f"{SHORT_S} s of 503, of {OUTAGE_CALLS}": lambda peer: _run(
        peer, "short_outage", "down", SHORT_S
    ).count(),
    f"{LONG_S} s of 503, of {OUTAGE_CALLS}": lambda peer: _run(peer, "long_outage", "down", LONG_S).count(),
    f"503 until exit, then a restart, of {SOME}": lambda peer: _run(peer, "some", "down", again=True).count(),
    "exit held up while the API never answers, s": _held_up,
    f"a forked child's {CHILD_CALLS}, it lives on": lambda peer: _run(peer, "forked").count(),
    f"a forked child's {CHILD_CALLS}, it exits": lambda peer: _run(peer, "forked_exits").count(),
    "caller's CPU ms for 1 MB of messages": _caller_ms,
}


def _row(peer: Peer) -> list[str]:
    """One library's row of the table, without its name."""
    try:
        healthy = _run(peer, "healthy")
    except SilenceError as silence:
        return [f"not measured: {silence}"]
    if healthy.arrived != SOME:
        return [f"not measured: {healthy.arrived} of {SOME} arrive while nothing is wrong"]
    return [healthy.count(), *(_cell(measure, peer) for measure in CELLS.values())]


def _cell(measure: Callable[[Peer], str], peer: Peer) -> str:
    try:
        return measure(peer)
    except SilenceError as silence:
        return f"not measured: {silence}"


def print_losses(peers: Sequence[Peer]) -> None:
    """Print the table, ourselves first, a row as soon as it is known."""
    columns = ["", f"nothing wrong, of {SOME}", *CELLS]
    print(f"\n## What arrives\n\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for peer in (OURSELVES, *peers):
        row = _row(peer)
        row += [""] * (len(columns) - 1 - len(row))
        print(f"| {peer.title} {peer.version} | {' | '.join(row)} |", flush=True)
