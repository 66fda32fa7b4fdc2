"""The program whose instructions are counted: calls of some workloads, in sections.

python benchmarks/instructions_program.py bare|recorded URL WORKLOAD [WORKLOAD ...]
"""

from __future__ import annotations

import ctypes
import gc
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from openai import OpenAI

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import log10_trace
from benchmarks.workloads import TIMEOUT_S, WORKLOADS

BARE: Final = "bare"
RECORDED: Final = "recorded"
MARK: Final = "srand48"
"""A function of libc that nothing else calls: callgrind writes what the thread took when it is entered."""
VGDB: Final = "LOG10_BENCHMARK_VGDB"
"""The variable that names the command by which callgrind is spoken to; none where nothing is counted."""
FLUSH_INTERVAL_S: Final = 3600
"""So long that the records of a section go in one request, and that no slow call is shown as started."""
FLUSH_S: Final = 600


def run(program: str, url: str, workloads: Sequence[int]) -> None:
    """Run each workload as warm-up, few and many times; each section ends when all is delivered."""
    mark: Callable[[int], object] = ctypes.CDLL(None)[MARK]
    if program == RECORDED:
        log10_trace.patch(url=url, token="benchmark", flush_interval=FLUSH_INTERVAL_S)
    tell_callgrind("instrumentation", "on")
    with OpenAI(base_url=f"{url}/v1", api_key="none", timeout=TIMEOUT_S) as client:
        for number in workloads:
            workload = WORKLOADS[number]
            few, many = workload.counted
            for runs in (few, few, many):
                gc.collect()
                # Else a collection of all that is there would come in one section and not in another.
                gc.freeze()
                mark(0)
                for _ in range(runs):
                    workload.run(client)
                mark(0)
                if not log10_trace.flush(timeout=FLUSH_S):
                    raise SystemExit("the records were not delivered")
                mark(0)
                # The other threads have no work now: callgrind writes what they took since the last time.
                tell_callgrind("dump")
    # What the end of a program takes belongs to no call.
    sys.stderr.flush()
    os._exit(0)


def tell_callgrind(*words: str) -> None:
    """Have callgrind do something, in all threads."""
    command = os.environ.get(VGDB)
    if command is None:
        return
    telling = subprocess.Popen([*command.split(), f"--pid={os.getpid()}", *words], stdout=subprocess.DEVNULL)
    # Not a system call that waits: valgrind looks for commands while the program executes instructions.
    while telling.poll() is None:
        pass
    if telling.returncode:
        raise SystemExit(f"{command} {' '.join(words)} failed")


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], [int(each) for each in sys.argv[3:]])
