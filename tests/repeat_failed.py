"""Repeats the tests that failed in the last run, when they are few: tells a fault from an unlucky moment.

    python tests/repeat_failed.py

A fault fails again: alone, or behind the tests that stand before it in its file, which are repeated once. A
test that failed once and then passes each of many times depends on something that happens once in hundreds
of runs; it is named at the end as UNSTABLE, so that it is mended next. With more failures than a few, where
a worker crashed, and behind a run that did not come to its end, nothing is repeated: that is no coincidence.
Exits with 1 when the run stays failed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
MAX_FAILED: Final = 2
REPEATS: Final = 10
OUTCOME: Final = "log10_trace/outcome"
"""The note of the exit status of the last run, and of how many failures it reported."""
_TESTS_FAILED: Final = 1


def main(root: Path = ROOT, *, repeats: int = REPEATS) -> int:
    """Repeat what failed in the last run of ``root``; 0 when each test of it passes every time."""
    failed, (status, reported) = read_failed(root), read_outcome(root)
    if not 0 < len(failed) <= MAX_FAILED or not all("::" in test for test in failed):
        print(f"{len(failed)} failed: nothing is repeated unless it is 1 to {MAX_FAILED} tests.")
        return 1
    # Behind a crash a test is run again, and none that failed if it passes; what is interrupted is not whole.
    if status != _TESTS_FAILED or reported != len(failed):
        print(f"Exit status {status}, {reported} failures, {len(failed)} failed tests: nothing is repeated.")
        return 1
    print(f"Repeating each {repeats} times: {', '.join(failed)}", flush=True)
    files = list(dict.fromkeys(test.partition("::")[0] for test in failed))
    for number, tests in enumerate([files, *[failed] * repeats]):
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *tests]
        if subprocess.run(command, cwd=root, check=False).returncode:
            where = f"at repeat {number}" if number else "in its file"
            print(f"Failed again, {where}: the run stays failed.")
            return 1
    for test in failed:
        print(f"UNSTABLE: {test} failed once, above, and passed {repeats} times alone. Mend it next.")
    return 0


def read_failed(root: Path) -> list[str]:
    """The ids of the tests that failed in the last run; none when it left no note."""
    return sorted(_read_note(root, "cache/lastfailed") or [])


def read_outcome(root: Path) -> tuple[int, int]:
    """The exit status of the last run, and how many failures it reported."""
    status, reported = _read_note(root, OUTCOME) or (0, 0)
    return status, reported


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Note how the run ended: a hook of ``tests/conftest.py``."""
    cache = getattr(session.config, "cache", None)
    if cache is not None and not hasattr(session.config, "workerinput"):
        cache.set(OUTCOME, [int(exitstatus), session.testsfailed])


def _read_note(root: Path, name: str) -> Any:
    note = root / ".pytest_cache" / "v" / name
    return json.loads(note.read_text()) if note.exists() else None


if __name__ == "__main__":
    sys.exit(main())
