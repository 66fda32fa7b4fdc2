"""One attempt to send from a backlog, and the handling of each record's result."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from log10_trace.export.delivery.backoff import BackoffPolicy
from log10_trace.export.delivery.outbound_cache import OutboundCache
from log10_trace.export.delivery.poison import FAILED, Suspects, weigh_evidence
from log10_trace.export.delivery.reporter import Reporter
from log10_trace.export.delivery.responses import RecordResult, SendResult, list_distinct
from log10_trace.export.delivery.retry import Disposition
from log10_trace.export.delivery.server import Server
from log10_trace.export.delivery.transport import BATCH_ITEMS
from log10_trace.export.monitor import DeliveryMonitor
from log10_trace.export.spool.backlog import Backlog, PendingEntry
from log10_trace.export.spool.dead_letters import DeadLetter, DeadLetters
from log10_trace.export.spool.outbound_record import OutboundRecord
from log10_trace.export.spool.serialization import dump_unreadable
from log10_trace.guard import log_rate_limited
from log10_trace.unpatched import time

BATCH_BYTES: Final = 4 * 1024 * 1024
"""Maximum bytes of records read for one attempt, unless a single one is larger."""

_PIECE: Final = 4
"""Records that are made at a time while the program makes calls: they take some 0.1 ms."""
_BUSY_ITEMS: Final = 128
"""Records of one request while the program makes calls: to write it and to read its answer takes some 0.3 ms,
without a pause. A server takes batches of a hundred as fast as larger ones."""
_BEHIND: Final = 4
"""When so many such requests wait, a program that makes calls is sent as large ones as any."""
_SETTLED: Final = 64
"""Records that are acknowledged at a time: they take some 0.1 ms."""
_PAUSE_S: Final = 0.00005
_UNAUTHORIZED: Final = 401
_UNREADABLE: Final = RecordResult(Disposition.REJECTED, 0, "unreadable", "the entry cannot be decoded")
_IS_OTHER: Final = "answers, but is no completions API"
_PROBLEMS: Final = {
    401: "rejected the API key",
    403: "rejected the API key, or something before it rejects records",
    404: _IS_OTHER,
    405: _IS_OTHER,
    407: "is behind a proxy that asks for a password",
    421: "does not accept this host name",
}
_OF_KEY: Final = (401, 403)
_TAKEN: Final = (Disposition.DONE, Disposition.REJECTED)


class RecordTransport(Protocol):
    """What hands records over: one call of ``send`` is one attempt."""

    reporter: Reporter | None
    """What is pushed beside the records."""

    def max_items(self, server: Server) -> int:
        """How many records are worth handing over at a time."""
        ...

    def send(self, server: Server, records: Sequence[OutboundRecord], timeout: float) -> SendResult:
        """Try once; ``timeout`` is the seconds that one request may take."""
        ...

    def close(self) -> None:
        """Close the connection; the next ``send`` opens a new one."""
        ...

    def detach_after_fork(self) -> None:
        """Forget a connection that belongs to the process we were forked from."""
        ...


def explain_denial(worst: RecordResult) -> str:
    """What is wrong where a completions API stores nothing, and what to do: the rest of a sentence."""
    setting = "LOG10_TOKEN" if worst.status in _OF_KEY else "LOG10_URL"
    return (
        f"{_problem_of(worst.status)} (HTTP {worst.status}); records stay queued. "
        f"Check {setting}, or run: log10-trace doctor"
    )


class Sender:
    """Sends from backlogs, at the pace that the server allows."""

    def __init__(
        self,
        transport: RecordTransport,
        dead_letters: DeadLetters,
        monitor: DeliveryMonitor,
        *,
        batch_bytes: int = BATCH_BYTES,
        explain: Callable[[RecordResult], str] = explain_denial,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._captured = 0
        """How many calls the program had made when the last attempt began."""
        self._is_program_busy = False
        """Whether the program has made calls between the last attempt and this one."""
        self._pause = pause
        self.backoff = BackoffPolicy(BATCH_ITEMS)
        self._suspects = Suspects()
        self._lacks_others = False
        """Whether there was none to try beside the record that fails alone."""
        self._is_beyond_next = False
        """Whether another record is due, which the server has asked to wait for."""
        self.transport = transport
        self._parcels = OutboundCache()
        self._dead_letters = dead_letters
        self._monitor = monitor
        self._batch_bytes = batch_bytes
        self._explain = explain
        self._clock = clock
        self._draw = draw

    def attempt(self, server: Server, backlog: Backlog, timeout: float) -> bool:
        """Send the next records of the backlog; false when none wait there. ``timeout`` is one request's."""
        captured = self._monitor.counts.captured
        self._is_program_busy, self._captured = captured != self._captured, captured
        try:
            items = self._next_items(server, backlog)
            if not items:
                return False
            culprit = self._send(server, backlog, items, timeout)
            self._is_beyond_next = culprit is not None and self.backoff.asked_by_server
            if culprit is not None and not self._is_beyond_next:
                self._try_beyond(server, backlog, culprit, timeout)
        finally:
            backlog.release()
        return True

    def _next_items(self, server: Server, backlog: Backlog) -> list[PendingEntry]:
        """What the next attempt carries; a record that has failed alone before goes alone."""
        if self._is_beyond_next and (others := backlog.read(1, self._batch_bytes, beyond=True)):
            return others
        most = self.backoff.items(self.transport.max_items(server))
        # Not while more waits than that: a server that is slow, or far away, would fall behind for good.
        is_behind = self._monitor.counts.pending > _BEHIND * _BUSY_ITEMS
        most = min(most, _BUSY_ITEMS) if self._is_program_busy and not is_behind else most
        items = backlog.read(most, self._batch_bytes, rest=self._rest)
        for at, item in enumerate(() if self._suspects.is_empty else items):
            # In company it would make the others fail with it.
            if self._suspects.has_failed_alone(item.place):
                return items[: max(at, 1)]
        return items

    def _try_beyond(self, server: Server, backlog: Backlog, culprit: RecordResult, timeout: float) -> None:
        """Send one of the others, at once: whether it passes tells a record's fault from an outage.

        Each attempt begins at the head nevertheless, so that records keep their order through an outage.
        """
        others = backlog.read(1, self._batch_bytes, beyond=True)
        self._lacks_others = not others
        # All that is left was stepped over: begin at the head again.
        if not others:
            backlog.step_back()
        elif self._send(server, backlog, others, timeout) is None:
            # That this one passed has ended the pause; but the next attempt begins at the record that fails.
            self._slow_down(culprit, 0.0, items=1)
            self.backoff.is_stuck = False

    def on_new_records(self) -> None:
        """Where another record was lacking, to tell one's fault from an outage, try that at once."""
        if self._lacks_others:
            self._lacks_others = False
            self.backoff.allow_at_once()

    def on_no_server(self) -> None:
        """There is no server to send to: look again soon, which costs little."""
        self.backoff.on_no_server(self._clock())

    def _send(
        self, server: Server, backlog: Backlog, items: list[PendingEntry], timeout: float
    ) -> RecordResult | None:
        """Send these; the answer to one that failed in a request of its own, if one did."""
        pairs = self._serialize(backlog, items)
        for item, outbound in pairs:
            if not outbound.pieces:
                # A later version may be able to read it: the dead letter has the bytes of the entry.
                outbound.pieces = (dump_unreadable(item.entry),)
                self._dead_letter(server, backlog, item, outbound, _UNREADABLE)
                return None
        self._rest_behind(items)
        outcome = self.transport.send(server, [outbound for _, outbound in pairs], timeout)
        self._rest_behind(items)
        alone = outcome.is_single or len(items) == 1
        answers = self._suspects.update([item.place for item in items], outcome.answers, alone=alone)
        distinct = list_distinct(answers)
        if any(answer.disposition in _TAKEN for answer in distinct):
            backlog.step_back()
        judged = zip(items, answers, strict=True) if alone else ()
        failed = [pair for pair in judged if weigh_evidence(pair[1])]
        for item, _ in failed:
            backlog.step_over(item)
        self._settle(server, backlog, pairs, answers, alone=alone)
        self._rest_behind(items)
        # Not after a 403: then the server knows the key, and with it whose the records are.
        if any(answer.status == _UNAUTHORIZED for answer in distinct):
            backlog.on_unauthorized()
        self._update_backoff(server, distinct, len(answers), outcome.retry_after, alone=alone)
        return failed[0][1] if failed else None

    def _serialize(
        self, backlog: Backlog, items: list[PendingEntry]
    ) -> list[tuple[PendingEntry, OutboundRecord]]:
        """The records as they go over the wire."""
        pairs = []
        for at, item in enumerate(items):
            if at and not at % _PIECE:
                self._rest()
            pairs.append((item, self._parcels.get(backlog, item)))
        return pairs

    def _rest(self) -> None:
        """Let the program's threads have the interpreter's lock, while it makes calls.

        A thread of the program that has its answer would otherwise wait for the lock, for up to
        ``sys.getswitchinterval()`` each time: to release the lock without a pause does not hand it over.
        """
        if self._is_program_busy:
            self._pause(_PAUSE_S)

    def _rest_behind(self, items: Sequence[PendingEntry]) -> None:
        """Rest after what was done with all of these, unless they are so few that it took no time."""
        if len(items) > _PIECE:
            self._rest()

    def _settle(
        self,
        server: Server,
        backlog: Backlog,
        pairs: Sequence[tuple[PendingEntry, OutboundRecord]],
        answers: Sequence[RecordResult],
        *,
        alone: bool,
    ) -> None:
        """Acknowledge every record whose answer is final, some at a time."""
        for begin in range(0, len(pairs), _SETTLED):
            if begin:
                self._rest()
            end = begin + _SETTLED
            self._settle_some(server, backlog, pairs[begin:end], answers[begin:end], alone=alone)

    def _settle_some(
        self,
        server: Server,
        backlog: Backlog,
        pairs: Sequence[tuple[PendingEntry, OutboundRecord]],
        answers: Sequence[RecordResult],
        *,
        alone: bool,
    ) -> None:
        done: list[PendingEntry] = []
        for (item, outbound), answer in zip(pairs, answers, strict=True):
            disposition = answer.disposition
            if disposition is Disposition.DONE:
                done.append(item)
            elif disposition is Disposition.REJECTED or (alone and disposition is Disposition.TOO_LARGE):
                self._dead_letter(server, backlog, item, outbound, answer)
        self._parcels.discard(done)
        # A started record is not counted: the call is when it ends.
        records = [item for item in done if item.entry.sequence]
        backlog.on_delivered(done)
        with self._monitor:
            own = sum([item.source in self._monitor.sources for item in records])
            self._monitor.counts.delivered += own
            self._monitor.counts.adopted += len(records) - own

    def _dead_letter(
        self,
        server: Server,
        backlog: Backlog,
        item: PendingEntry,
        outbound: OutboundRecord,
        answer: RecordResult,
    ) -> None:
        """Keep a record that was refused as a dead letter, with the reason."""
        letter = DeadLetter(
            id=outbound.id,
            source=item.source,
            sequence=item.entry.sequence,
            url=server.url,
            status=answer.status,
            code=answer.code,
            message=answer.message,
            completion=outbound.body,
        )
        try:
            self._dead_letters.add(letter)
        except OSError as error:
            log_rate_limited(
                "log10_trace: cannot write to the dead-letter queue (%s); the record stays queued", error
            )
            return
        backlog.acknowledge([item])
        self._parcels.discard([item])
        with self._monitor:
            is_own = item.source in self._monitor.sources
            self._monitor.counts.dead_letters += bool(is_own and item.entry.sequence)
        log_rate_limited(
            "log10_trace: %s refused a record (%s %s). See: log10-trace spool dead-letters",
            server.url, answer.status, answer.code,
        )  # fmt: skip

    def _update_backoff(
        self, server: Server, answers: Sequence[RecordResult], count: int, retry_after: float, *, alone: bool
    ) -> None:
        """Take note of how an attempt with ``count`` records went, by its distinct answers."""
        worst = next((answer for answer in answers if answer.disposition in FAILED), None)
        if any(answer.disposition in _TAKEN for answer in answers):
            self.backoff.on_success()
        # Alone it has become a dead letter.
        if not alone and any(answer.disposition is Disposition.TOO_LARGE for answer in answers):
            self.backoff.on_too_large(count)
        if worst is None:
            return
        self._slow_down(worst, retry_after, items=1 if alone else count)
        with self._monitor:
            self._monitor.counts.retries += 1
        self._log_failure(server, worst)

    def _slow_down(self, worst: RecordResult, retry_after: float, *, items: int) -> None:
        self.backoff.on_failure(
            items,
            now=self._clock(),
            draw=self._draw(),
            retry_after=retry_after,
            halve=weigh_evidence(worst) > 0,
            slow=worst.disposition is Disposition.DENIED,
        )

    def _log_failure(self, server: Server, worst: RecordResult) -> None:
        if worst.disposition is Disposition.DENIED:
            log_rate_limited(f"log10_trace: %s {self._explain(worst)}", server.url)
            return
        message = "log10_trace: %s cannot be reached or is busy (%s); records stay queued and are retried"
        log_rate_limited(message, server.url, worst.status or worst.message)


def _problem_of(status: int) -> str:
    """What is wrong where nothing was stored, as the predicate of a sentence about the address."""
    if status < 300:  # noqa: PLR2004 -- HTTP's own classes
        return _IS_OTHER
    if status < 400:  # noqa: PLR2004
        return "redirects, and is no completions API"
    return _PROBLEMS.get(status, "refuses records")
