"""Sending stored calls to an OTLP endpoint: retries, refusals, and what has become of each call."""

from __future__ import annotations

import random
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Final

from log10_trace import threads
from log10_trace.cli.sent_calls import SentCalls
from log10_trace.errors import APIConnectionError, SetupError
from log10_trace.export.delivery.otlp_transport import NOT_ENDED, SENT, TRACED, OtlpTransport, SpanRequest
from log10_trace.export.delivery.responses import RecordResult, SendResult
from log10_trace.export.delivery.retry import Disposition, delay
from log10_trace.export.delivery.server import Server
from log10_trace.export.spool.outbound_record import OutboundRecord
from log10_trace.otlp.endpoint import GRPC_NOTICE

GIVE_UP_S: Final = 60.0
"""So long an endpoint may take nothing before the command ends, unless it follows."""
ANSWER_S: Final = 1.0
"""So long Ctrl-C waits for the answer to what is under way: without it the next run sends that again."""
_TRIED_AGAIN: Final = (Disposition.DENIED, Disposition.RETRY, Disposition.TOO_LARGE)
_SERVER_ERROR: Final = 500
_ALONE_ATTEMPTS: Final = 3
"""An endpoint that fails so often on one span, and takes others, refuses it."""
_REASON_CHARACTERS: Final = 200


@dataclass(slots=True)
class ForwardCounts:
    """What has become of the calls."""

    sent: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """By the endpoint's reason."""
    known: int = 0
    """Sent by an earlier run."""
    running: int = 0
    traced: int = 0
    """Another instrumentation has a span of them."""

    @property
    def skipped(self) -> int:
        """Calls that were not to be sent."""
        return self.known + self.running + self.traced


class BegunBatch:
    """Records whose first attempt a thread makes."""

    def __init__(self, records: list[OutboundRecord]) -> None:
        """Wait for what is put into ``outcome``: the result of the attempt, or the error that ended it."""
        self.records = records
        self.outcome: SimpleQueue[SendResult | Exception] = SimpleQueue()

    @property
    def has_ended(self) -> bool:
        """Whether the attempt has an outcome."""
        return not self.outcome.empty()

    def wait(self) -> SendResult:
        """The result of the attempt, once; an error that ended it is raised."""
        outcome = self.outcome.get()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


