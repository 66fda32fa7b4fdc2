"""Failed tests are repeated, and the run stays failed unless each of them then passes every time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.repeat_failed import MAX_FAILED, OUTCOME, ROOT, main

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
_FAILS_BEHIND_ANOTHER = """
SEEN = []

def test_before():
    SEEN.append(1)

def test_behind():
    assert not SEEN
"""
_NOTES_ITS_OUTCOME = """
from tests.repeat_failed import pytest_sessionfinish
"""


@pytest.fixture(autouse=True)
def _without_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # they take most of a start
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def _run(folder: Path, text: str) -> None:
    (folder / "test_it.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]")
    (folder / "conftest.py").write_text(_NOTES_ITS_OUTCOME)
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


def test_a_fault_that_needs_the_tests_before_it_fails_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Alone it passes; in its file it does not."""
    _run(tmp_path, _FAILS_BEHIND_ANOTHER)

    assert main(tmp_path, repeats=1) == 1
    assert "Failed again, in its file" in capsys.readouterr().out


@pytest.mark.parametrize("outcome", [[2, 1], [3, 1], [1, 2]], ids=["interrupted", "fault of pytest", "crash"])
def test_a_run_that_did_not_come_to_its_end_stays_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], outcome: list[int]
) -> None:
    """Tests were left out, or one crashed its worker, was run again and passed: it stands in no note."""
    _run(tmp_path, _FAILS_THE_FIRST_TIME)
    note = tmp_path / ".pytest_cache" / "v" / OUTCOME
    assert json.loads(note.read_text()) == [1, 1]
    note.write_text(json.dumps(outcome))

    assert main(tmp_path, repeats=1) == 1
    assert "Repeating" not in capsys.readouterr().out


def test_many_failures_are_not_repeated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """More failures than a few, none that was noted, or a file that cannot be imported: nothing is run."""
    assert main(tmp_path) == 1
    _run(tmp_path, "import nothing_of_this_name")
    assert main(tmp_path) == 1
    _run(tmp_path, "".join(_FAILS.replace("faulty", f"faulty{each}") for each in range(MAX_FAILED + 1)))
    assert main(tmp_path) == 1
    assert "Repeating" not in capsys.readouterr().out
