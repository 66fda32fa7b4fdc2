"""What our one thread does when, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from log10_trace.export.delivery.responses import SendResult
from log10_trace.export.delivery.server import Server
from log10_trace.export.spool.backlog import PendingEntry, Rest
from log10_trace.export.spool.journal import Journal
from log10_trace.export.spool.outbound_record import OutboundRecord
from tests.export.factories import call
from tests.export.stepped_process import AGAIN, DONE, Network, Process


class Counted:
    """What is pushed beside the records, and whether there is news of it."""

    due_at = float("inf")

    def __init__(self) -> None:
        self.has_news = False
        self.pushes = 0

    def push(self, timeout: float) -> None:
        """Count it."""
        self.has_news = False
        self.pushes += 1


class BusyNetwork(Network):
    """Whenever it takes records, there is news beside them, and another call ends."""

    def __init__(self, process: list[Process]) -> None:
        super().__init__()
        self.counted = self.reporter = Counted()
        self.process = process

    def send(self, server: Server, outbound_records: Sequence[OutboundRecord], timeout: float) -> SendResult:
        """Take them."""
        self.counted.has_news = True
        self.process[0].sink.on_end(call())
        return super().send(server, outbound_records, timeout)


def test_a_flush_waits_for_no_call_that_ends_later(tmp_path: Path) -> None:
    """A program that makes one call after the other gets what stands beside the records pushed, too."""
    processes: list[Process] = []
    network = BusyNetwork(processes)
    processes.append(process := Process(tmp_path, network, []))
    process.sink.on_end(call())
    process.worker.flush_now()

    process.worker.step()
    assert process.monitor.counts.delivered == 1
    assert process.worker.has_report
    process.worker.step()

    assert network.counted.pushes == 1
    assert not process.worker.has_report
    assert process.monitor.counts.pending > 0
    process.die()


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

    def read_and_then(journal: Journal, items: int, size: int, *, rest: Rest) -> list[PendingEntry]:
        found = read(journal, items, size, rest=rest)
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


def test_records_are_made_in_short_pieces_while_the_program_makes_calls(tmp_path: Path) -> None:
    """Its threads come to their turn in between; an attempt without new calls has no pauses."""
    network = Network()
    network.answers = [AGAIN]
    process = Process(tmp_path, network, [])
    for number in range(9):
        process.sink.on_end(call(f"call {number}"))

    process.step()
    # Two between them, one before they are sent, one behind the answer and one behind what it says.
    assert len(process.pauses) == 5
    network.answers = [DONE]
    while process.monitor.counts.pending:
        process.step()

    assert len(network.taken) == 9
    assert len(process.pauses) == 5
