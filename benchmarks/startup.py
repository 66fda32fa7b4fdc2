"""What log10_trace adds to the start of a program, against a program that only uses the SDK.

    python benchmarks/startup.py [--rounds 15]
    python benchmarks/startup.py --instructions        counted by valgrind's cachegrind, which takes minutes
    python benchmarks/startup.py --python ~/openai-2/bin/python      in other environments, one or several

Every figure comes from processes of their own. In each round a program that only uses the SDK and one that
also records take turns, in alternating order. What is printed is the median of the differences: milliseconds
on the clock, and in brackets those of CPU time in all threads.

* ``import log10_trace``, and that with ``patch()`` behind it, after ``import openai``;
* the first record: from the start to a first call whose record the server has acknowledged (``flush()``),
  less the same program without log10_trace.

An environment needs ``openai`` and what log10_trace depends on. log10_trace is the one of this clone.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.endpoints import endpoints  # noqa: E402

STEPS: Final = ("import", "log10_trace", "patch", "call", "record")

BARE: Final = """
import json, os, sys, time
marks = {}
def mark(step):
    marks[step] = (time.perf_counter() * 1e3, time.process_time() * 1e3)
def end():
    print(json.dumps([sys.modules["openai"].__version__, marks]), flush=True)
    os._exit(0)  # how a program ends is another question
mark("start")
import openai
mark("import")
"""
CALL: Final = """
with openai.OpenAI(base_url=os.environ["ENDPOINT"] + "/v1", api_key="k") as client:
    client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hello"}])
mark("call")
"""
IMPORT: Final = """
import log10_trace
mark("log10_trace")
"""
PATCH: Final = """
log10_trace.patch(url=os.environ["ENDPOINT"], token="benchmark")
mark("patch")
"""
FLUSH: Final = """
assert log10_trace.flush(60)
mark("record")
"""
END: Final = "end()"

WITHOUT: Final = BARE + CALL + END
WITH: Final = BARE + IMPORT + PATCH + CALL + FLUSH + END

GROWING: Final = {
    "start": BARE.replace("import openai", "").replace('sys.modules["openai"].__version__', '""') + END,
    "import": BARE + END,
    "log10_trace": BARE + IMPORT + END,
    "patch": BARE + IMPORT + PATCH + END,
    "call": BARE + CALL + END,
    "record": BARE + IMPORT + PATCH + CALL + FLUSH + END,
}
"""Programs that end with a step, for a tool that can only count whole processes."""


class Interpreter:
    """A Python with an SDK, and the programs that run in it."""

    def __init__(self, path: str, endpoint: str, home: str) -> None:
        self.path = path
        self.version = ""
        # A fixed seed: the order of sets is a part of what runs.
        self._variables = {
            **{
                name: value for name, value in os.environ.items() if not name.startswith(("LOG10_", "PYTHON"))
            },
            "ENDPOINT": endpoint,
            "LOG10_HOME": home,
            "PYTHONHASHSEED": "0",
            "PYTHONPYCACHEPREFIX": f"{home}/compiled",
            "PYTHONPATH": str(ROOT),
        }

    def run(self, program: str, *before: str) -> tuple[dict[str, tuple[float, float]], str]:
        """When the steps of a program ended, on the clock and in CPU time; and what ``before`` printed."""
        command = [*before, self.path, "-c", program]
        done = subprocess.run(command, env=self._variables, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{self.path}: {done.stderr[-2000:]}")
        version, marks = json.loads(done.stdout)
        self.version = version or self.version
        return marks, done.stderr


def measure(interpreter: Interpreter, rounds: int) -> list[str]:
    """One row of the table: the SDK's own start, and what is added, in milliseconds."""
    programs = (WITHOUT, WITH)
    for program in programs:
        interpreter.run(program)  # writes the compiled modules, and has the machine read the files
    bare, added = [], []
    for round_ in range(rounds):
        results = [interpreter.run(each)[0] for each in (programs if round_ % 2 else programs[::-1])]
        without, with_us = results if round_ % 2 else results[::-1]
        bare.append([_between(without, "start", "import"), _between(without, "start", "call")])
        added.append(
            [
                _between(with_us, "import", "log10_trace"),
                _between(with_us, "import", "patch"),
                _subtract(_between(with_us, "start", "record"), _between(without, "start", "call")),
            ]
        )
    return [_medians(column) for rows in (bare, added) for column in zip(*rows, strict=True)]


def _between(marks: dict[str, tuple[float, float]], first: str, last: str) -> tuple[float, float]:
    return _subtract(marks[last], marks[first])


def _subtract(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    return one[0] - other[0], one[1] - other[1]


def _medians(pairs: tuple[tuple[float, float], ...]) -> str:
    wall, cpu = (statistics.median(each) for each in zip(*pairs, strict=True))
    return f"{wall:.1f} ({cpu:.1f})"


def count(interpreter: Interpreter, _rounds: int) -> list[str]:
    """The same row in millions of instructions, which differ by a few in a thousand from run to run."""
    with tempfile.NamedTemporaryFile() as out:
        valgrind = ["valgrind", "--tool=cachegrind", "--cache-sim=no", f"--cachegrind-out-file={out.name}"]
        counts = {}
        for step, program in GROWING.items():
            interpreter.run(program)
            _, said = interpreter.run(program, *valgrind)
            found = re.search(r"I\s+refs:\s+([\d,]+)", said)
            assert found is not None, said
            counts[step] = int(found[1].replace(",", "")) / 1e6
    begun = counts["import"]
    figures = (
        begun - counts["start"],
        counts["call"] - counts["start"],
        counts["log10_trace"] - begun,
        counts["patch"] - begun,
        counts["record"] - counts["call"],
    )
    return [f"{each:,.0f}" for each in figures]


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument(
        "--instructions", action="store_true", help="millions of instructions, not milliseconds"
    )
    parser.add_argument("--python", nargs="+", default=[sys.executable], help="interpreters to measure in")
    asked = parser.parse_args()
    row: Callable[[Interpreter, int], list[str]] = count if asked.instructions else measure
    in_ms = f"ms on the clock (of CPU time), medians of {asked.rounds} rounds"
    print("millions of instructions\n" if asked.instructions else f"{in_ms}\n")
    print(
        "| openai | `import openai` | first answer | + `import log10_trace` | + `patch()` | + first record |"
    )
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as home, endpoints() as endpoint:
        for path in asked.python:
            interpreter = Interpreter(path, endpoint, home)
            figures = row(interpreter, asked.rounds)
            print(f"| {interpreter.version} | " + " | ".join(figures) + " |", flush=True)


if __name__ == "__main__":
    main()
