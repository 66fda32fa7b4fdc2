"""Failed tests are repeated, and the run stays failed unless each of them then passes every time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.repeat_failed import MAX_FAILED, main

_FAILS_THE_FIRST_TIME = """
from pathlib import Path

def test_unlucky():
    seen = Path(__file__).with_name("seen")
    was_there = seen.exists()
    seen.touch()
    assert was_there
"""
_FAILS = """
def test_faulty():
    assert False
"""


@pytest.fixture(autouse=True)
def _without_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # they take most of a start


def _run(folder: Path, text: str) -> None:
    (folder / "test_it.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]")
    subprocess.run([sys.executable, "-m", "pytest", "-q"], cwd=folder, check=False, capture_output=True)


def test_a_test_that_fails_once_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It passes when it is repeated; the run passes, and says which test is unstable."""
    _run(tmp_path, _FAILS_THE_FIRST_TIME)

    assert main(tmp_path, repeats=2) == 0
    assert "UNSTABLE: test_it.py::test_unlucky" in capsys.readouterr().out


def test_a_fault_fails_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One that fails each time, or beside an unlucky one, leaves the run failed."""
    _run(tmp_path, _FAILS + _FAILS_THE_FIRST_TIME)

    assert main(tmp_path, repeats=2) == 1
    assert "UNSTABLE" not in capsys.readouterr().out


def test_many_failures_are_not_repeated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """More failures than a few, none that was noted, or a file that cannot be imported: nothing is run."""
    assert main(tmp_path) == 1
    _run(tmp_path, "import nothing_of_this_name")
    assert main(tmp_path) == 1
    _run(tmp_path, "".join(_FAILS.replace("faulty", f"faulty{each}") for each in range(MAX_FAILED + 1)))
    assert main(tmp_path) == 1
    assert "Repeating" not in capsys.readouterr().out
