"""Requests to an OTLP endpoint: sends records as spans, and reads the result of each.

No threads and no retries here: one call of ``send`` is one attempt. Needs the extra ``otel``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic_core import from_json

from log10_trace.domain.call_times import read_began_ms
from log10_trace.domain.json_values import read_mapping, read_text
from log10_trace.domain.times import DAY_MS
from log10_trace.export.delivery.otlp_exchange import RETRIED, OtlpExchange
from log10_trace.export.delivery.otlp_metrics import OtlpMetrics
from log10_trace.export.delivery.reporter import Reporter
from log10_trace.export.delivery.responses import RecordResult, SendResult, retry_after_of
from log10_trace.export.delivery.retry import Disposition
from log10_trace.export.delivery.server import Server
from log10_trace.export.http.reply import HttpReply
from log10_trace.export.spool.outbound_record import OutboundRecord
from log10_trace.guard import guard, log_rate_limited
from log10_trace.otlp.call_measures import Measure
from log10_trace.otlp.encoding import decode_rejection, encode_request, encode_span
from log10_trace.record.json_bytes import MAX_INT_DIGITS
from log10_trace.unpatched import time

BATCH_ITEMS: Final = 500
SENT: Final = "sent"
NOT_ENDED: Final = "not_ended"
TRACED: Final = "traced"
"""Codes of the answers to records that are settled: sent, or not to be sent for this reason."""

_OF_DESTINATION: Final = (401, 403, 404, 405, 407, 415, 421)
"""Statuses that would be the same for every span: the key, the address, the protocol, a proxy."""
_TOO_LARGE: Final = 413
_FINAL: Final = (Disposition.DONE, Disposition.REJECTED)
_GOING_ON: Final = ("queued", "in_progress")
_MESSAGE_CHARACTERS: Final = 500


@dataclass(frozen=True, slots=True)
class SpanRequest:
    """The spans of some records, as they are posted."""

    answers: list[RecordResult | None]
    """For each record: the answer to one that is not to be sent, None where the endpoint's counts."""
    spans: int
    body: bytes
    measures: list[Measure]


