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
from log10_trace.export.delivery.server import Server
from log10_trace.export.delivery.server_resolver import ServerResolver
from log10_trace.export.delivery.transport import Transport
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

    def send(self, server: Server, outbound_records: Sequence[OutboundRecord], timeout: float) -> SendResult:
        """Answer the records in turn as told."""
        answers = [self.answers[at % len(self.answers)] for at in range(len(outbound_records))]
        if TOO_LARGE in answers:
            answers = [TOO_LARGE] * len(outbound_records)
        for outbound_record, answer in zip(outbound_records, answers, strict=True):
            record = json.loads(outbound_record.body)
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
        self.monitor = DeliveryMonitor()
        self.sink = JournalSink(self.monitor, self.begin, redactor=None, memory_max_bytes=2**20)
        dead_letters = DeadLetters(root)
        resolver = ServerResolver(self.settings)
        self.maintenance = SpoolMaintenance(
            config=self.settings,
            resolver=resolver,
            spool=self.spool,
            dead_letters=dead_letters,
            sink=self.sink,
            on_loss=self.on_loss,
            clock=self.clock,
        )
        self.pauses: list[float] = []
        """Those that the sender made for the program."""
        self.sender = Sender(
            network,
            dead_letters,
            self.monitor,
            clock=self.clock,
            draw=lambda: 0.5,
            pause=self.pauses.append,
        )
        self.journal = self.begin()
        self.worker = Worker(
            config=self.settings,
            resolver=resolver,
            sink=self.sink,
            journal=self.journal,
            maintenance=self.maintenance,
            sender=self.sender,
            clock=self.clock,
        )

    def begin(self) -> Journal:
        """Begin a journal, as a delivery does."""
        source = new_source()
        source_lock = self.spool.create(source, destination_of(self.settings))
        self.monitor.sources.add(source)
        bounds = SizeLimits(disk=64 * 1024, memory=64 * 1024)
        self.sink.journal = Journal(source, source_lock, bounds, self.monitor, self.on_loss)
        return self.sink.journal

    def clock(self) -> float:
        """The time, moved on by every step."""
        return self.now

    def on_loss(self, loss: Loss) -> None:
        """Count a loss, as a delivery does."""
        self._lost.append(loss)
        if loss.source in self.monitor.sources:
            self.monitor.counts.dropped[loss.reason] += loss.count

    def step(self) -> None:
        """One step of the worker, any pause being over."""
        self.now += 100.0
        self.worker.flush_now()
        self.worker.step()

    def die(self) -> None:
        """The kernel takes back every file and lock."""
        self.journal.detach_after_fork()
        for orphan in self.maintenance.orphans:
            orphan.unlock()
