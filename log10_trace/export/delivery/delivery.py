"""Delivery as a whole: the sink that capture hands calls to, the delivery thread, flush and shutdown.

The thread is a daemon, begins with the first call, and is restarted in a forked child.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from log10_trace import redact, threads
from log10_trace.config import Config
from log10_trace.export import fork_hooks
from log10_trace.export.delivery.maintenance import SpoolMaintenance
from log10_trace.export.delivery.responses import RecordResult
from log10_trace.export.delivery.sender import BATCH_BYTES, RecordTransport, Sender, explain_denial
from log10_trace.export.delivery.server_resolver import ServerResolver
from log10_trace.export.delivery.transport import Transport
from log10_trace.export.delivery.worker import Worker
from log10_trace.export.http.connection import prepare_connections
from log10_trace.export.journal_sink import JournalSink
from log10_trace.export.monitor import DeliveryMonitor
from log10_trace.export.spool.backlog import Loss
from log10_trace.export.spool.dead_letters import DeadLetters
from log10_trace.export.spool.destination import destination_of
from log10_trace.export.spool.journal import Journal, SizeLimits
from log10_trace.export.spool.loss_log import LossLog
from log10_trace.export.spool.spool import SourceLock, Spool, new_source
from log10_trace.guard import faults, guard, log_rate_limited, logger
from log10_trace.unpatched import time

if TYPE_CHECKING:
    from log10_trace.export.stats import Stats

NO_PROGRESS_TIMEOUT_S: Final = 0.3
"""The end of the program does not wait longer than this for a network that does not move."""

LOCK_S: Final = 2.0
"""Nor longer than this for our one lock, which is held for moments, unless the disk hangs."""


class Delivery:
    """Delivers the records of this process. Made without side effects; begins with the first call."""

    def __init__(
        self,
        config: Config,
        monitor: DeliveryMonitor | None = None,
        *,
        resolver: ServerResolver | None = None,
        any_key: bool = False,
        unknown_destination: bool = False,
        make_transport: Callable[[Callable[[], None]], RecordTransport] = Transport,
        explain: Callable[[RecordResult], str] = explain_denial,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Go on counting where the delivery that ``monitor`` came from has counted.

        With ``any_key``, records of dead processes that had another key are adopted as well; with
        ``unknown_destination``, those whose folder does not tell where they are to go.
        """
        self.config = config
        self.resolver = resolver or ServerResolver(
            config, any_key=any_key, unknown_destination=unknown_destination
        )
        self.sink = JournalSink(
            monitor or DeliveryMonitor(),
            self._open_journal,
            redactor=_make_redactor(config),
            # The other half is the journal's, for the time in which the disk takes nothing.
            memory_max_bytes=config.memory_max_bytes // 2,
        )
        self._make_transport = make_transport
        self._explain = explain
        self._spool = Spool(config.spool_dir)
        self.loss_log = LossLog(config.spool_dir)
        self._worker: Worker | None = None
        self._clock = clock
        self._moved_at = 0.0
        self._exiting = False
        self._is_retired = False
        self._has_looked = False
        """Whether a thread of ours has looked for what dead processes left."""
        fork_hooks.register(self)

    def stats(self) -> Stats:
        """What has become of this process's records up to now."""
        with self.sink.monitor:
            counts = self.sink.monitor.counts
            return counts.snapshot(in_memory=self._count_in_memory(), faults=faults.counts())

    def recover(self) -> None:
        """Deliver what dead processes left, now and from now on, without records of our own."""
        with self.sink.monitor:
            if self._worker is None:
                self._start(None)

    def adopt_left_behind(self) -> None:
        """Begin to deliver what dead processes left, if they did, where no thread of ours does already.

        The thread ends with it, or with an attempt that brings nothing.
        """
        if self._worker is None and self._is_left_behind():
            with self.sink.monitor:
                if self._worker is None:
                    self._start(None).stop()

    def _is_left_behind(self) -> bool:
        return self._spool.has_orphans(self.resolver.accepts)

    def flush(self, timeout: float) -> bool:
        """Deliver everything captured so far, and what dead processes left.

        True when that was done within ``timeout`` seconds. Where nothing of our own waits, an attempt
        that brings nothing ends it.
        """
        monitor, until = self.sink.monitor, self._clock() + timeout
        counts = monitor.counts
        with monitor:
            goal, lost = counts.captured, counts.lost
            worker = self._worker
            if worker is None and not counts.pending and not self._is_left_behind():
                return True
            if worker is None:
                worker = self._start(self.sink.journal)
                # For what dead processes left alone: the thread ends with that.
                if not counts.pending:
                    worker.stop()
            worker.flush_now()
            monitor.notify_all()

        def is_over() -> bool:
            is_delivered = counts.captured - counts.pending >= goal and worker.maintenance.has_no_orphans
            return (is_delivered and not worker.has_report) or worker is not self._worker

        monitor.wait_until(is_over, lambda: until, self._clock)
        with monitor:
            is_delivered = counts.captured - counts.pending >= goal and counts.lost == lost
            is_clear = worker.maintenance.has_no_orphans
            # Woken as well: it would sleep on for up to ten seconds.
            if self._is_retired:
                worker.stop()
                monitor.notify_all()
            return is_delivered and is_clear

    def close(self, timeout: float) -> bool:
        """Deliver what goes through, and end; true when nothing is left of what was begun.

        Gives up after ``timeout`` seconds, after 0.3 s in which the network did not move, and when an attempt
        brings nothing: no record passes, and no fewer can be tried. What is left waits in the spool,
        redacted where it is to be.
        """
        until = self._clock() + timeout
        self._moved_at = self._clock()
        if not self._wait_until(self._stop, lambda: until):
            return False
        ending = self._worker
        self._wait_until(
            lambda: ending is None or self._worker is not ending,
            lambda: min(until, self._moved_at + NO_PROGRESS_TIMEOUT_S),
        )
        # What is not redacted is in memory alone, and would end with the process.
        self._redact_remaining(until)
        is_clear = ending is None or ending.maintenance.has_no_orphans
        return is_clear and self._wait_until(lambda: self.sink.monitor.counts.pending == 0, self._clock)

    def _stop(self) -> bool:
        """Have the thread deliver what goes through, and end. Called with the lock held."""
        if self._worker is not None:
            self._worker.stop()
            self.sink.monitor.notify_all()
        return True

    def _wait_until(self, is_over: Callable[[], bool], until: Callable[[], float]) -> bool:
        """Whether ``is_over`` came true in time. At the end of the program no greenlet is waited for."""
        return self.sink.monitor.wait_until(is_over, until, self._clock, blocking=self._exiting)

    def _redact_remaining(self, until: float) -> None:
        """Redact here what the delivery thread, blocked by the network, has not redacted."""
        self.sink.redact_waiting(until, self._clock)
        self._wait_until(lambda: not self.sink.unredacted, lambda: until)

    def stop_in_background(self) -> None:
        """Deliver what goes through and end, without being waited for.

        Calls that were begun before, and end later, are still delivered, each by a thread that ends with it.
        """
        self._is_retired = True
        until = self._clock() + LOCK_S
        self._wait_until(self._stop, lambda: until)

    def exit(self, timeout: float | None = None) -> None:
        """The end of the program: as ``close``, and no record begins a thread any more.

        A program that made no call looks now, once, for what dead processes left. Without ``timeout`` it
        takes the seconds of the settings at most.
        """
        self._exiting = True
        self.sink.redact_inline()
        until = self._clock() + (self.config.exit_timeout if timeout is None else timeout)
        try:
            if not self._has_looked and self._is_left_behind():
                self._adopt_at_exit(until)
            self.close(until - self._clock())
        except KeyboardInterrupt:
            return
        # Counted under the lock, and not waited for: a thread that hangs on a dead disk may hold it.
        lost = 0

        def count() -> bool:
            nonlocal lost
            lost = self._count_in_memory()
            return True

        if self._wait_until(count, self._clock) and lost:
            logger.warning("log10_trace: %d records held only in memory were lost", lost)

    def _adopt_at_exit(self, until: float) -> None:
        """Have a thread deliver what dead processes left, or do it here where none can begin any more."""
        self._worker = worker = self._build_worker(None, self.config)
        worker.stop()
        try:
            threads.start(partial(self._run, worker, None), "log10-trace")
        except RuntimeError:
            # Python 3.12. This thread cannot be abandoned, so each request has to be short.
            brief = self.config._replace(timeout=min(self.config.timeout, NO_PROGRESS_TIMEOUT_S))
            self._worker = worker = self._build_worker(None, brief)
            worker.stop()
            while not worker.is_done and self._clock() < until:
                worker.step()
            self._finish(worker, None)

    def _count_in_memory(self) -> int:
        """The records that end with the process. Called with the lock held."""
        journal = self.sink.journal
        return self.sink.unredacted + (journal.records_in_memory if journal is not None else 0)

    def _open_journal(self) -> Journal:
        """Begin a journal, and the thread that delivers it. Called with the lock held."""
        source = new_source()
        source_lock, trouble = self._create_source(source)
        bounds = SizeLimits(disk=self.config.spool_max_bytes, memory=self.config.memory_max_bytes // 2)
        journal = Journal(source, source_lock, bounds, self.sink.monitor, self._on_loss)
        journal.disk_error = trouble
        if self.sink.journal is not None:
            # A signal handler has made a call meanwhile, in this very thread: its journal is for all.
            journal.end()
            return self.sink.journal
        self.sink.journal = journal
        self.sink.monitor.sources.add(source)
        if not self._exiting:
            worker = self._start(journal)
            if self._is_retired:
                worker.stop()
        return journal

    def _create_source(self, source: str) -> tuple[SourceLock | None, OSError | None]:
        try:
            return self._spool.create(source, destination_of(self.config)), None
        except OSError as error:
            return None, error

    def _start(self, journal: Journal | None) -> Worker:
        """Begin a thread for ``journal``, and for what dead processes left. Called with the lock held."""
        # This user's own server speaks plain HTTP on this machine.
        if self.config.url is not None:
            with guard("preparing connections"):
                prepare_connections(self.config.url)
        worker = self._build_worker(journal, self.config)
        # A signal handler that flushes, or makes a call, may have begun one meanwhile, in this very thread:
        # two would deliver the journal twice. From here to the assignment nothing is called, so that no
        # handler runs.
        begun = self._worker
        if begun is not None and (journal is None or begun.journal is journal):
            return begun
        self._worker = worker
        if begun is not None:
            begun.stop()
        self._has_looked = True
        with guard("starting the delivery thread"):
            # Refused at the interpreter's end, and at the system's limit: the spool has the records.
            threads.start(partial(self._run, worker, journal), "log10-trace")
            fork_hooks.register_multiprocessing_finalizer(self.exit)
            return worker
        # No thread began: `flush` tries again, and does not wait for this one.
        self._worker = None
        return worker

    def _build_worker(self, journal: Journal | None, config: Config) -> Worker:
        """A worker for ``journal``, if there is one, and for what dead processes left; nothing is begun."""
        dead_letters = DeadLetters(config.spool_dir)
        maintenance = SpoolMaintenance(
            config=config,
            resolver=self.resolver,
            spool=self._spool,
            dead_letters=dead_letters,
            sink=self.sink,
            on_loss=self._on_loss,
        )
        # What is being sent is neither given up nor counted against the bounds: it is small beside them.
        batch_bytes = min(BATCH_BYTES, config.spool_max_bytes // 8, config.memory_max_bytes // 8)
        transport = self._make_transport(self._on_progress)
        return Worker(
            config=config,
            resolver=self.resolver,
            sink=self.sink,
            journal=journal,
            maintenance=maintenance,
            sender=Sender(
                transport, dead_letters, self.sink.monitor, batch_bytes=batch_bytes, explain=self._explain
            ),
        )

    def _run(self, worker: Worker, journal: Journal | None) -> None:
        """The thread."""
        monitor, pid = self.sink.monitor, os.getpid()
        try:
            while True:
                with guard("delivering"):
                    worker.step()
                with monitor:
                    monitor.notify_all()  # threads that wait in flush()
                    if worker.is_done:
                        return
                    rest = worker.seconds_until_due()
                    if rest:
                        monitor.wait(rest)
                    self.sink.worker_is_idle = False
        finally:
            if pid == os.getpid():
                self._finish(worker, journal)

    def _finish(self, worker: Worker, journal: Journal | None) -> None:
        with self.sink.monitor:
            if self._worker is worker:
                self._worker = None
            if journal is not None and self.sink.journal is journal:
                with guard("redacting"):
                    self.sink.redact_waiting()  # a call may have ended since the last step
                self.sink.end()
                if lost := journal.records_in_memory:
                    self.sink.monitor.counts.dropped["memory_lost"] += lost
            worker.close()
            if journal is not None:
                journal.end()
            self.sink.monitor.notify_all()

    def _on_progress(self) -> None:
        self._moved_at = self._clock()

    def _on_loss(self, loss: Loss) -> None:
        with self.sink.monitor:
            # What a dead process captured is not among the captured here: the counts of both must add up.
            if loss.source in self.sink.monitor.sources:
                self.sink.monitor.counts.dropped[loss.reason] += loss.count
        message = "log10_trace: records were dropped (%s). See: log10-trace spool status"
        log_rate_limited(message, loss.reason)
        try:
            self.loss_log.add(loss)
        except OSError as error:
            log_rate_limited("log10_trace: the loss log cannot be written: %s", error)

    def after_fork_in_child(self) -> None:
        """Start afresh: queue, journal, thread and connection are the parent's."""
        journal, worker = self.sink.journal, self._worker
        self._worker = None
        self._has_looked = self._exiting = False
        self.sink.reset_after_fork(DeliveryMonitor())
        with guard("detaching the parent's files"):
            if journal is not None:
                journal.detach_after_fork()
            if worker is not None:
                worker.detach_after_fork()


def _make_redactor(config: Config) -> redact.Redactor | None:
    """The redactor that the settings of contents make; None when a record is kept as it is."""
    if config.redact is None and config.capture_content and config.max_content_bytes is None:
        return None
    return redact.combine(
        config.redact, capture_content=config.capture_content, max_content_bytes=config.max_content_bytes
    )
