"""Which surfaces are recorded with which version of the SDK, on which Python: run, not claimed.

    python tests/matrix.py              every cell, and the table of the README as Markdown
    python tests/matrix.py --corners    the oldest SDK on the oldest Python, the newest on the newest

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

ROOT: Final = Path(__file__).resolve().parents[1]
NEWEST: Final = "newest"
ROWS: Final = "test_a_call_leaves_its_record["
"""The test whose cases are the rows of the table; the other tests count for their cell alone."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One version of the SDK on one Python."""

    sdk: str
    python: str

    @property
    def name(self) -> str:
        """As a column is headed."""
        return f"{self.sdk} / {self.python}"

    def requirements(self) -> list[str]:
        """What is installed beside the package. Before 1.56 the SDK does not know httpx 0.28."""
        sdk = "openai" if self.sdk == NEWEST else f"openai=={self.sdk}"
        is_old = self.sdk != NEWEST and tuple(map(int, self.sdk.split("."))) < (1, 56)
        more = ["httpx<0.28"] if is_old else []
        if self.sdk == NEWEST or self.sdk.startswith("3."):
            more += ["websockets", "aiohttp", "httpx-aiohttp"]
        return [sdk, *more, "pytest", "pytest-xdist", "hypothesis", "brotli", "zstandard"]


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
)
CORNERS: Final = (CELLS[0], CELLS[-1])


def interpreter(version: str) -> str | None:
    """The path of that Python, when there is one."""
    installed = sorted(Path("~/.pyenv/versions").expanduser().glob(f"{version}.*/bin/python"))
    return str(installed[-1]) if installed else shutil.which(f"python{version}")


def run(cell: Cell, python: str, folder: Path) -> dict[str, str]:
    """Make the cell's environment, run the tests in it; each test's outcome by its name."""
    report = folder / "report.xml"
    subprocess.run([python, "-m", "venv", folder / "venv"], check=True)
    inside = str(folder / "venv" / "bin" / "python")
    install = [inside, "-m", "pip", "install", "-q", "--disable-pip-version-check", str(ROOT)]
    subprocess.run([*install, *cell.requirements()], check=True)
    tests = [inside, "-m", "pytest", "-q", "-n", "auto", "tests/instrument", "--junitxml", str(report)]
    variables = {**os.environ, "LOG10_TEST_RECORDED": os.devnull}
    done = subprocess.run(tests, cwd=ROOT, capture_output=True, text=True, check=False, env=variables)
    print(f"openai {cell.name}: {done.stdout.strip().splitlines()[-1]}", file=sys.stderr, flush=True)
    if done.returncode:
        print(done.stdout[-6000:], file=sys.stderr)
    return {case.get("name", ""): outcome(case) for case in ET.parse(report).iter("testcase")}


def outcome(case: ET.Element) -> str:
    """``●`` recorded as it should be, ``✗`` not, blank when this version has no such surface."""
    if case.find("skipped") is not None:
        return ""
    return "✗" if case.find("failure") is not None or case.find("error") is not None else "●"


def table(results: dict[Cell, dict[str, str]]) -> str:
    """The surfaces by versions, as Markdown."""
    names = [name for name in next(iter(results.values())) if name.startswith(ROWS)]
    lines = ["| | " + " | ".join(cell.name for cell in results) + " |", "|---" * (len(results) + 1) + "|"]
    for name in names:
        marks = [result.get(name, "") for result in results.values()]
        lines.append(f"| {name.removeprefix(ROWS).removesuffix(']')} | " + " | ".join(marks) + " |")
    return "\n".join(lines)


def main() -> int:
    """Run the cells that were asked for; 1 when any test of any cell failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corners", action="store_true", help="oldest on oldest and newest on newest only")
    results: dict[Cell, dict[str, str]] = {}
    for cell in CORNERS if parser.parse_args().corners else CELLS:
        python = interpreter(cell.python)
        if python is None:
            print(f"openai {cell.name}: left out, no python{cell.python} was found", file=sys.stderr)
            continue
        with tempfile.TemporaryDirectory() as folder:
            results[cell] = run(cell, python, Path(folder))
    if results:
        print(table(results))
    return int(any(mark == "✗" for result in results.values() for mark in result.values()))


if __name__ == "__main__":
    sys.exit(main())
