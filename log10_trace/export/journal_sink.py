"""The sink that writes to the journal, on the caller's thread when a call begins and ends.

At the end of a call its record is in the journal before ``on_end`` returns. With a redactor, as the settings
of contents are too, records wait in memory until the delivery thread has redacted them: nothing unredacted
is written to disk.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Final

from log10_trace import redact
from log10_trace.export.monitor import DeliveryMonitor
from log10_trace.export.spool.journal import EntryLocation, Journal
from log10_trace.export.spool.segment_format import COMPLETED, RECORD, STARTED
from log10_trace.guard import guard, is_from_signal_handler
from log10_trace.record.call import Call
from log10_trace.record.call_codec import encode
from log10_trace.record.completion import join_request_metadata
from log10_trace.unpatched import time

# Made once: every call of the SDK passes here.
_KEEPING: Final = guard("storing a record")

WAKE_THRESHOLD: Final = 500
"""Number of new records that wakes the worker: a full batch."""


class JournalSink:
    """Keeps every call that ends. Safe to use from any thread."""

    def __init__(
        self,
        monitor: DeliveryMonitor,
        begin: Callable[[], Journal],
        *,
        redactor: redact.Redactor | None,
        memory_max_bytes: int,
    ) -> None:
        """``begin`` gives the journal when there is none yet, and sees to it that it is delivered."""
        if redactor is not None:
            # Here, and not later on the delivery thread: a child that is forked in the middle of an import
            # waits for its end for ever.
            from log10_trace.record import completion_model  # noqa: F401, PLC0415 -- a redactor alone needs it
        self.journal: Journal | None = None
        self.monitor = monitor
        self.worker_is_idle = True
        """Whether the worker waits until the monitor is notified."""
        self.new_records = 0
        """Records that came since the worker last looked."""
        self._begin = begin
        self._redactor = redactor
        self._memory_max_bytes = memory_max_bytes
        self._unredacted: deque[tuple[Call, int]] = deque()
        self._unredacted_bytes = 0
        self._being_redacted = 0
        self._sequence = 0
        self._open: dict[str, Call] = {}
        self._started_entries: dict[str, EntryLocation] = {}
        self._inherited: frozenset[str] = frozenset()

    def on_start(self, call: Call) -> None:
        """Remember a call that has begun, to show it should it take long."""
        self._open[call.id] = call
        # Another looks by itself within a flush interval: it is not worth the lock.
        if self.worker_is_idle:
            with guard("storing the start of a call"), self.monitor:
                if self.journal is None:
                    self._begin()
                self.monitor.notify_all()

    def on_end(self, call: Call) -> None:
        """Keep the record of a call; on disk when this returns, unless it is to be redacted."""
        # A fork in the middle of a call: the child ends its copy too, and the record is the parent's.
        if call.id in self._inherited:
            return
        try:
            if self._redactor is None:
                self._keep(call)
            else:
                self._keep_to_redact(call, self._redactor)
        except BaseException as error:
            if not isinstance(error, Exception) or is_from_signal_handler(error):
                self._on_interrupt(call)
                raise
            _KEEPING.keep(error)
        else:
            return
        with guard("reporting a dropped record"):
            self._give_up(call)

    def keep_started(self, call: Call) -> None:
        """Keep what is known of a call that runs; on disk when this returns, unless it is to be redacted."""
        if self._redactor is not None or call.id in self._started_entries:
            return
        with self.monitor:
            if self.journal is None:
                self._begin()
        self._show(call)

    def count_left_out(self) -> None:
        """Count a call that is not recorded."""
        with self.monitor:
            self.monitor.counts.sampled_out += 1

    def reset_after_fork(self, monitor: DeliveryMonitor) -> None:
        """Start afresh in a forked child: the calls that were open belong to the parent."""
        # Those that the parent had inherited itself are not ours either: it may be a child too.
        self._inherited = frozenset(self._open) | self._inherited
        # A new one: a thread of the parent may have held the lock, and is not here to give it back.
        self.monitor = monitor
        self._unredacted, self._unredacted_bytes, self._being_redacted = deque(), 0, 0
        self._open, self._started_entries = {}, {}
        self.end()

    def end(self) -> None:
        """The journal has ended; the next record begins another. Called with the lock held."""
        self.journal = None
        # Another journal is another source, whose sequences begin with 1.
        self.new_records = self._sequence = 0
        self._started_entries = {}
        self.worker_is_idle = True

    def _keep(self, call: Call) -> None:
        parts = encode(call)
        monitor, call_id = self.monitor, call.id
        # The lock itself: the monitor's own with statement costs every call two functions in Python.
        with monitor.lock:
            journal = self.journal or self._begin()
            self._open.pop(call_id, None)
            # Taken before it is used: a call that ends in between, in this very thread, takes the next one.
            self._sequence = call.sequence = sequence = self._sequence + 1
            monitor.counts.captured += 1
            self._append(journal, call_id, sequence, parts)
            self._notify_worker()
        # A program may hold its streams, and through them their calls, for as long as it likes.
        call.chunks.clear()

    def _give_up(self, call: Call) -> None:
        """Count a record that a fault of ours has cost, and name it when it had its sequence."""
        with self.monitor:
            self._open.pop(call.id, None)
            if call.sequence is not None and self.journal is not None:
                self.journal.report_dropped("fault", call.sequence, call.sequence)
                return
            # With a sequence it was counted when it got that.
            self.monitor.counts.captured += call.sequence is None
            self.monitor.counts.dropped["fault"] += 1

    def _on_interrupt(self, call: Call) -> None:
        """A signal handler has ended the call here; its record is kept if it had got far enough."""
        with self.monitor:
            has_place = self.journal is not None and self.journal.has_written(call.sequence or 0)
            if not has_place and not any(waiting is call for waiting, _ in self._unredacted):
                self._give_up(call)

    def _append(self, journal: Journal, call_id: str, sequence: int, parts: list[bytes]) -> None:
        if call_id not in self._started_entries:
            journal.append(RECORD, sequence, parts)
            return
        journal.append(COMPLETED, sequence, parts)
        self._discard_started(call_id)

    def _discard_started(self, call_id: str) -> None:
        """Have the started record of a call that has ended sent no more."""
        segment, start, end = self._started_entries.pop(call_id)
        segment.acknowledge(start, end)

    def _notify_worker(self) -> None:
        """Wake the worker when it sleeps for good or a batch is full, and not for every record."""
        self.new_records += 1
        if self.worker_is_idle or self.new_records == WAKE_THRESHOLD:
            self.monitor.notify_all()

    def _keep_to_redact(self, call: Call, redactor: redact.Redactor) -> None:
        size = len(call.request) + sum(map(len, call.chunks)) + len(call.stack)
        with self.monitor:
            journal = self.journal or self._begin()
            call.source = journal.source
            self._open.pop(call.id, None)
            self._sequence = call.sequence = self._sequence + 1
            self.monitor.counts.captured += 1
            fits = self._unredacted_bytes + size <= self._memory_max_bytes
            if fits:
                self._unredacted.append((call, size))
                self._unredacted_bytes += size
            self._notify_worker()
        if not fits:
            # Our thread cannot keep up. Better to redact here than to lose the record or to hold ever more.
            self._redact(call, redactor)

    @property
    def unredacted(self) -> int:
        """Records that wait in memory to be redacted, or are being redacted."""
        return len(self._unredacted) + self._being_redacted

    def redact_waiting(self, until: float = math.inf, clock: Callable[[], float] = time.monotonic) -> None:
        """Redact the records that wait for it, and keep what is left of them.

        Called on the delivery thread, and at exit on another, which begins none after ``until``.
        """
        while self._redactor is not None and clock() < until:
            with self.monitor:
                if not self._unredacted:
                    return
                call, size = self._unredacted.popleft()
                # Until it is kept it is in memory alone, and the end of the program waits for it.
                self._being_redacted += 1
            try:
                self._redact(call, self._redactor)
            finally:
                with self.monitor:
                    self._being_redacted -= 1
                    self._unredacted_bytes -= size
                    if not self.unredacted:
                        self.monitor.notify_all()  # the end of the program may wait for this

    def redact_inline(self) -> None:
        """From now on redact on the caller's thread: ours is at its end."""
        self._memory_max_bytes = 0

    def _redact(self, call: Call, redactor: redact.Redactor) -> None:
        with guard("redacting a record"):
            parts = encode(self._redact_copy(call, redactor))
            with self.monitor:
                self._append(self.journal or self._begin(), call.id, call.sequence or 0, parts)
                self._notify_worker()
            return
        # The guard has kept an exception.
        self._give_up(call)

    def _redact_copy(self, call: Call, redactor: redact.Redactor) -> Call:
        from log10_trace.record.completion_model import to_model  # noqa: PLC0415 -- imported by ``__init__``

        completion, worked = redact.apply(redactor, to_model(call))
        if not worked:
            with self.monitor:
                self.monitor.counts.withheld += 1
        kept = copy_as_started(call)
        # The entry has the redacted record whole; the originals must not reach the disk beside it.
        kept.request = kept.stack = b""
        kept.tags, kept.metadata = (), None
        if completion.content_omitted != redact.OMITTED_ALL:
            # Joined now, as the redactor has left it: a redactor of the request would not look for it here.
            asked = completion.native_request or completion.request
            completion.metadata = join_request_metadata(completion.metadata, asked)
        kept.status, kept.body_json = call.status, completion.to_json().encode()
        return kept

    def write_started_records(self, now_ns: int, after_ns: int) -> float | None:
        """Keep a started record of each call that began ``after_ns`` ago; seconds until the next is due."""
        with self.monitor:
            calls = list(self._open.values())
        for call in calls:
            left = call.started_ns + after_ns - now_ns
            if call.id in self._started_entries:
                continue
            # They stand in the order in which they began: those behind it are due later.
            if left > 0:
                return left / 1e9
            self._show(call)
        return None

    def _show(self, call: Call) -> None:
        with guard("sending a started record"):
            state = copy_as_started(call)
            state.request = state.request or _request_from_options(call)
            parts = encode(state if self._redactor is None else self._redact_copy(state, self._redactor))
            with self.monitor:
                # The call may have ended, or another thread shown it, while its state was encoded.
                is_due = call.id in self._open and call.id not in self._started_entries
                if is_due and self.journal is not None:
                    self._started_entries[call.id] = self.journal.append(STARTED, 0, parts)
                    if call.id not in self._open:
                        # The garbage collector has ended the call meanwhile, in this very thread.
                        self._discard_started(call.id)
                    self._notify_worker()


def copy_as_started(call: Call) -> Call:
    """What was known of a call when it began."""
    state = Call(call.endpoint, created_ns=call.created_ns, started_ns=call.started_ns)
    state.id, state.base_url, state.organization_id = call.id, call.base_url, call.organization_id
    state.tags, state.session_id, state.metadata = call.tags, call.session_id, call.metadata
    state.stack, state.request = call.stack, call.request
    state.trace_id, state.span_id, state.via = call.trace_id, call.span_id, call.via
    state.traced_by = call.traced_by
    return state


def _request_from_options(call: Call) -> bytes:
    """What a running call asks, while the SDK has not built its bytes yet: it may wait for a token first."""
    write = call.write_request
    if write is not None:
        # The program may change its own objects meanwhile: the call is shown all the same.
        with guard("writing the request of a running call"):
            return write()
    return b""
