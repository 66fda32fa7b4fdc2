"""A process that delivers, without its thread: the worker takes its steps when it is told to."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from log10_trace.export.addressing import Addressing
from log10_trace.export.answer import Answer, Outcome, Parcel
from log10_trace.export.backlog import Loss
from log10_trace.export.destination import destination_of
from log10_trace.export.gate import Gate
from log10_trace.export.journal import Bounds, Journal
from log10_trace.export.keeper import Keeper
from log10_trace.export.letters import DeadLetters
from log10_trace.export.recorder import Recorder
from log10_trace.export.retry import Verdict
from log10_trace.export.sender import Sender
from log10_trace.export.spool import Spool, new_source
from log10_trace.export.transport import Server, Transport
from log10_trace.export.worker import Worker
from tests.export.made import config

Place = tuple[str, int]
DONE: Final = Answer(Verdict.DONE, 201)
AGAIN: Final = Answer(Verdict.AGAIN, 503)
REFUSED: Final = Answer(Verdict.REFUSED, 422)
TOO_LARGE: Final = Answer(Verdict.TOO_LARGE, 413)


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
            if answer is DONE and record.get("sequence"):
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
