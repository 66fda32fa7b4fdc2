"""Metrics of calls, pushed to an OTLP endpoint every minute by the thread that delivers the spans.

They are cumulative: what a push that fails did not bring, the next one brings. Needs the extra ``otel``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from log10_trace.export.delivery.otlp_exchange import RETRIED, OtlpExchange
from log10_trace.export.delivery.responses import RecordResult, retry_after_of
from log10_trace.export.delivery.server import Server
from log10_trace.export.http.reply import HttpReply
from log10_trace.guard import log_rate_limited, logger
from log10_trace.otlp.call_measures import Measure
from log10_trace.otlp.histograms import CallHistograms, decode_metrics_rejection

INTERVAL_S: Final = 60.0
"""Seconds between two pushes, as OpenTelemetry's SDKs have it."""
_TIMEOUT_S: Final = 5.0
"""Spans wait while metrics are pushed."""
_OF_KEY: Final = (401, 403)
_NEVER: Final = float("inf")
_refused: Final[set[str]] = set()
"""URLs that took no metrics in this process, and are not asked again."""


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
        body = self._histograms.encode(self._resource, self._now_ns())
        reply = self._exchange.post(self._server, body, min(timeout, _TIMEOUT_S))
        if isinstance(reply, RecordResult):
            self._log_failure(reply.message)
        elif 200 <= reply.status < 300:  # noqa: PLR2004 -- HTTP's own classes
            self._log_rejection(reply)
        elif reply.status in (*RETRIED, *_OF_KEY):
            self._due_at += retry_after_of(reply)
            self._log_failure(f"HTTP {reply.status}")
        else:
            _refused.add(self._server.url)
            logger.warning(
                "log10_trace: %s takes no metrics (HTTP %d); this process sends it none. "
                "Set otlp_metrics=False (LOG10_OTLP_METRICS=0) to send none at all",
                self._server.url,
                reply.status,
            )

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
