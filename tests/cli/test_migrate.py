"""``log10-trace migrate`` as a user types it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from log10_trace.server.store import open_store
from log10_trace.server.store.copying.checkpoint import Checkpoint, CheckpointFile
from tests.cli.conftest import Cli, Said
from tests.server.store.factories import ORG, completion, put_all


@pytest.fixture
def source(tmp_path: Path) -> str:
    """A database with three calls."""
    path = str(tmp_path / "source.db")
    store = open_store(path)
    put_all(store, [completion(id=f"c{number}") for number in range(3)])
    store.close()
    return path


def test_a_migration_says_what_it_did(within: Callable[..., Said], source: str, tmp_path: Path) -> None:
    """In a pipe progress is lines on the standard error, and the last one is the result."""
    done = within("migrate", "--from", source, "--to", str(tmp_path / "b.db"))
    again = within("migrate", "--from", source, "--to", str(tmp_path / "b.db"))
    merged = within("migrate", "--from", source, "--to", str(tmp_path / "b.db"), "--merge")

    assert (done.returncode, done.out) == (0, "")
    lines = done.err.splitlines()
    assert lines[0] == "Copying records: 100 %"
    assert lines[-1] == "3 calls of 1 organization copied. Source and target hold the same counts."
    assert (again.returncode, "add to this one with --merge" in again.err) == (1, True)
    assert "3 of them were there already" in merged.err


def test_a_difference_is_an_error(within: Callable[..., Said], source: str, tmp_path: Path) -> None:
    """What is missing at the end is told in a sentence for each count, and the exit code is 1."""
    target = str(tmp_path / "b.db")
    stores = [open_store(source), open_store(target)]
    file = CheckpointFile(target, stores[1].transfer.identify())
    identities = [store.transfer.identify() for store in stores]
    file.write(Checkpoint(source=identities[0], target=identities[1], is_merging=False, finished=(ORG,)))
    for store in stores:
        store.close()

    done = within("migrate", "--from", source, "--to", target)

    assert done.returncode == 1
    assert "org: 3 calls in the source, 0 in the target." in done.err


def test_a_terminal_shows_a_bar_and_then_the_result(cli: Cli, source: str, tmp_path: Path) -> None:
    """The bar of each stage is drawn and taken away again."""
    screen = cli.screen("migrate", "--from", source, "--to", str(tmp_path / "b.db"))

    assert screen.returncode == 0, screen.text
    assert "Copying records" in screen.text
    assert "3 calls of 1 organization copied." in screen.text
