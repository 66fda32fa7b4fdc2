"""CONTRIBUTING.md names files that exist and covers every room of the package."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.test_floors import FLOOR_OF

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PATHS = sorted(set(re.findall(r"`((?:log10_trace|tests|benchmarks|examples)/[^`\s]*|[A-Z]+\.md)`", TEXT)))


@pytest.mark.parametrize("path", PATHS)
def test_every_path_that_is_named_exists(path: str) -> None:
    """A file that is moved is moved in the map as well."""
    assert (ROOT / path).exists()


def test_the_picture_has_every_room() -> None:
    """Each room and single module of the package stands in the picture of the floors."""
    picture = TEXT.split("## Rooms and floors")[1].split("## The way of a call")[0]
    modules = [name for name in FLOOR_OF if not name.startswith("__")]

    missing = [name for name in modules if f"{name}/" not in picture and f"{name}.py" not in picture]

    assert not missing


def test_the_map_has_paths() -> None:
    """The expression above finds the paths, so the first test has something to check."""
    assert len(PATHS) > 40
