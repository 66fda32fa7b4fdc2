"""What a recorded call costs in machine instructions, which no neighbour on the machine can disturb.

Valgrind's callgrind counts the instructions of a program that runs each workload a few times and then more
often: the difference is what a run takes, whatever the delivery of a batch takes. Nothing is counted before
the first call: valgrind executes the start of a program five times as fast when it does not count.
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
from pathlib import Path
from typing import Final, NamedTuple

from openai import __version__

from benchmarks.endpoints import AT_ONCE, endpoints
from benchmarks.instructions_program import BARE, MARK, RECORDED, VGDB
from benchmarks.workloads import WORKLOADS

_VALGRIND: Final = "valgrind"
_MISSING: Final = "valgrind counts the instructions, and is not installed: apt-get install valgrind"
_PROGRAM: Final = Path(__file__).with_name("instructions_program.py")
_DUMP: Final = re.compile(r"counts\.(\d+)-(\d+)")
"""The file of what a thread took up to a dump; thread 01 is the program's own."""
_OWN_THREAD: Final = 1
_DUMPS_EACH: Final = 4
"""A section has the marks before the calls, behind them and behind the flush, and a dump of all threads."""
_SECTIONS_EACH: Final = 3
"""A workload has its warm-up, its few runs and its many."""
_TIMEOUT_S: Final = 3600


class Count(NamedTuple):
    """Instructions: of the caller's thread in the calls, and of all threads until all is delivered."""

    caller: float
    total: float


def print_instructions(workloads: Sequence[int] = range(len(WORKLOADS))) -> None:
    """Print the table: what a call takes without us, and what recording it adds."""
    if shutil.which(_VALGRIND) is None:
        raise SystemExit(_MISSING)
    print(f"openai {__version__}, Python {sys.version.split()[0]}: thousands of instructions per call\n")
    print("| | bare SDK | caller's thread | all threads |\n|---|---|---|---|", flush=True)
    with endpoints(AT_ONCE) as url, ThreadPoolExecutor(os.cpu_count()) as pool:
        bare, recorded = pool.map(lambda program: count_calls(program, workloads, url), (BARE, RECORDED))
    for number, without, with_us in zip(workloads, bare, recorded, strict=True):
        added = with_us.caller - without.caller, with_us.total - without.total
        cells = " | ".join(f"{each / 1000:,.0f}" for each in (without.total, *added))
        print(f"| {WORKLOADS[number].name} | {cells} |")


def count_calls(program: str, workloads: Sequence[int], url: str) -> list[Count]:
    """The instructions of one call of each workload."""
    with tempfile.TemporaryDirectory() as home:
        prefix = f"--vgdb-prefix={home}/vgdb"
        command = [
            *(_VALGRIND, "--tool=callgrind", "--instr-atstart=no", "--separate-threads=yes", prefix),
            *(f"--dump-before={MARK}*", f"--callgrind-out-file={home}/counts"),
            *(sys.executable, str(_PROGRAM), program, url, *map(str, workloads)),
        ]
        variables = {"HOME": home, "LOG10_HOME": home, "PYTHONHASHSEED": "0", VGDB: f"vgdb {prefix}"}
        ended = subprocess.run(
            command,
            env={"PATH": os.environ["PATH"], **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_S,
        )
        if ended.returncode:
            raise SystemExit(f"the measured program failed:\n{ended.stderr[-2000:]}")
        sections = read_sections(Path(home))
    return [
        count_difference(sections[at + 1], sections[at + 2], number)
        for at, number in zip(range(0, len(sections), _SECTIONS_EACH), workloads, strict=True)
    ]


def count_difference(few: Count, many: Count, number: int) -> Count:
    """What one call takes, by the counts of the few and of the many runs of the workload ``number``."""
    workload = WORKLOADS[number]
    calls = (workload.counted[1] - workload.counted[0]) * workload.calls
    return Count((many.caller - few.caller) / calls, (many.total - few.total) / calls)


def read_sections(folder: Path) -> list[Count]:
    """The instructions of each section of the program, in order."""
    dumps: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for path in folder.iterdir():
        name = _DUMP.fullmatch(path.name)
        if name is not None:
            (total,) = re.findall(r"^totals: (\d+)", path.read_text(), re.MULTILINE)
            dumps[int(name[1])][int(name[2])] = int(total)
    in_order = [dumps[number] for number in sorted(dumps)]
    sections = []
    for at in range(0, len(in_order), _DUMPS_EACH):
        _, calls, flush, others = in_order[at : at + _DUMPS_EACH]
        # What the program's own thread took behind the flush was to speak to callgrind.
        delivery = sum(count for thread, count in others.items() if thread != _OWN_THREAD)
        sections.append(Count(calls[_OWN_THREAD], calls[_OWN_THREAD] + flush[_OWN_THREAD] + delivery))
    return sections
