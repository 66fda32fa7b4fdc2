"""Which surfaces are recorded with which version of the SDK, on which Python: run, not claimed.

    python tests/matrix.py              every cell, and the table of docs/recording.md
    python tests/matrix.py --corners    the oldest SDK on the oldest Python, the newest on the two newest
    python tests/matrix.py --corners --prepare FOLDER   makes their environments there, and runs nothing
    python tests/matrix.py --corners --use FOLDER       runs the tests in the environments made there

Each cell is a new virtual environment with that SDK, in which ``tests/instrument`` runs whole. Needs only the
Python interpreters, found as ``python3.X`` on the PATH or under ``~/.pyenv/versions``; one that is
not found is named, and its cells are left out.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from environments import make_environment

ROOT: Final = Path(__file__).resolve().parents[1]
NEWEST: Final = "newest"
PROGRAMS: Final = "tests.instrument.test_surfaces.test_a_call_leaves_its_record["
"""The test whose cases are the first rows of the table."""

MORE_ROWS: Final = {
    "tests.instrument.test_surfaces.test_azure_is_recorded": "AzureOpenAI",
    "tests.instrument.test_surfaces.test_the_module_level_client_is_recorded": "module-level client",
    "tests.instrument.test_surfaces.test_a_subclassed_client_is_recorded_once": "subclassed client",
    "tests.instrument.test_surfaces.test_methods_bound_before_patching_are_recorded": "bound before patch()",
    "tests.instrument.test_surfaces.test_a_custom_http_client_is_recorded": "custom http_client, transport",
    "tests.instrument.test_surfaces.test_the_aiohttp_backed_client_is_recorded": "aiohttp-backed client",
    "tests.instrument.test_surfaces.test_a_legacy_http_client_is_recorded": "httpx client, also on openai 3",
    "tests.instrument.test_background.test_retrieve_brings_the_answer_to_the_record": "responses, background",
    "tests.instrument.test_websocket.test_each_create_is_a_call": "responses.connect()",
    "tests.instrument.test_websocket.test_async": "async responses.connect()",
}
"""Tests that are rows by themselves, and how those are called; all others count for their cell alone."""

TRACERS: Final = (
    "opentelemetry-sdk",
    "openinference-instrumentation-openai",
    "opentelemetry-instrumentation-openai",
)
OTHER_SDKS: Final = ("anthropic", "cerebras-cloud-sdk", "groq", "together")
"""Installed in the cell of the newest SDK on Python 3.13; elsewhere their tests are skipped."""
TIME_LIMIT_S: Final = 120
"""How long one test may take before it is said to hang."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One version of the SDK on one Python."""

    sdk: str
    python: str

    @property
    def name(self) -> str:
        """As a column is headed."""
        return f"{self.sdk} / {self.python}"

    @property
    def folder(self) -> str:
        """The name of its environment."""
        return f"{self.sdk}-{self.python}"

    def requirements(self) -> list[str]:
        """What is installed beside the package. Before 1.56 the SDK does not know httpx 0.28."""
        version = (99,) if self.sdk == NEWEST else tuple(map(int, self.sdk.split(".")))
        sdk = "openai[aiohttp,realtime]" if version > (1, 89) else "openai"
        pinned = sdk if self.sdk == NEWEST else f"{sdk}=={self.sdk}"
        older = ["httpx<0.28"] if version < (1, 56) else []
        tracers = TRACERS if version > (2, 8) else ()
        others = OTHER_SDKS if (self.sdk, self.python) == (NEWEST, "3.13") else ()
        codings = ["brotli", "zstandard", "backports.zstd; python_version < '3.14'"]
        return [
            pinned,
            *older,
            *tracers,
            *others,
            *codings,
            "hypothesis",
            "pytest",
            "pytest-timeout",
            "pytest-xdist",
        ]


