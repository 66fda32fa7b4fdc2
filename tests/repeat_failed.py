"""Repeats the tests that failed in the last run, when they are few: tells a fault from an unlucky moment.

    python tests/repeat_failed.py

A fault fails again. A test that failed once and then passes each of many times depends on something that
happens once in hundreds of runs; it is named at the end as UNSTABLE, so that it is mended next. With
more failures than a few, nothing is repeated: that is no coincidence. Exits with 1 when the run stays failed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
MAX_FAILED: Final = 2
REPEATS: Final = 10


def main(root: Path = ROOT, *, repeats: int = REPEATS) -> int:
    """Repeat what failed in the last run of ``root``; 0 when each test of it passes every time."""
    failed = read_failed(root)
    if not 0 < len(failed) <= MAX_FAILED or not all("::" in test for test in failed):
        print(f"{len(failed)} failed: nothing is repeated unless it is 1 to {MAX_FAILED} tests.")
        return 1
    print(f"Repeating each {repeats} times: {', '.join(failed)}", flush=True)
    for number in range(1, repeats + 1):
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *failed]
        if subprocess.run(command, cwd=root, check=False).returncode:
            print(f"Failed again, at repeat {number}: the run stays failed.")
            return 1
    for test in failed:
        print(f"UNSTABLE: {test} failed once, above, and passed {repeats} times alone. Mend it next.")
    return 0


def read_failed(root: Path) -> list[str]:
    """The ids of the tests that failed in the last run; none when it left no note."""
    notes = root / ".pytest_cache" / "v" / "cache" / "lastfailed"
    return sorted(json.loads(notes.read_text())) if notes.exists() else []


if __name__ == "__main__":
    sys.exit(main())
