"""Periodic spool maintenance: started records, disk recovery, orphan recovery."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

from log10_trace.config import Config
from log10_trace.export.delivery.server_resolver import ServerResolver
from log10_trace.export.journal_sink import JournalSink
from log10_trace.export.spool.backlog import Backlog, OnLoss
from log10_trace.export.spool.dead_letters import DeadLetters
from log10_trace.export.spool.destination import destination_of
from log10_trace.export.spool.orphaned_backlog import Orphans
from log10_trace.export.spool.spool import Spool
from log10_trace.guard import guard, logger
from log10_trace.unpatched import time

ADOPT_EVERY_S: Final = 10.0
ADOPT_MAX_INTERVAL_S: Final = 60.0
HEAL_EVERY_S: Final = 1.0
LOOK_SHARE: Final = 50
"""A spool of thousands of folders is listed less often, so that it takes at most this part of the time."""
DEAD_LETTER_FRACTION: Final = 4
"""Dead letters may take this part of the spool's bound."""


class SpoolMaintenance:
    """Periodic tasks of the delivery thread."""

    def __init__(
        self,
        *,
        config: Config,
        resolver: ServerResolver,
        spool: Spool,
        dead_letters: DeadLetters,
        sink: JournalSink,
        on_loss: OnLoss,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.orphans = Orphans(on_loss)
        """What dead processes left, claimed by us."""
        self.due_at = 0.0
        """When something is to be done next."""
        self._config = config
        self._resolver = resolver
        self._spool = spool
        self._dead_letters = dead_letters
        self._sink = sink
        self._clock = clock
        self._adopt_at = 0.0
        self._heal_at = 0.0
        self._said_trouble = False
        self._is_looking = False
        self._has_left_some = False

    def run_due_tasks(self, now: float) -> None:
        """Do what is due."""
        self.due_at = now + ADOPT_EVERY_S
        with guard("sending started records"):
            self._write_started_records(now)
        if now >= self._heal_at:
            with guard("restoring the spool disk"):
                self._restore_disk(now)
        if now >= self._adopt_at:
            with guard("recovering the records of dead processes"):
                # Until the first folders are claimed, other threads would take it that none are left.
                self._is_looking = True
                self._adopt(now)
            self._is_looking = False
        self.due_at = min(self.due_at, self._adopt_at)

    @property
    def has_no_orphans(self) -> bool:
        """Whether it was looked for the records of dead processes, and none are left."""
        has_looked = self._adopt_at > 0 and not self._is_looking
        return has_looked and not self.orphans and not self._has_left_some

    def recover_now(self) -> None:
        """Look for the records of dead processes at the next opportunity."""
        self._adopt_at = self.due_at = 0.0

    def release_orphans(self) -> None:
        """Release the locked orphans that are not delivered, for other processes."""
        self._has_left_some = bool(self.orphans)
        self.orphans.unlock()

    def _enforce_size_limit(self) -> None:
        """Drop the oldest records while the folder exceeds its size limit."""
        self._dead_letters.enforce_size_limit(self._config.spool_max_bytes // DEAD_LETTER_FRACTION)
        excess = self._spool.size() - self._config.spool_max_bytes
        while excess > 0:
            # Dead processes first: what they left is older.
            candidates: list[Backlog] = [self.orphans, *filter(None, [self._sink.journal])]
            freed = next(filter(None, (backlog.drop_oldest("spool_full") for backlog in candidates)), 0)
            if not freed:
                return
            excess -= freed

    def _write_started_records(self, now: float) -> None:
        interval = self._config.flush_interval
        wait = self._sink.write_started_records(time.perf_counter_ns(), int(interval * 1e9))
        if wait is not None:
            self.due_at = min(self.due_at, now + wait)

    def _restore_disk(self, now: float) -> None:
        """Go to memory when the disk fails, and back when it works."""
        self._heal_at = now + HEAL_EVERY_S
        journal = self._sink.journal
        if journal is None:
            return
        # Somebody may delete the folder of a running program: what is still open is not lost.
        if journal.is_unlinked():
            journal.recover_unlinked()
        if journal.disk_error is None:
            return
        self._log_disk_error(journal.disk_error)
        self.due_at = min(self.due_at, self._heal_at)
        try:
            # Deleted while we ran: its lock is held on a file without a name, which no other process would
            # see.
            if journal.source_lock is not None and not journal.source_lock.folder.exists():
                journal.source_lock.close()
                journal.source_lock = None
            if journal.source_lock is None:
                journal.source_lock = self._spool.create(journal.source, destination_of(self._config))
            journal.flush_memory_to_disk()
        except OSError as error:
            journal.disk_error = error
            return
        self._said_trouble = False
        logger.info("log10_trace: disk is writable again; spooling to %s", self._spool.root)

    def _log_disk_error(self, trouble: OSError) -> None:
        if not self._said_trouble:
            self._said_trouble = True
            logger.warning(
                "log10_trace: %s cannot be written (%s). Records are buffered in memory, at most %d MiB, "
                "and are lost with the process. Make room or name another folder in LOG10_SPOOL_DIR",
                self._spool.root, trouble.strerror, self._config.memory_max_bytes // 2**20,
            )  # fmt: skip

    def _adopt(self, now: float) -> None:
        # Before the listing: when that fails it is not repeated with every step.
        self._adopt_at = now + ADOPT_EVERY_S
        begun = self._clock()
        self._spool.remove_stale(time.time())
        # To find whether a destination is ours may read a file: once a listing, not once a folder.
        self.orphans.claim_from(self._spool.lock_orphans(cache(self._resolver.accepts), self.orphans.skipped))
        self._enforce_size_limit()
        pause = max(ADOPT_EVERY_S, LOOK_SHARE * (self._clock() - begun))
        self._adopt_at = now + min(pause, ADOPT_MAX_INTERVAL_S)