CELLS: Final = (
    Cell("1.0.0", "3.10"),
    Cell("1.30.5", "3.11"),
    Cell("1.60.2", "3.12"),
    Cell("1.109.1", "3.13"),
    Cell("2.0.0", "3.10"),
    Cell("2.54.0", "3.12"),
    Cell("3.0.0", "3.11"),
    Cell("3.52.0", "3.10"),
    Cell(NEWEST, "3.13"),
    Cell(NEWEST, "3.14"),
)
CORNERS: Final = (CELLS[0], *CELLS[-2:])


def interpreter(version: str) -> str | None:
    """The path of that Python, when there is one."""
    installed = sorted(Path("~/.pyenv/versions").expanduser().glob(f"{version}.*/bin/python"))
    return str(installed[-1]) if installed else shutil.which(f"python{version}")


def run(cell: Cell, environment: Path) -> dict[str, str]:
    """Run the tests in the cell's environment; each test's outcome by its name."""
    report = environment / "report.xml"
    inside = str(environment / "bin" / "python")
    options = ["-q", "-n", "auto", "--timeout", str(TIME_LIMIT_S), "--junitxml", str(report)]
    tests = [inside, "-m", "pytest", *options, "tests/instrument"]
    variables = {**os.environ, "LOG10_TEST_RECORDED": os.devnull}
    done = subprocess.run(tests, cwd=ROOT, capture_output=True, text=True, check=False, env=variables)
    print(f"openai {cell.name}: {done.stdout.strip().splitlines()[-1]}", file=sys.stderr, flush=True)
    if done.returncode:
        print(done.stdout[-6000:], file=sys.stderr)
    cases = ET.parse(report).iter("testcase")
    return {f"{case.get('classname')}.{case.get('name')}": outcome(case) for case in cases}


def outcome(case: ET.Element) -> str:
    """``●`` recorded as it should be, ``✗`` not, blank when this version has no such surface."""
    if case.find("skipped") is not None:
        return ""
    return "✗" if case.find("failure") is not None or case.find("error") is not None else "●"


def table(results: dict[Cell, dict[str, str]]) -> str:
    """The surfaces by versions, as Markdown."""
    ran = [name for name in next(iter(results.values())) if name.startswith(PROGRAMS)]
    titles = {name: name.removeprefix(PROGRAMS).removesuffix("]") for name in ran}
    programs = sorted(titles, key=lambda name: (titles[name].startswith("async"), titles[name]))
    rows = {name: titles[name] for name in programs} | MORE_ROWS
    lines = ["| | " + " | ".join(cell.name for cell in results) + " |", "|---" * (len(results) + 1) + "|"]
    for name, title in rows.items():
        marks = [result.get(name, "") for result in results.values()]
        lines.append(f"| {title} | " + " | ".join(marks) + " |")
    return "\n".join(lines)


def main() -> int:
    """Run the cells that were asked for; 1 when any test of any cell failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corners", action="store_true", help="oldest on oldest and newest on newest only")
    folders = parser.add_mutually_exclusive_group()
    folders.add_argument("--prepare", metavar="FOLDER", type=Path, help="make the environments, run nothing")
    folders.add_argument("--use", metavar="FOLDER", type=Path, help="run in the environments made there")
    asked = parser.parse_args()
    results: dict[Cell, dict[str, str]] = {}
    for cell in CORNERS if asked.corners else CELLS:
        python = interpreter(cell.python)
        if python is None:
            print(f"openai {cell.name}: left out, no python{cell.python} was found", file=sys.stderr)
            continue
        with tempfile.TemporaryDirectory() as temporary:
            environment = (asked.prepare or asked.use or Path(temporary)) / cell.folder
            if not asked.use:
                make_environment(environment, str(ROOT), *cell.requirements(), python=python)
            if not asked.prepare:
                results[cell] = run(cell, environment)
    if results:
        print(table(results))
    return int(any(mark == "✗" for result in results.values() for mark in result.values()))


if __name__ == "__main__":
    sys.exit(main())
