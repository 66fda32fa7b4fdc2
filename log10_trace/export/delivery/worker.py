"""The delivery thread's loop: redact, maintain the spool, send. One step after the other.

Between steps the thread waits on the monitor for as long as ``seconds_until_due`` says. Nothing here starts a
thread or sleeps, so that a test can take the steps itself.
"""

from __future__ import annotations

from collections.abc import Callable

from log10_trace.config import Config
from log10_trace.export.delivery.maintenance import SpoolMaintenance
from log10_trace.export.delivery.sender import Sender
from log10_trace.export.delivery.server_resolver import ServerResolver
from log10_trace.export.journal_sink import WAKE_THRESHOLD, JournalSink
from log10_trace.export.spool.backlog import Backlog
from log10_trace.export.spool.journal import Journal
from log10_trace.guard import guard
from log10_trace.unpatched import time

_NEVER = float("inf")


class Worker:
    """Delivers this process's own records and those of orphans that it has recovered."""

    def __init__(
        self,
        *,
        config: Config,
        resolver: ServerResolver,
        sink: JournalSink,
        journal: Journal | None,
        maintenance: SpoolMaintenance,
        sender: Sender,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.maintenance = maintenance
        self._config = config
        self._sink = sink
        self.journal = journal
        """This process's own records; none where only those of dead processes are delivered."""
        self._sender = sender
        self._resolver = resolver
        self._clock = clock
        self._waiting_since: float | None = None
        self._waiting = 0
        self._flush_requested = False
        self._stopping = False
        self._reporter = sender.transport.reporter
        self._report_goal: int | None = None
        """How many records are to be settled before what stands beside them is pushed for a flush."""
        self._is_reporting = False
        """Whether a push is under way, whose news are none any more."""
        self._orphans_turn = False

    def step(self) -> None:
        """Do what is due; at most one attempt to send."""
        now = self._clock()
        # First of all: what is not redacted yet is in memory alone.
        with guard("redacting"):
            self._sink.redact_waiting()
        self.maintenance.run_due_tasks(now)
        self._count_new_records(now)
        self._report(now)
        if self._due_at(now) <= now:
            was_stopping = self._stopping
            with guard("delivering records"):
                self._attempt()
                with self._sink.monitor:
                    # An attempt that was under way when the worker was told to stop does not count as the
                    # last one.
                    if self._stopping and not (was_stopping and self._sender.backoff.is_stuck):
                        self._go_on()
                return
            # A fault of ours ended the attempt: without a pause the loop would spin.
            self._sender.backoff.on_no_server(now)

    def _go_on(self) -> None:
        """In the end, make another attempt at once; after one that brought nothing there is none."""
        self._sender.backoff.is_stuck = False
        self._sender.backoff.allow_at_once()

    def seconds_until_due(self) -> float | None:
        """Seconds until something is to be done, unless the monitor is notified. The lock is held."""
        now = self._clock()
        self._count_new_records(now)
        if self._sink.unredacted or self._is_report_due(now):
            return 0.0
        until = min(self._due_at(now), self.maintenance.due_at)
        if self._reporter is not None:
            until = min(until, self._reporter.due_at)
        self._sink.worker_is_idle = self._waiting_since is None and until > now + self._config.flush_interval
        return max(0.0, until - now)

    def flush_now(self) -> None:
        """Send what waits at once, even to a server that asked for a pause. Called with the lock held."""
        self._flush_requested = True
        self._report_goal = self._sink.monitor.counts.captured
        self._sender.backoff.reset_delay()
        self.maintenance.recover_now()

    def stop(self) -> None:
        """Send what goes through at once, and be done. Called with the lock held."""
        self._stopping = self._flush_requested = True
        self._go_on()
        self.maintenance.recover_now()

    def close(self) -> None:
        """Release the orphans, and close the connection."""
        self.maintenance.release_orphans()
        self._sender.transport.close()

    def detach_after_fork(self) -> None:
        """In a forked child: release everything without touching what is shared with the parent."""
        self.maintenance.release_orphans()
        self._sender.transport.detach_after_fork()

    @property
    def is_done(self) -> bool:
        """Whether it was told to stop, and has sent what it can. Called with the lock held."""
        return self._has_ended(self._clock()) and not (self._reporter and self._reporter.has_news)

    @property
    def has_report(self) -> bool:
        """Whether a flush has still to push what stands beside the records. Called with the lock held."""
        if self._reporter is None:
            return False
        return self._is_reporting or (self._report_goal is not None and self._reporter.has_news)

    def _has_ended(self, now: float) -> bool:
        """Whether it was told to stop, and has sent the records that it can."""
        if not self._stopping or self._sink.unredacted:
            return False  # what is not redacted yet is in memory alone
        nothing_waits = self._waiting_since is None and not self._sink.new_records
        # A server that asked for a pause is left alone at the end as well: the records wait in the spool.
        cannot_go_on = self._sender.backoff.is_stuck or now < self._due_at(now) < _NEVER
        return cannot_go_on or (nothing_waits and self.maintenance.has_no_orphans)

    def _count_new_records(self, now: float) -> None:
        """Take note of the records that came."""
        with self._sink.monitor:
            fresh, self._sink.new_records = self._sink.new_records, 0
        if fresh:
            self._sender.on_new_records()
        if fresh and self._waiting_since is None:
            self._waiting_since = now
        self._waiting += fresh

    def _due_at(self, now: float) -> float:
        """When the next attempt is due."""
        if self._waiting_since is None and not self.maintenance.orphans:
            return _NEVER
        hurries = self._flush_requested or self._stopping or self._waiting >= WAKE_THRESHOLD
        at_once = hurries or self.maintenance.orphans or self._sender.backoff.failures
        company = 0.0 if at_once else self._config.flush_interval
        return max((self._waiting_since or now) + company, self._sender.backoff.not_before)

    def _report(self, now: float) -> None:
        """Push what stands beside the records, where it is due."""
        if self._reporter is None:
            return
        if self._is_report_due(now):
            self._is_reporting = True
            with guard("pushing metrics"):
                self._reporter.push(self._config.timeout)
            self._is_reporting = False
        with self._sink.monitor:
            # Another flush may have begun in the meantime, which waits for more.
            if self._has_reached_goal and not self._reporter.has_news:
                self._report_goal = None

    def _is_report_due(self, now: float) -> bool:
        """Whether to push at once: in its time, or behind the last record of a flush or of the program."""
        if self._reporter is None:
            return False
        if self._reporter.due_at <= now:
            return True
        is_last = self._has_reached_goal or self._has_ended(now)
        return is_last and self._reporter.has_news

    @property
    def _has_reached_goal(self) -> bool:
        """Whether what a flush waits for is settled; what came later need not be."""
        counts = self._sink.monitor.counts
        return self._report_goal is not None and counts.captured - counts.pending >= self._report_goal

    def _attempt(self) -> None:
        backlog = self._next_backlog()
        if backlog is None:
            self._nothing_waits()
            return
        server = self._resolver.resolve()
        if server is None:
            self._sender.on_no_server()
            return
        is_own = backlog is self.journal
        if self._sender.attempt(server, backlog, self._config.timeout):
            # There may be more: look again at once.
            self._waiting = WAKE_THRESHOLD if is_own else self._waiting
        elif is_own:
            self._nothing_waits()

    def _nothing_waits(self) -> None:
        self._waiting_since = None
        self._waiting = 0
        with self._sink.monitor:
            # Records that came in the meantime may be those that a flush waits for: its request is kept.
            self._flush_requested = self._flush_requested and self._sink.new_records > 0

    def _next_backlog(self) -> Backlog | None:
        """This process's own records and those of dead ones take turns; in the end its own go first."""
        self._orphans_turn = not (self._orphans_turn or self._stopping)
        if self.maintenance.orphans and (self._orphans_turn or self._waiting_since is None):
            return self.maintenance.orphans
        return self.journal