class OtlpTransport(OtlpExchange):
    """Sends records as spans over one connection that is kept open. Used by one thread at a time."""

    def __init__(
        self,
        *,
        headers: Mapping[str, str],
        resource: Mapping[str, str],
        with_content: bool,
        with_traced: bool = False,
        with_queued: bool = True,
        progress: Callable[[], None] = lambda: None,
        metrics: OtlpMetrics | None = None,
    ) -> None:
        """Set what goes with every request.

        Args:
            headers: The headers of a request, beside our own.
            resource: The attributes of the service that the spans are of.
            with_content: Whether spans hold what people and models wrote.
            with_traced: Whether calls that another instrumentation has a span of are sent.
            with_queued: Whether a background response whose answer has not come is sent; one of more than a
                day ago always is, for its answer is not fetched any more.
            progress: Called whenever the network has moved.
            metrics: What counts the calls that are sent.
        """
        super().__init__(headers, progress)
        self._resource = resource
        self._with_content = with_content
        self._with_traced = with_traced
        self._with_queued = with_queued
        self.reporter: Reporter | None = metrics
        self._metrics = metrics
        self.not_taken = Counter[str]()
        """Spans of requests that succeeded which the endpoint says it has not taken, by its reason."""

    def max_items(self, _server: Server) -> int:
        """How many records are worth handing over at a time."""
        return BATCH_ITEMS

    def send(self, server: Server, records: Sequence[OutboundRecord], timeout: float) -> SendResult:
        """Try once to send these records; ``server.url`` is the URL that spans are posted to.

        The answer to a record that is not to be sent is ``DONE``; its ``code`` says why it was not.
        """
        return self.send_request(server, self.make_request(records), timeout)

    def make_request(self, records: Sequence[OutboundRecord]) -> SpanRequest:
        """What ``send`` posts of these records. May be made while another thread sends."""
        spans: list[bytes] = []
        measures: list[Measure] = []
        answers = [self._prepare(record, spans, measures) for record in records]
        return SpanRequest(answers, len(spans), encode_request(spans, self._resource), measures)

    def send_request(self, server: Server, request: SpanRequest, timeout: float) -> SendResult:
        """As ``send``, of what ``make_request`` has made."""
        if not request.spans:
            return SendResult([answer or _DONE for answer in request.answers])
        reply = self.post(server, request.body, timeout)
        result = reply if isinstance(reply, RecordResult) else _result_of(reply)
        if result.disposition is Disposition.REJECTED and request.spans > 1:
            result = replace(result, disposition=Disposition.TOO_LARGE)  # split, to see which of them it is
        too_large = result.disposition is Disposition.TOO_LARGE and len(request.answers) == 1
        # A call whose span is refused for good was made all the same.
        if self._metrics is not None and (too_large or result.disposition in _FINAL):
            self._metrics.count(request.measures)
        if isinstance(reply, HttpReply) and result.disposition is Disposition.DONE:
            self._count_rejection(server, reply, request.spans)
        pause = retry_after_of(reply) if isinstance(reply, HttpReply) else 0.0
        return SendResult([answer or result for answer in request.answers], pause)

    def probe(self, server: Server, timeout: float) -> RecordResult:
        """What a request without spans meets: ``DONE`` where spans would be taken."""
        reply = self.post(server, encode_request((), self._resource), timeout)
        return reply if isinstance(reply, RecordResult) else _result_of(reply)

    def _prepare(
        self, record: OutboundRecord, spans: list[bytes], measures: list[Measure]
    ) -> RecordResult | None:
        """Add the span and the measures of a record; the answer to a record that is not to be sent."""
        with guard("making a span of a record"):
            fields = _parse(record.body)
            if not self._with_traced and read_text(fields.get("traced_by")):
                return _TRACED
            if not self._with_queued and _awaits_answer(fields) and not _is_old(fields):
                return _NOT_ENDED
            span = encode_span(fields, with_content=self._with_content)
            if span is None:
                return _NOT_ENDED
            spans.append(span)
            with guard("counting a call"):
                if self._metrics is not None and not _awaits_answer(fields):
                    measures += self._metrics.read(fields)
            return None
        return _UNREADABLE

    def close(self) -> None:
        """Close the connections; the next ``send`` opens a new one."""
        super().close()
        if self._metrics is not None:
            self._metrics.close()

    def detach_after_fork(self) -> None:
        """Forget connections that belong to the process we were forked from, without a word on their wire."""
        super().detach_after_fork()
        if self._metrics is not None:
            self._metrics.detach_after_fork()

    def _count_rejection(self, server: Server, reply: HttpReply, sent: int) -> None:
        """Note what of a request that succeeded was not taken; the protocol forbids to send it again."""
        rejected, message = decode_rejection(reply.body)
        if rejected:
            self.not_taken[message[:_MESSAGE_CHARACTERS]] += min(rejected, sent)
            log_rate_limited(
                "log10_trace: %s did not take %d of %d spans (%s)", server.url, rejected, sent, message
            )


_DONE: Final = RecordResult(Disposition.DONE, code=SENT)
_NOT_ENDED: Final = RecordResult(Disposition.DONE, code=NOT_ENDED)
_TRACED: Final = RecordResult(Disposition.DONE, code=TRACED)
_UNREADABLE: Final = RecordResult(Disposition.REJECTED, message="no span can be made of the record")


def _result_of(reply: HttpReply) -> RecordResult:
    """What a reply says to every span of the request."""
    status = reply.status
    if 200 <= status < 300:  # noqa: PLR2004 -- HTTP's own classes
        return replace(_DONE, status=status)
    message = reply.body[:_MESSAGE_CHARACTERS].decode("utf-8", "replace")
    if status in RETRIED:
        return RecordResult(Disposition.RETRY, status, message=message)
    if status in _OF_DESTINATION or status < 400:  # noqa: PLR2004
        return RecordResult(Disposition.DENIED, status, message=message)
    too_large = status == _TOO_LARGE
    return RecordResult(Disposition.TOO_LARGE if too_large else Disposition.REJECTED, status, message=message)


def _awaits_answer(record: Mapping[str, Any]) -> bool:
    """Whether it is a background response that goes on: the record comes again, with the answer."""
    if not read_mapping(record.get("native_request")).get("background"):
        return False
    return read_mapping(record.get("native_response")).get("status") in _GOING_ON


def _is_old(record: Mapping[str, Any]) -> bool:
    began_ms = read_began_ms(read_text(record.get("id")), record.get("created_at")) or 0
    return time.time() * 1000 - began_ms > DAY_MS


def _parse(body: bytes) -> Any:
    """The record; integers of thousands of digits, which Python does not convert, stay text.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return from_json(body)
    except ValueError:  # also for half a character, which JSON may hold
        return json.loads(body, parse_int=_parse_int)


def _parse_int(digits: str) -> int | str:
    return int(digits) if len(digits) <= MAX_INT_DIGITS else digits