class ForwardSender:
    """Sends batches of calls; each comes to an end, or an error ends the command."""

    def __init__(
        self,
        transport: OtlpTransport,
        endpoint: Server,
        sent: SentCalls,
        counts: ForwardCounts,
        *,
        timeout_s: float,
        give_up_s: float | None = GIVE_UP_S,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """With ``give_up_s`` None an endpoint that takes nothing is tried for ever."""
        self._transport = transport
        self._endpoint = endpoint
        self._sent = sent
        self._counts = counts
        self._timeout_s = timeout_s
        self._give_up_s = give_up_s
        self._sleep = sleep
        self._clock = clock
        self._failures = 0
        self._succeeded_at = clock()
        self._failed_alone: Counter[str] = Counter()

    def make_request(self, records: Sequence[OutboundRecord]) -> SpanRequest:
        """What ``begin`` sends of these; may be made while another batch is under way."""
        return self._transport.make_request(records)

    def begin(self, records: list[OutboundRecord], request: SpanRequest) -> BegunBatch:
        """Try once to send these, in a thread; ``finish`` is called before the next batch begins."""
        begun = BegunBatch(records)

        def send() -> None:
            try:
                begun.outcome.put(self._transport.send_request(self._endpoint, request, self._timeout_s))
            except Exception as error:  # noqa: BLE001 -- raised again where the batch is finished
                begun.outcome.put(error)

        threads.start(send, "log10-trace-forward")
        return begun

    def finish(self, begun: BegunBatch) -> list[str]:
        """Wait for a batch, and try again what did not go through; the ids of those that have not ended.

        Raises:
            APIConnectionError: the endpoint has taken nothing for a minute.
            SetupError: the endpoint refuses everything: its address or a header is wrong.
        """
        waiting: list[str] = []
        first: SendResult | None = begun.wait()
        parts = deque([begun.records])
        while parts:
            part = parts.popleft()
            result = first or self._transport.send(self._endpoint, part, self._timeout_s)
            first = None
            worst = _worst_of(result)
            if worst.disposition is Disposition.DENIED:
                raise SetupError(self._describe_denial(worst))
            if worst.disposition is Disposition.RETRY:
                # Those that are not for sending are told again by the next attempt.
                parts.extendleft(reversed(self._after_failure(part, worst, result.retry_after)))
                continue
            if worst.disposition is Disposition.TOO_LARGE and len(part) > 1:
                parts.extendleft(reversed(_halves(part)))
                continue
            self._failures, self._succeeded_at = 0, self._clock()
            waiting += self._settle(part, result)
        return waiting

    def note_answer(self, begun: BegunBatch) -> None:
        """Count a batch if its answer comes soon and ends it: Ctrl-C tries nothing again."""
        try:
            outcome = begun.outcome.get(timeout=ANSWER_S)
        except Empty:
            return
        if isinstance(outcome, SendResult) and _worst_of(outcome).disposition not in _TRIED_AGAIN:
            self._settle(begun.records, outcome)

    def _after_failure(
        self, part: list[OutboundRecord], worst: RecordResult, retry_after: float
    ) -> list[list[OutboundRecord]]:
        """Wait, and give the parts that are to be tried again."""
        self._failures += 1
        if self._give_up_s is not None and self._clock() - self._succeeded_at >= self._give_up_s:
            raise APIConnectionError(self._describe_outage(worst))
        self._sleep(delay(self._failures, random.random(), retry_after))  # noqa: S311 -- jitter
        if worst.status != _SERVER_ERROR:
            return [part]
        # One of them may be what the endpoint fails on.
        if len(part) > 1:
            return _halves(part) if self._failures > 1 else [part]
        self._failed_alone[part[0].id] += 1
        if self._failed_alone[part[0].id] < _ALONE_ATTEMPTS or not self._takes_others():
            return [part]
        self._refuse(worst)
        return []

    def _takes_others(self) -> bool:
        """Whether an empty request passes while the span fails: then the fault is the span's."""
        probe = self._transport.probe(self._endpoint, self._timeout_s)
        return probe.disposition is Disposition.DONE

    def _settle(self, part: list[OutboundRecord], result: SendResult) -> list[str]:
        """Count what became of a part that needs no other attempt; the ids that wait for their end."""
        counts = self._counts
        done: dict[str, list[str]] = {SENT: [], NOT_ENDED: [], TRACED: []}
        for record, answer in zip(part, result.answers, strict=True):
            if answer.disposition is Disposition.DONE:
                done[answer.code].append(record.id)
            else:
                self._refuse(answer)
        # A partial success does not name the spans that were not taken.
        lost = self._transport.not_taken
        counts.refused.update(lost)
        counts.sent += len(done[SENT]) - lost.total()
        lost.clear()
        counts.traced += len(done[TRACED])
        self._sent.add(done[SENT])
        return done[NOT_ENDED]

    def _refuse(self, answer: RecordResult) -> None:
        reason = f"HTTP {answer.status} {answer.message}" if answer.status else answer.message
        self._counts.refused[" ".join(reason.split())[:_REASON_CHARACTERS]] += 1

    def _describe_denial(self, worst: RecordResult) -> str:
        url = self._endpoint.url
        if worst.message == GRPC_NOTICE:
            return f"{url} does not answer as OTLP over HTTP does: {GRPC_NOTICE}."
        hint = "Check --header." if worst.status in (401, 403) else "Check the address."
        return f"{url} refuses all spans (HTTP {worst.status}). {hint}"

    def _describe_outage(self, worst: RecordResult) -> str:
        said = f"HTTP {worst.status}" if worst.status else worst.message
        return (
            f"{self._endpoint.url} takes no spans ({said}). {self._counts.sent:,} calls were sent; "
            "the same command goes on with the others."
        )


def _worst_of(result: SendResult) -> RecordResult:
    """The answer that decides about the whole part: all that were sent share theirs."""
    order = (Disposition.DENIED, Disposition.RETRY, Disposition.TOO_LARGE, Disposition.REJECTED)
    ranked = sorted(
        result.answers, key=lambda each: order.index(each.disposition) if each.disposition in order else 9
    )
    return ranked[0]


def _halves(part: list[OutboundRecord]) -> list[list[OutboundRecord]]:
    middle = len(part) // 2
    return [part[:middle], part[middle:]]
