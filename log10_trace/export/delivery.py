"""Delivery as a whole: the recorder that capture hands calls to, the one thread behind it, flush and the end.

The thread is a daemon, begins with the first call, and is found anew in a forked child.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Final

from log10_trace.config import Config
from log10_trace.export import forks
from log10_trace.export.addressing import Addressing
from log10_trace.export.assembly import assemble
from log10_trace.export.backlog import Loss
from log10_trace.export.counts import Stats
from log10_trace.export.destination import destination_of
from log10_trace.export.gate import Gate
from log10_trace.export.journal import Bounds, Journal
from log10_trace.export.ledger import Ledger
from log10_trace.export.recorder import Recorder
from log10_trace.export.spool import Claim, Spool, new_source
from log10_trace.export.worker import Worker
from log10_trace.guard import faults, guard, logger, say_once_a_minute

STANDSTILL_S: Final = 0.3
"""The end of the program does not wait longer than this for a network that does not move."""


class Delivery:
    """Delivers the records of this process. Made without side effects; begins with the first call."""

    def __init__(
        self,
        config: Config,
        gate: Gate | None = None,
        *,
        any_key: bool = False,
        unknown_destination: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Go on counting where the delivery that ``gate`` came from has counted.

        With ``any_key``, records of dead processes that had another key are adopted as well; with
        ``unknown_destination``, those whose folder does not tell where they are to go.
        """
        self.config = config
        self.addressing = Addressing(config, any_key=any_key, unknown_destination=unknown_destination)
        self.recorder = Recorder(
            gate or Gate(),
            self._begin,
            redactor=config.redact,
            memory_max_bytes=config.memory_max_bytes // 2,
        )
        self._spool = Spool(config.spool_dir)
        self.ledger = Ledger(config.spool_dir)
        self._worker: Worker | None = None
        self._clock = clock
        self._moved_at = 0.0
        self._exiting = False
        self._is_retired = False
        self._has_forked = False
        forks.watch(self)

    def stats(self) -> Stats:
        """What has become of this process's records up to now."""
        with self.recorder.gate:
            counts, journal = self.recorder.gate.counts, self.recorder.journal
            in_memory = self.recorder.unredacted + (journal.records_in_memory if journal is not None else 0)
            return counts.picture(in_memory=in_memory, faults=faults.counts())

    def adopt(self) -> None:
        """Deliver what dead processes left, now and from now on, without records of our own."""
        with self.recorder.gate:
            if self._worker is None:
                self._start(None)

    def flush(self, timeout: float) -> bool:
        """Deliver everything captured so far; true when that was done within ``timeout`` seconds."""
        gate, until = self.recorder.gate, self._clock() + timeout
        with gate:
            counts = self.recorder.gate.counts
            goal, lost = counts.captured, counts.lost
            worker = self._worker
            if worker is None and not counts.pending and not self._has_forked:
                return True
            if worker is None:
                worker = self._start(self.recorder.journal)
            worker.hurry()
            gate.notify_all()
            while counts.captured - counts.pending < goal or not worker.keeper.is_clear:
                left = until - self._clock()
                if left <= 0 or worker is not self._worker:
                    break
                gate.wait(left)
            if self._is_retired:
                worker.stop()
            return counts.captured - counts.pending >= goal and counts.lost == lost

    def close(self, timeout: float) -> bool:
        """Deliver what goes through, and end; true when nothing is left.

        Gives up after ``timeout`` seconds, after 0.3 s in which the network did not move, and after the
        first attempt that fails. What is left waits in the spool, redacted where it is to be.
        """
        gate, until = self.recorder.gate, self._clock() + timeout
        self._moved_at = self._clock()
        with gate:
            worker = self._worker
            if worker is not None:
                worker.stop()
                gate.notify_all()
            while worker is not None and self._worker is worker:
                left = min(until, self._moved_at + STANDSTILL_S) - self._clock()
                if left <= 0:
                    break
                gate.wait(left)
        self._redact_the_rest(until)
        with gate:
            return gate.counts.pending == 0

    def _redact_the_rest(self, until: float) -> None:
        """Redact here what our thread, which waits for the network, still has in memory alone."""
        gate = self.recorder.gate
        self.recorder.redact_waiting(until, self._clock)
        with gate:
            while self.recorder.unredacted and (left := until - self._clock()) > 0:
                gate.wait(left)

    def retire(self) -> None:
        """Deliver what goes through and end, without being waited for.

        Calls that were begun before, and end later, are still delivered, each by a thread that ends with it.
        """
        with self.recorder.gate:
            self._is_retired = True
            if self._worker is not None:
                self._worker.stop()
                self.recorder.gate.notify_all()

    def exit(self) -> None:
        """The end of the program: as ``close``, and nothing is begun any more that takes a thread."""
        self._exiting = True
        self.recorder.redact_at_once()
        try:
            self.close(self.config.exit_timeout)
        except KeyboardInterrupt:
            return
        with self.recorder.gate:
            journal = self.recorder.journal
            lost = self.recorder.unredacted
            lost += journal.records_in_memory if journal is not None else 0
        if lost:
            logger.warning("log10_trace: %d records were in memory alone and are lost", lost)

    def _begin(self) -> Journal:
        """Begin a journal, and the thread that delivers it. Called with the gate held."""
        source = new_source()
        claim, trouble = self._claim(source)
        bounds = Bounds(disk=self.config.spool_max_bytes, memory=self.config.memory_max_bytes // 2)
        journal = Journal(source, claim, bounds, self.recorder.gate, self._lose)
        journal.trouble = trouble
        if self.recorder.journal is not None:
            # A signal handler has made a call meanwhile, in this very thread: its journal is for all.
            journal.end()
            return self.recorder.journal
        self.recorder.journal = journal
        self.recorder.gate.sources.add(source)
        if not self._exiting:
            worker = self._start(journal)
            if self._is_retired:
                worker.stop()
        return journal

    def _claim(self, source: str) -> tuple[Claim | None, OSError | None]:
        try:
            return self._spool.create(source, destination_of(self.config)), None
        except OSError as error:
            return None, error

    def _start(self, journal: Journal | None) -> Worker:
        self._worker = worker = assemble(
            config=self.config,
            addressing=self.addressing,
            spool=self._spool,
            recorder=self.recorder,
            journal=journal,
            lose=self._lose,
            progress=self._moved,
        )
        thread = threading.Thread(target=self._run, args=(worker, journal), name="log10-trace", daemon=True)
        with guard("starting the delivery thread"):
            # Refused at the interpreter's end, and at the system's limit: the spool has the records.
            thread.start()
            forks.at_the_end_of_multiprocessing(self.exit)
            return worker
        self._worker = None
        return worker

    def _run(self, worker: Worker, journal: Journal | None) -> None:
        """The thread."""
        gate, pid = self.recorder.gate, os.getpid()
        try:
            while True:
                with guard("delivering"):
                    worker.step()
                with gate:
                    gate.notify_all()  # whoever waits for a flush
                    if worker.is_done:
                        return
                    rest = worker.rest()
                    if rest:
                        gate.wait(rest)
                    self.recorder.idle = False
        finally:
            if pid == os.getpid():
                self._finish(worker, journal)

    def _finish(self, worker: Worker, journal: Journal | None) -> None:
        with self.recorder.gate:
            if self._worker is worker:
                self._worker = None
            if journal is not None and self.recorder.journal is journal:
                with guard("redacting"):
                    self.recorder.redact_waiting()  # a call may have ended since the last step
                self.recorder.end()
                if lost := journal.records_in_memory:
                    self.recorder.gate.counts.dropped["memory_lost"] += lost
            worker.close()
            if journal is not None:
                journal.end()
            self.recorder.gate.notify_all()

    def _moved(self) -> None:
        self._moved_at = self._clock()

    def _lose(self, loss: Loss) -> None:
        with self.recorder.gate:
            if loss.source in self.recorder.gate.sources:
                self.recorder.gate.counts.dropped[loss.reason] += loss.count
        message = "log10_trace: records were given up (%s). See: log10-trace spool status"
        say_once_a_minute(message, loss.reason)
        try:
            self.ledger.add(loss)
        except OSError as error:
            say_once_a_minute("log10_trace: what was given up cannot be written down: %s", error)

    def after_fork_in_child(self) -> None:
        """Start afresh: queue, journal, thread and connection are the parent's."""
        journal, worker = self.recorder.journal, self._worker
        self._worker = None
        self._has_forked = self._exiting = False
        self.recorder.renew(Gate())
        with guard("letting go of the parent's files"):
            if journal is not None:
                journal.abandon()
            if worker is not None:
                worker.abandon()

    def after_fork_in_parent(self) -> None:
        """Remember that there are children, who may leave something to deliver."""
        self._has_forked = True
