"""What is published: the wheel and the source distribution hold what belongs there, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CONTEXT = [
    line.removeprefix("!")
    for line in (ROOT / ".dockerignore").read_text().splitlines()
    if line.startswith("!")
]
"""What the container's build gets to see."""


def files_below(folder: Path) -> Iterator[str]:
    """The files of a folder of the repository, without what Python writes there."""
    for path in folder.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source distribution, and the wheel that is built from what the container copies."""
    built = tmp_path_factory.mktemp("dist")
    context = tmp_path_factory.mktemp("context")
    for name in CONTEXT:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, context / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, context)
    for kind, source in (("--sdist", ROOT), ("--wheel", context)):
        command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", built, kind, source]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return built


def test_the_wheel_is_the_package_and_nothing_else(folder: Path) -> None:
    """Every file of the package is in the wheel, and no test, document or example."""
    (wheel,) = folder.glob("*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}

    assert names == set(files_below(ROOT / "log10_trace"))
    assert {
        "log10_trace/py.typed",
        "log10_trace/domain/prices.json",
        "log10_trace/server/pages/static/page.css",
        "log10_trace/server/pages/templates/base.html",
        "log10_trace/server/store/postgres/migrations/0001_completions.sql",
        "log10_trace/server/store/sqlite/sql/0001_completions.sql",
    } <= names


def test_the_source_distribution_has_what_builds_and_tests_it(folder: Path) -> None:
    """Sources, tests, documentation and examples are in it, and no file of a cache."""
    (source,) = folder.glob("*.tar.gz")
    with tarfile.open(source) as file:
        names = {member.name.partition("/")[2] for member in file.getmembers()}

    folders = ["benchmarks", "docs", "examples", "log10_trace", "scripts", "tests"]
    assert {name.partition("/")[0] for name in names} == {
        *folders,
        *(".ci", ".dockerignore", ".gitignore", "LICENSE", "PKG-INFO", "pyproject.toml"),
        *(path.name for path in ROOT.glob("*.md")),
    }
    for each in ("log10_trace", "tests", "examples"):
        assert set(files_below(ROOT / each)) <= names
    assert not [name for name in names if name.endswith(".pyc") or name.startswith("docs/_build")]


def test_the_metadata_is_complete_and_the_readme_is_rendered(folder: Path) -> None:
    """``twine check --strict`` has nothing to say, and the metadata names authors, licence and keywords."""
    command = [sys.executable, "-m", "twine", "check", "--strict", *map(str, folder.iterdir())]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    assert checked.stdout.count("PASSED") == 2

    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        (name,) = (each for each in file.namelist() if each.endswith(".dist-info/METADATA"))
        metadata = file.read(name).decode().partition("\n\n")[0]
    for field in ("Author:", "Keywords:", "License-Expression: MIT", "Requires-Python: >=3.10"):
        assert f"\n{field}" in metadata
