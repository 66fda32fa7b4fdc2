"""A process that delivers, without its thread: the worker takes its steps when it is told to."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from log10_trace.export.delivery.maintenance import SpoolMaintenance
from log10_trace.export.delivery.responses import RecordResult, SendResult
from log10_trace.export.delivery.retry import Disposition
from log10_trace.export.delivery.sender import Sender
from log10_trace.export.delivery.server_resolver import ServerResolver
from log10_trace.export.delivery.transport import Server, Transport
from log10_trace.export.delivery.worker import Worker
from log10_trace.export.journal_sink import JournalSink
from log10_trace.export.monitor import DeliveryMonitor
from log10_trace.export.spool.backlog import Loss
from log10_trace.export.spool.dead_letters import DeadLetters
from log10_trace.export.spool.destination import destination_of
from log10_trace.export.spool.journal import Journal, SizeLimits
from log10_trace.export.spool.outbound_record import OutboundRecord
from log10_trace.export.spool.spool import Spool, new_source
from tests.export.factories import config

Place = tuple[str, int]
DONE: Final = RecordResult(Disposition.DONE, 201)
AGAIN: Final = RecordResult(Disposition.RETRY, 503)
REFUSED: Final = RecordResult(Disposition.REJECTED, 422)
TOO_LARGE: Final = RecordResult(Disposition.TOO_LARGE, 413)


class Network(Transport):
    """A transport whose answers are told to it, and what it was given that was taken."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[RecordResult] = [DONE]
        self.taken: Counter[Place] = Counter()

    def send(self, server: Server, parcels: Sequence[OutboundRecord], timeout: float) -> SendResult:
        """Answer the records in turn as told."""
        answers = [self.answers[at % len(self.answers)] for at in range(len(parcels))]
        if TOO_LARGE in answers:
            answers = [TOO_LARGE] * len(parcels)
        for parcel, answer in zip(parcels, answers, strict=True):
            record = json.loads(parcel.body)
            if answer is DONE and record.get("sequence"):
                self.taken[record["source"], record["sequence"]] += 1
        return SendResult(answers)


class Process:
    """One process: everything that delivers, without its thread."""

    def __init__(self, root: Path, network: Network, lost: list[Loss]) -> None:
        self._lost = lost
        self.now = 0.0
        self.settings = config("http://127.0.0.1:9", spool_dir=root)
        self.spool = Spool(root)
        self.gate = DeliveryMonitor()
        self.recorder = JournalSink(self.gate, self.begin, redactor=None, memory_max_bytes=2**20)
        letters = DeadLetters(root)
        addressing = ServerResolver(self.settings)
        self.keeper = SpoolMaintenance(
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
        bounds = SizeLimits(disk=64 * 1024, memory=64 * 1024)
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
        self.worker.flush_now()
        self.worker.step()

    def die(self) -> None:
        """The kernel takes back every file and lock."""
        self.journal.detach_after_fork()
        for orphan in self.keeper.orphans:
            orphan.unlock()
