"""The types that users see are checked by their type checkers, strictly: mypy and pyright."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
MISTYPED = """from __future__ import annotations

import log10_trace
from log10_trace import redact, sesion  # error

log10_trace.pacth()  # error
log10_trace.patch(redact=redact.chain(redact.patterns(), redact.fields("name")))
log10_trace.patch(tag="x")  # error
log10_trace.Clyent()  # error


def mine(completion: log10_trace.Completion) -> log10_trace.Completion:
    return log10_trace.redact.fields("name")(completion)


log10_trace.patch(redact=mine)
print(log10_trace.models.components.Completion, log10_trace.errors.Log10Error)
"""
"""A program with mistakes, each on a line that says so."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What users write: the README's examples, the examples, the public face in use, and mistakes."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 3
    for number, block in enumerate(blocks):
        (tmp_path / f"readme_{number}.py").write_text(block, encoding="utf-8")
    for source in (ROOT / "tests" / "typing" / "api.py", *(ROOT / "examples").glob("*.py")):
        shutil.copy(source, tmp_path)
    (tmp_path / "mistyped.py").write_text(MISTYPED)
    (tmp_path / "pyrightconfig.json").write_text(json.dumps({"typeCheckingMode": "strict"}))
    return tmp_path


def errors_of(command: list[str], folder: Path) -> set[tuple[str, int]]:
    """File and line of every error that a type checker finds."""
    done = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, cwd=folder, check=False
    )
    found = re.findall(r"^\s*(\S+\.py):(\d+)(?::\d+)?(?: -|:) error", done.stdout, re.MULTILINE)
    assert found, done.stdout + done.stderr
    return {(Path(name).name, int(line)) for name, line in found}


def mistakes() -> set[tuple[str, int]]:
    lines = enumerate(MISTYPED.splitlines(), start=1)
    return {("mistyped.py", number) for number, line in lines if line.endswith("# error")}


def test_mypy_finds_the_mistakes_and_nothing_else(folder: Path) -> None:
    """Every type of ``api.py`` is as asserted; the README's examples pass; a mistyped name is an error."""
    files = [path.name for path in folder.glob("*.py")]
    command = ["mypy", "--strict", "--follow-imports=silent", "--config-file=", *files]

    assert errors_of(command, folder) == mistakes()


def test_pyright_finds_the_mistakes_and_nothing_else(folder: Path) -> None:
    """As mypy does."""
    if importlib.util.find_spec("pyright") is None:
        pytest.skip("pyright is not installed")
    version = [sys.executable, "-m", "pyright", "--version"]
    if subprocess.run(version, capture_output=True, cwd=folder, check=False).returncode:
        pytest.skip("pyright cannot run here: it needs Node.js, which it fetches the first time")

    assert errors_of(["pyright", "--pythonpath", sys.executable, "."], folder) == mistakes()
