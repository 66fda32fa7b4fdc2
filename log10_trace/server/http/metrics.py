"""Server metrics in Prometheus format.

No label contains anything of a key, nor of a record but for what ``call_metrics`` counts by: models,
providers and failures. Those are shown to keys of the record's organization alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from log10_trace import __version__
from log10_trace.server.http.call_metrics import CallMetrics
from log10_trace.server.store.data_types import Health

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """The counters of one server, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "log10_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "log10_request_seconds",
            "Seconds from the request's head to the end of the response.",
            ("route",),
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=self.registry,
        )
        self.records = Counter(
            "log10_records",
            "Records received, by result: created, merged, refused.",
            ("outcome",),
            registry=self.registry,
        )
        self.in_progress = Gauge("log10_requests_in_hand", "Requests in progress.", registry=self.registry)
        Gauge("log10_build_info", "The running version.", ("version",), registry=self.registry).labels(
            __version__
        ).set(1)
        self._held = Gauge(
            "log10_body_bytes_in_hand", "Bytes of request bodies in flight.", registry=self.registry
        )
        self._stored = Gauge("log10_store_bytes", "Size of the database, in bytes.", registry=self.registry)
        self._waiting = Gauge(
            "log10_store_waiting", "Writes queued and not yet committed.", registry=self.registry
        )
        self._calls: dict[str, CallMetrics] = {}
        ProcessCollector(registry=self.registry)

    def count_call(self, organization_id: str, values: Mapping[str, Any]) -> None:
        """Count a call of an organization that has ended; ``values`` are the parsed fields of its record."""
        calls = self._calls.get(organization_id)
        if calls is None:
            calls = self._calls.setdefault(organization_id, CallMetrics())
        calls.count(values)

    def update_gauges(self, health: Health, body_bytes: int) -> None:
        """Update the store's health and the number of body bytes in flight."""
        self._held.set(body_bytes)
        self._stored.set(health.bytes)
        self._waiting.set(health.waiting)

    def render(self, organization_id: str) -> bytes:
        """The server's own metrics and those of an organization's calls, in the text format."""
        calls = self._calls.get(organization_id)
        return generate_latest(self.registry) + (generate_latest(calls.registry) if calls else b"")
