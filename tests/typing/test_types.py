"""The types that users see are checked by a type checker, as theirs would."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_the_public_face_has_the_types_it_should() -> None:
    """Strict mypy finds every type of ``api.py`` as asserted, and every marked mistake."""
    root = Path(__file__).resolve().parents[2]

    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "tests/typing/api.py"],
        capture_output=True,
        text=True,
        cwd=root,
        check=False,
    )

    assert done.returncode == 0, done.stdout
