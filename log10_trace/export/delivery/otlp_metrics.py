"""Metrics of calls, pushed to an OTLP endpoint every minute by the thread that delivers the spans.

They are cumulative: what a push that fails did not bring, the next one brings. Needs the extra ``otel``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from log10_trace.export.delivery.otlp_exchange import RETRIED, OtlpExchange
from log10_trace.export.delivery.responses import RecordResult, retry_after_of
from log10_trace.export.delivery.server import Server
from log10_trace.export.http.reply import HttpReply
from log10_trace.guard import log_rate_limited, logger
from log10_trace.otlp.call_measures import Measure
from log10_trace.otlp.histograms import CallHistograms, decode_metrics_rejection
from log10_trace.unpatched import time

INTERVAL_S: Final = 60.0
"""Seconds between two pushes, as OpenTelemetry's SDKs have it."""
_TIMEOUT_S: Final = 5.0
"""Spans wait while metrics are pushed."""
_NEVER_TAKEN: Final = (404, 405, 410, 415, 501)
"""Statuses of an address that takes no metrics, whatever they are."""
_OF_KEY: Final = (401, 403, 407)
_TOO_LARGE: Final = 413
_MESSAGE_CHARACTERS: Final = 200
_NEVER: Final = float("inf")
_refused: Final[set[str]] = set()
"""URLs that took no metrics in this process, and are not asked again."""
_named: Final[set[str]] = set()
"""URLs whose refusal of the key was named in the log, and goes on."""


class OtlpMetrics:
    """Counts calls in histograms, and pushes these. Used by the delivery thread alone."""

    def __init__(
        self,
        histograms: CallHistograms,
        exchange: OtlpExchange,
        server: Server,
        resource: Mapping[str, str],
        *,
        clock: Callable[[], float] = time.monotonic,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Count in ``histograms``; ``server.url`` is the URL that metrics are posted to."""
        self._histograms = histograms
        self._exchange = exchange
        self._server = server
        self._resource = resource
        self._clock = clock
        self._now_ns = now_ns
        self._due_at = _NEVER
        self._has_news = False
        self._max_points = sys.maxsize
        self.refused_pushes = 0
        """Pushes that the endpoint found wrong; what they had, the next one has too."""

    @property
    def due_at(self) -> float:
        """When the next push is due, by the clock; infinite before the first call."""
        return _NEVER if self._is_refused else self._due_at

    @property
    def has_news(self) -> bool:
        """Whether calls were counted since the last attempt to push."""
        return self._has_news and not self._is_refused

    @property
    def _is_refused(self) -> bool:
        return self._server.url in _refused

    def read(self, record: Mapping[str, Any]) -> tuple[Measure, ...]:
        """What is to be counted of a record whose call has ended."""
        return self._histograms.read(record)

    def count(self, measures: list[Measure]) -> None:
        """Count these, which ``read`` has given."""
        if not measures:
            return
        self._histograms.count(measures)
        self._has_news = True
        if self._due_at == _NEVER:
            self._due_at = self._clock() + INTERVAL_S

    def push(self, timeout: float) -> None:
        """Try once to push all that was counted, within ``timeout`` seconds and within five."""
        self._has_news = False
        self._due_at = self._clock() + INTERVAL_S
        until = time.monotonic() + min(timeout, _TIMEOUT_S)
        while not self._push_parts(until):
            self._max_points = max(1, min(self._max_points, self._histograms.points) // 2)

    def _push_parts(self, until: float) -> bool:
        """Push part by part until one is not taken; False where smaller parts are to be tried."""
        for body in self._histograms.encode(self._resource, self._now_ns(), self._max_points):
            left = until - time.monotonic()
            if left <= 0:
                self._log_failure("no time was left for a part of them")
                return True
            reply = self._exchange.post(self._server, body, left)
            if isinstance(reply, RecordResult):
                self._log_failure(reply.message)
                return True
            if reply.status == _TOO_LARGE and min(self._max_points, self._histograms.points) > 1:
                return False
            if not 200 <= reply.status < 300:  # noqa: PLR2004 -- HTTP's own classes
                self._note_refusal(reply)
                return True
            _named.discard(self._server.url)
            self._log_rejection(reply)
        return True

    def _note_refusal(self, reply: HttpReply) -> None:
        """Say that a push was refused, and ask again where another one may be taken."""
        url, status = self._server.url, reply.status
        if status in _NEVER_TAKEN or status < 400:  # noqa: PLR2004
            _refused.add(url)
            logger.warning(
                "log10_trace: %s takes no metrics (HTTP %d); this process sends it none. "
                "Set otlp_metrics=False (LOG10_OTLP_METRICS=0) to send none at all",
                url,
                status,
            )
        elif status in _OF_KEY:
            if url not in _named:
                _named.add(url)
                logger.warning(
                    "log10_trace: %s refuses metrics (HTTP %d); it is asked again every minute. "
                    "Check LOG10_OTLP_HEADERS",
                    url,
                    status,
                )
        elif status in RETRIED:
            self._due_at += retry_after_of(reply)
            self._log_failure(f"HTTP {status}")
        else:
            self.refused_pushes += 1
            said = " ".join(reply.body[:_MESSAGE_CHARACTERS].decode("utf-8", "replace").split())
            self._log_failure(f"HTTP {status} {said}".rstrip() + f", {self.refused_pushes} such so far")

    def _log_failure(self, reason: str) -> None:
        log_rate_limited(
            "log10_trace: %s took no metrics (%s); the next push has them", self._server.url, reason
        )

    def _log_rejection(self, reply: HttpReply) -> None:
        rejected, message = decode_metrics_rejection(reply.body)
        if rejected:
            log_rate_limited(
                "log10_trace: %s did not take %d points of metrics (%s)", self._server.url, rejected, message
            )

    def close(self) -> None:
        """Close the connection."""
        self._exchange.close()

    def detach_after_fork(self) -> None:
        """Forget a connection that belongs to the process we were forked from."""
        self._exchange.detach_after_fork()
