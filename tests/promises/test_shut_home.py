"""A home folder that this user may not enter: the program goes on, and the commands say a sentence."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import DEADLINE_S, environment

pytestmark = pytest.mark.promises

_DROP_FROM_BOUNDING_SET = 24
_MAY_ENTER_ALL_FOLDERS = (1, 2)


def be_like_everybody() -> None:
    """Let what this process becomes be kept out of folders even if it is root's."""
    prctl = ctypes.CDLL(None).prctl
    for capability in _MAY_ENTER_ALL_FOLDERS:
        prctl(_DROP_FROM_BOUNDING_SET, capability, 0, 0, 0)


@pytest.fixture(params=["HOME", "HOME/.log10", "LOG10_HOME", "spool"])
def shut(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Variables that lead to a folder that may not be entered."""
    name = request.param
    folder = tmp_path / "shut" / {"HOME/.log10": ".log10", "spool": "spool"}.get(name, "")
    folder.mkdir(parents=True)
    folder.chmod(0)
    yield {("HOME" if name.startswith("HOME") else "LOG10_HOME"): str(tmp_path / "shut")}
    folder.chmod(0o700)


def run(shut: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    env = environment(Path(), **shut)
    if "HOME" in shut:
        del env["LOG10_HOME"]
    return subprocess.run(
        [sys.executable, *words],
        env=env,
        preexec_fn=be_like_everybody,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=DEADLINE_S,
        check=False,
    )


@pytest.mark.parametrize(
    "command",
    [
        "doctor",
        "spool status",
        "spool flush",
        "spool dead-letters",
        "completions list",
        "keys list",
        "verify",
    ],
)
def test_a_command_says_a_sentence(shut: dict[str, str], command: str) -> None:
    """Never a traceback; what looks into the folder names it."""
    ended = run(shut, "-m", "log10_trace", *command.split())

    assert "Traceback" not in ended.stdout + ended.stderr
    assert ended.returncode in (0, 1, 3)
    if command.startswith("spool"):
        assert ended.returncode == 1
        assert "/spool cannot be used: Permission denied" in ended.stderr


PROGRAM = """
import logging
logging.basicConfig()
import log10_trace
log10_trace.patch()
from log10_trace.runtime import _runtime
from tests.export.factories import keep
keep(_runtime.delivery, 1)
log10_trace.flush(0.2)
print(log10_trace.stats().pending, log10_trace.stats().faults)
"""


def test_a_program_goes_on(shut: dict[str, str]) -> None:
    """Its records are kept in memory, one warning says so, and no fault of ours is met."""
    ended = run(shut, "-c", PROGRAM)

    assert (ended.returncode, ended.stdout.strip()) == (0, "1 {}")
    assert "Traceback" not in ended.stderr
    assert ended.stderr.count("Permission denied") == 1
