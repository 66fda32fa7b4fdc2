"""Nothing is lost: whatever happens in whatever order, every record is accounted for.

A model of spool and worker: records are kept, segments fill, batches are delivered, refused or fail,
processes die, tails are torn, others adopt what is left. The real recorder, journal, sender and worker take
part, step by step on this thread; only the network is a function.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from log10_trace.export.delivery.responses import RecordResult
from log10_trace.export.spool.backlog import Loss
from log10_trace.export.spool.dead_letters import DeadLetters
from log10_trace.export.spool.inspection import list_pending
from log10_trace.export.spool.segment import SUFFIX
from log10_trace.export.spool.spool import Spool
from log10_trace.record.call import Call
from tests.export.factories import begun, call
from tests.export.stepped_process import AGAIN, DONE, REFUSED, TOO_LARGE, Network, Place, Process

pytestmark = pytest.mark.promises


class Books(RuleBasedStateMachine):
    """captured = delivered + waiting + given up, for every record by its source and sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        self.network = Network()
        self.lost: list[Loss] = []
        self.captured: set[Place] = set()
        self.long: list[Call] = []
        self.torn: set[Place] = set()
        self.process = Process(self.root, self.network, self.lost)

    @rule(count=st.integers(1, 12), size=st.sampled_from([10, 1000, 5000]))
    def keep(self, count: int, size: int) -> None:
        """Calls end."""
        source = self.process.journal.source
        for _ in range(count):
            self.process.sink.on_end(call("x" * size))
            self.captured.add((source, self.process.monitor.counts.captured))

    @rule()
    def begin_a_long_call(self) -> None:
        """A call begins that is to be shown as started."""
        self.long.append(begun(begun_s_ago=10))
        self.process.sink.on_start(self.long[-1])

    @precondition(lambda self: self.long)
    @rule(data=st.data())
    def end_a_long_call(self, data: st.DataObject) -> None:
        """A call ends that may have been shown as started."""
        self._end(self.long.pop(data.draw(st.integers(0, len(self.long) - 1))))

    def _end(self, long: Call) -> None:
        long.status, long.duration_ns = "finished", 1
        self.process.sink.on_end(long)
        self.captured.add((self.process.journal.source, self.process.monitor.counts.captured))

    @rule(steps=st.integers(1, 6))
    def deliver(self, steps: int) -> None:
        """The API works."""
        self.network.answers = [DONE]
        for _ in range(steps):
            self.process.step()

    @rule(answers=st.lists(st.sampled_from([DONE, AGAIN, REFUSED, TOO_LARGE]), min_size=1, max_size=4))
    def deliver_badly(self, answers: list[RecordResult]) -> None:
        """The API takes some, refuses some, fails on some."""
        self.network.answers = answers
        self.process.step()

    @rule()
    def give_up(self) -> None:
        """A bound is reached."""
        self.process.journal.drop_oldest("spool_full")

    @rule()
    def die_and_come_back(self) -> None:
        """The process is killed, and another begins."""
        self._die()
        self.process = Process(self.root, self.network, self.lost)

    @precondition(lambda self: self.process.journal.segments)
    @rule(cut=st.integers(1, 3000))
    def die_in_the_middle_of_a_write(self, cut: int) -> None:
        """Behind the last whole record stands the beginning of another, whose call never returned."""
        journal = self.process.journal
        self._die()
        path = max((self.root / journal.source).glob(f"*{SUFFIX}"), default=None)
        if path is not None:
            with path.open("ab") as file:
                file.write(os.urandom(cut))
        self.process = Process(self.root, self.network, self.lost)

    def _die(self) -> None:
        self.process.die()
        self.long.clear()

    @invariant()
    def nothing_is_sent_again_that_was_taken(self) -> None:
        """What the API took from a process, that process sends no second time."""
        ours = [n for (source, _), n in self.network.taken.items() if source == self.process.journal.source]
        assert set(ours) <= {1}

    @invariant()
    def every_record_is_accounted_for(self) -> None:
        """A record waits, was taken, was refused or was given up, and none is made up."""
        waits = {(each.source, n) for each in list_pending(Spool(self.root)) for n in each.sequences}
        taken = set(self.network.taken)
        refused = {(each.source, each.sequence) for each in DeadLetters(self.root) if each.sequence}
        given_up = {(each.source, n) for each in self.lost for n in range(each.first, each.last + 1)}
        assert self.captured <= waits | taken | refused | given_up
        assert waits | taken | refused <= self.captured

    @invariant()
    def the_counters_balance(self) -> None:
        """What is pending is what stands in the journal."""
        counts = self.process.monitor.counts
        journal = self.process.journal
        assert counts.pending == sum(segment.records for segment in journal.segments)

    def teardown(self) -> None:
        """In the end, when no call is open any more, everything that waits is delivered."""
        while self.long:
            self._end(self.long.pop())
        self.network.answers = [DONE]
        for _ in range(60):
            self.process.step()
        assert not [each for each in list_pending(Spool(self.root)) if each.sequences]
        self.every_record_is_accounted_for()
        self.process.die()
        self.folder.cleanup()


TestBooks = Books.TestCase
TestBooks.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
