"""What a recorded call costs in machine instructions, which no neighbour on the machine can disturb.

Valgrind's callgrind counts the instructions of a program that runs each workload a few times and then more
often: the difference is what a run takes, whatever the start of the program and the delivery of a batch take.
A program that records less one that does not is what recording adds: on the caller's thread, and in all
threads until every record is delivered. The kernel's instructions are not counted.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from openai import __version__

from benchmarks.endpoints import AT_ONCE, endpoints
from benchmarks.instructions_program import BARE, MARK, RECORDED
from benchmarks.workloads import WORKLOADS

_VALGRIND: Final = "valgrind"
_MISSING: Final = "valgrind counts the instructions, and is not installed: apt-get install valgrind"
_PROGRAM: Final = Path(__file__).with_name("instructions_program.py")
_SECTION: Final = re.compile(r"counts\.(\d+)-(\d+)")
"""The file of a section and a thread."""
_CALLER: Final = 1
"""The number of the program's own thread."""
_SECTIONS_EACH: Final = 3
"""A workload has its warm-up, its few runs and its many."""
_TIMEOUT_S: Final = 3600


class Count(NamedTuple):
    """Instructions: on the caller's thread, and in all threads."""

    caller: float
    total: float


def print_instructions(workloads: Sequence[int] = range(len(WORKLOADS))) -> None:
    """Print the table: what a call takes without us, and what recording it adds."""
    if shutil.which(_VALGRIND) is None:
        raise SystemExit(_MISSING)
    print(f"openai {__version__}, Python {sys.version.split()[0]}: thousands of instructions per call\n")
    print("| | bare SDK | caller's thread | all threads |\n|---|---|---|---|", flush=True)
    with endpoints(AT_ONCE) as url, ThreadPoolExecutor(2) as pool:
        programs = pool.map(partial(count_calls, workloads=workloads, url=url), (BARE, RECORDED))
        for number, bare, recorded in zip(workloads, *programs, strict=True):
            figures = (bare.total, recorded.caller - bare.caller, recorded.total - bare.total)
            cells = " | ".join(f"{each / 1000:,.0f}" for each in figures)
            print(f"| {WORKLOADS[number].name} | {cells} |", flush=True)


def count_calls(program: str, workloads: Sequence[int], url: str) -> list[Count]:
    """The instructions of one call of each workload."""
    with tempfile.TemporaryDirectory() as home:
        command = [
            *(_VALGRIND, "--tool=callgrind", f"--dump-before={MARK}*", "--separate-threads=yes"),
            f"--callgrind-out-file={home}/counts",
            *(sys.executable, str(_PROGRAM), program, url, *map(str, workloads)),
        ]
        variables = {"PATH": os.environ["PATH"], "HOME": home, "LOG10_HOME": home, "PYTHONHASHSEED": "0"}
        ended = subprocess.run(
            command, env=variables, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S
        )
        if ended.returncode:
            raise SystemExit(f"the measured program failed:\n{ended.stderr[-2000:]}")
        sections = read_sections(Path(home))
    # Section 1 is the start.
    return [
        count_difference(sections[at + 1], sections[at + 2], number)
        for at, number in zip(range(1, len(sections), _SECTIONS_EACH), workloads, strict=False)
    ]


def count_difference(few: Count, many: Count, number: int) -> Count:
    """What one call takes, by the counts of the few and of the many runs of the workload ``number``."""
    workload = WORKLOADS[number]
    calls = (workload.counted[1] - workload.counted[0]) * workload.calls
    return Count((many.caller - few.caller) / calls, (many.total - few.total) / calls)


def read_sections(folder: Path) -> list[Count]:
    """The instructions of each section of the program, in order."""
    threads: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for path in folder.iterdir():
        name = _SECTION.fullmatch(path.name)
        if name is not None:
            (total,) = re.findall(r"^totals: (\d+)", path.read_text(), re.MULTILINE)
            threads[int(name[1])][int(name[2])] = int(total)
    return [Count(each.get(_CALLER, 0), sum(each.values())) for _, each in sorted(threads.items())]
