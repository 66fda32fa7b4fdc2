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
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from openai import __version__

from benchmarks.endpoints import AT_ONCE, endpoints
from benchmarks.instructions_program import BARE, MARK, RECORDED
from benchmarks.workloads import WORKLOADS

_VALGRIND: Final = "valgrind"
_MISSING: Final = "valgrind counts the instructions, and is not installed: apt-get install valgrind"
_PROGRAM: Final = Path(__file__).with_name("instructions_program.py")
_SECTION: Final = re.compile(r"counts\.(\d+)(?:-01)?")
"""The file of a section; behind the dash stands the thread, 01 the program's own."""
_SECTIONS_EACH: Final = 3
"""A workload has its warm-up, its few runs and its many."""
_TIMEOUT_S: Final = 3600


def print_instructions(workloads: Sequence[int] = range(len(WORKLOADS))) -> None:
    """Print the table: what a call takes without us, and what recording it adds."""
    if shutil.which(_VALGRIND) is None:
        raise SystemExit(_MISSING)
    print(f"openai {__version__}, Python {sys.version.split()[0]}: thousands of instructions per call\n")
    print("| | bare SDK | caller's thread | all threads |\n|---|---|---|---|", flush=True)
    with endpoints(AT_ONCE) as url, ThreadPoolExecutor(os.cpu_count()) as pool:
        # The SDK has no other thread: what it takes there is what it takes in all.
        programs = ((BARE, False), (RECORDED, True), (RECORDED, False))
        counts = [pool.submit(count_calls, each, workloads, url, caller_only=only) for each, only in programs]
        columns = [each.result() for each in counts]
    for number, bare, caller, total in zip(workloads, *columns, strict=True):
        cells = " | ".join(f"{each / 1000:,.0f}" for each in (bare, caller - bare, total - bare))
        print(f"| {WORKLOADS[number].name} | {cells} |")


def count_calls(program: str, workloads: Sequence[int], url: str, *, caller_only: bool) -> list[float]:
    """The instructions of one call of each workload, of the program's own thread or of all threads."""
    with tempfile.TemporaryDirectory() as home:
        command = [
            *(_VALGRIND, "--tool=callgrind", f"--dump-before={MARK}*"),
            *(f"--separate-threads={'yes' if caller_only else 'no'}", f"--callgrind-out-file={home}/counts"),
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


def count_difference(few: int, many: int, number: int) -> float:
    """What one call takes, by the counts of the few and of the many runs of the workload ``number``."""
    workload = WORKLOADS[number]
    return (many - few) / ((workload.counted[1] - workload.counted[0]) * workload.calls)


def read_sections(folder: Path) -> list[int]:
    """The instructions of each section of the program, in order."""
    found = {}
    for path in folder.iterdir():
        name = _SECTION.fullmatch(path.name)
        if name is not None:
            (total,) = re.findall(r"^totals: (\d+)", path.read_text(), re.MULTILINE)
            found[int(name[1])] = int(total)
    return [found[number] for number in sorted(found)]
