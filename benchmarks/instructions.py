"""What a recorded call costs in machine instructions, which no neighbour on the machine can disturb.

Valgrind's callgrind counts the instructions of a program that makes 20 calls of a workload and then 60: the
difference is what 40 calls take, whatever the start of the program and the delivery of a batch take. A
program that records less one that does not is what recording adds: on the caller's thread, and in all
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

FEW: Final = 20
MANY: Final = 60
_VALGRIND: Final = "valgrind"
_MISSING: Final = "valgrind counts the instructions, and is not installed: apt-get install valgrind"
_PROGRAM: Final = Path(__file__).with_name("instructions_program.py")
_SECTION: Final = re.compile(r"counts\.(\d+)(?:-01)?")
"""The files of the sections; behind the dash stands the thread, 01 the program's own."""


def print_instructions() -> None:
    """Print the table: what a call takes without us, and what recording it adds."""
    if shutil.which(_VALGRIND) is None:
        raise SystemExit(_MISSING)
    numbers = range(len(WORKLOADS))
    print(f"openai {__version__}, Python {sys.version.split()[0]}: thousands of instructions per call\n")
    print("| | bare SDK | caller's thread | all threads |\n|---|---|---|---|")
    with endpoints(AT_ONCE) as url, ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = [
            pool.submit(count_calls, program, numbers, url, caller_only=caller_only)
            for caller_only in (False, True)
            for program in (BARE, RECORDED)
        ]
        columns = zip(*(each.result() for each in counts), strict=True)
    for workload, (bare, recorded, bare_caller, recorded_caller) in zip(WORKLOADS, columns, strict=True):
        figures = (bare, recorded_caller - bare_caller, recorded - bare)
        print(f"| {workload.name} | {' | '.join(f'{each / 1000:,.0f}' for each in figures)} |")


def count_calls(
    program: str, workloads: Sequence[int], url: str, *, caller_only: bool, few: int = FEW, many: int = MANY
) -> list[float]:
    """The instructions of one call of each workload, of the program's own thread or of all threads."""
    with tempfile.TemporaryDirectory() as home:
        command = [
            *(_VALGRIND, "--tool=callgrind", f"--dump-before={MARK}*"),
            *(f"--separate-threads={'yes' if caller_only else 'no'}", f"--callgrind-out-file={home}/counts"),
            *(sys.executable, str(_PROGRAM), program, url, str(few), str(many), *map(str, workloads)),
        ]
        variables = {"PATH": os.environ["PATH"], "HOME": home, "LOG10_HOME": home, "PYTHONHASHSEED": "0"}
        ended = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        if ended.returncode:
            raise SystemExit(f"the measured program failed:\n{ended.stderr[-2000:]}")
        sections = _read_sections(Path(home))
    # Section 1 is the start; then each workload has its warm-up, its few calls and its many.
    return [(sections[at + 2] - sections[at + 1]) / (many - few) for at in range(1, len(sections) - 1, 3)]


def _read_sections(folder: Path) -> list[int]:
    """The instructions of each section of the program, in order."""
    found = {}
    for path in folder.iterdir():
        name = _SECTION.fullmatch(path.name)
        if name is not None:
            (totals,) = re.findall(r"^totals: (\d+)", path.read_text(), re.MULTILINE)
            found[int(name[1])] = int(totals)
    return [found[number] for number in sorted(found)]
