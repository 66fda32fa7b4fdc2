"""Nothing is lost: whatever happens in whatever order, every record is accounted for.

A model of spool and worker: records are kept, segments fill, batches are delivered, refused or fail,
processes die, tails are torn, others adopt what is left. The real recorder, journal, sender and worker take
part, step by step on this thread; only the network is a function.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from log10_trace.export.addressing import Addressing
from log10_trace.export.answer import Answer, Outcome, Parcel
from log10_trace.export.backlog import Loss
from log10_trace.export.destination import destination_of
from log10_trace.export.gate import Gate
from log10_trace.export.inventory import waiting
from log10_trace.export.journal import Bounds, Journal
from log10_trace.export.keeper import Keeper
from log10_trace.export.letters import DeadLetters
from log10_trace.export.recorder import Recorder
from log10_trace.export.retry import Verdict
from log10_trace.export.segment import SUFFIX
from log10_trace.export.sender import Sender
from log10_trace.export.spool import Spool, new_source
from log10_trace.export.transport import Server, Transport
from log10_trace.export.worker import Worker
from tests.export.made import call, config

pytestmark = pytest.mark.promises

Place = tuple[str, int]
DONE, AGAIN = Answer(Verdict.DONE, 201), Answer(Verdict.AGAIN, 503)
REFUSED, TOO_LARGE = Answer(Verdict.REFUSED, 422), Answer(Verdict.TOO_LARGE, 413)


class Network(Transport):
    """A transport whose answers are told to it, and what it was given that was taken."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[Answer] = [DONE]
        self.taken: Counter[Place] = Counter()

    def send(self, server: Server, parcels: Sequence[Parcel], timeout: float) -> Outcome:
        """Answer the records in turn as told."""
        answers = [self.answers[at % len(self.answers)] for at in range(len(parcels))]
        if TOO_LARGE in answers:
            answers = [TOO_LARGE] * len(parcels)
        for parcel, answer in zip(parcels, answers, strict=True):
            record = json.loads(parcel.body)
            if answer is DONE:
                self.taken[record["source"], record["sequence"]] += 1
        return Outcome(answers)


class Process:
    """One process: everything that delivers, without its thread."""

    def __init__(self, root: Path, network: Network, lost: list[Loss]) -> None:
        self._lost = lost
        self.now = 0.0
        self.settings = config("http://127.0.0.1:9", spool_dir=root)
        self.spool = Spool(root)
        self.gate = Gate()
        self.recorder = Recorder(self.gate, self.begin, redactor=None, memory_max_bytes=2**20)
        letters = DeadLetters(root)
        addressing = Addressing(self.settings)
        self.keeper = Keeper(
            config=self.settings,
            addressing=addressing,
            spool=self.spool,
            letters=letters,
            recorder=self.recorder,
            lose=self.lose,
            clock=self.clock,
        )
        self.sender = Sender(network, letters, self.gate, clock=self.clock, draw=lambda: 0.5)
        self.journal = self.begin()
        self.worker = Worker(
            config=self.settings,
            addressing=addressing,
            recorder=self.recorder,
            journal=self.journal,
            keeper=self.keeper,
            sender=self.sender,
            clock=self.clock,
        )

    def begin(self) -> Journal:
        """Begin a journal, as a delivery does."""
        source = new_source()
        claim = self.spool.create(source, destination_of(self.settings))
        self.gate.sources.add(source)
        bounds = Bounds(disk=64 * 1024, memory=64 * 1024)
        self.recorder.journal = Journal(source, claim, bounds, self.gate, self.lose)
        return self.recorder.journal

    def clock(self) -> float:
        """The time, moved on by every step."""
        return self.now

    def lose(self, loss: Loss) -> None:
        """Count a loss, as a delivery does."""
        self._lost.append(loss)
        if loss.source in self.gate.sources:
            self.gate.counts.dropped[loss.reason] += loss.count

    def step(self) -> None:
        """One step of the worker, any pause being over."""
        self.now += 100.0
        self.worker.hurry()
        self.worker.step()

    def die(self) -> None:
        """The kernel takes back every file and lock."""
        self.journal.abandon()
        for orphan in self.keeper.orphans:
            orphan.leave()


class Books(RuleBasedStateMachine):
    """captured = delivered + waiting + given up, for every record by its source and sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        self.network = Network()
        self.lost: list[Loss] = []
        self.captured: set[Place] = set()
        self.torn: set[Place] = set()
        self.process = Process(self.root, self.network, self.lost)

    @rule(count=st.integers(1, 12), size=st.sampled_from([10, 1000, 5000]))
    def keep(self, count: int, size: int) -> None:
        """Calls end."""
        source = self.process.journal.source
        for _ in range(count):
            self.process.recorder.ended(call("x" * size))
            self.captured.add((source, self.process.gate.counts.captured))

    @rule(steps=st.integers(1, 6))
    def deliver(self, steps: int) -> None:
        """The API works."""
        self.network.answers = [DONE]
        for _ in range(steps):
            self.process.step()

    @rule(answers=st.lists(st.sampled_from([DONE, AGAIN, REFUSED, TOO_LARGE]), min_size=1, max_size=4))
    def deliver_badly(self, answers: list[Answer]) -> None:
        """The API takes some, refuses some, fails on some."""
        self.network.answers = answers
        self.process.step()

    @rule()
    def give_up(self) -> None:
        """A bound is reached."""
        self.process.journal.give_up_oldest("spool_full")

    @rule()
    def die_and_come_back(self) -> None:
        """The process is killed, and another begins."""
        self.process.die()
        self.process = Process(self.root, self.network, self.lost)

    @precondition(lambda self: self.process.journal.segments)
    @rule(cut=st.integers(1, 3000))
    def die_in_the_middle_of_a_write(self, cut: int) -> None:
        """Behind the last whole record stands the beginning of another, whose call never returned."""
        journal = self.process.journal
        self.process.die()
        path = max((self.root / journal.source).glob(f"*{SUFFIX}"), default=None)
        if path is not None:
            with path.open("ab") as file:
                file.write(os.urandom(cut))
        self.process = Process(self.root, self.network, self.lost)

    @invariant()
    def every_record_is_accounted_for(self) -> None:
        """A record waits, was taken, was refused or was given up, and none is made up."""
        waits = {(each.source, n) for each in waiting(Spool(self.root)) for n in each.sequences}
        taken = set(self.network.taken)
        refused = {(each.source, each.sequence) for each in DeadLetters(self.root)}
        given_up = {(each.source, n) for each in self.lost for n in range(each.first, each.last + 1)}
        assert self.captured <= waits | taken | refused | given_up
        assert waits | taken | refused <= self.captured

    @invariant()
    def the_counters_balance(self) -> None:
        """What is pending is what stands in the journal."""
        counts = self.process.gate.counts
        journal = self.process.journal
        assert counts.pending == sum(segment.records for segment in journal.segments)

    def teardown(self) -> None:
        """In the end everything that waits is delivered."""
        self.network.answers = [DONE]
        for _ in range(60):
            self.process.step()
        assert not [each for each in waiting(Spool(self.root)) if each.sequences]
        self.every_record_is_accounted_for()
        self.process.die()
        self.folder.cleanup()


TestBooks = Books.TestCase
TestBooks.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
