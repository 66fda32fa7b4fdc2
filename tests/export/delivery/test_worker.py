"""What our one thread does when, step by step."""

from __future__ import annotations

from pathlib import Path

import pytest

from log10_trace.export.spool.backlog import PendingEntry
from log10_trace.export.spool.journal import Journal
from tests.export.factories import call
from tests.export.stepped_process import Network, Process


@pytest.mark.parametrize("wish", ["stop", "flush_now"])
def test_who_comes_while_nothing_is_found_is_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wish: str
) -> None:
    """A call, and an end or a flush, that come just when the worker finds nothing more, have their due."""
    network = Network()
    process = Process(tmp_path, network, [])
    process.sink.on_end(call())
    process.worker.flush_now()
    process.worker.step()
    read = Journal.read

    def read_and_then(journal: Journal, items: int, size: int) -> list[PendingEntry]:
        found = read(journal, items, size)
        if not found:
            monkeypatch.undo()
            process.sink.on_end(call())
            getattr(process.worker, wish)()
        return found

    monkeypatch.setattr(Journal, "read", read_and_then)
    process.worker.step()
    assert not process.worker.is_done
    assert process.worker.seconds_until_due() == 0.0
    assert not process.worker.is_done
    process.worker.step()

    assert sum(network.taken.values()) == 2
    process.die()
