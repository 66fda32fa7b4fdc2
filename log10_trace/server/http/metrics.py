"""Server metrics in Prometheus format. No label contains anything of a record or a key."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from log10_trace import __version__
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
        ProcessCollector(registry=self.registry)

    def update_gauges(self, health: Health, body_bytes: int) -> None:
        """Update the store's health and the number of body bytes in flight."""
        self._held.set(body_bytes)
        self._stored.set(health.bytes)
        self._waiting.set(health.waiting)

    def render(self) -> bytes:
        """Everything, in the text format."""
        return generate_latest(self.registry)
