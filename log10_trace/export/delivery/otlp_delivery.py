"""The delivery to ``otlp_url``: one of its own, so that neither destination waits for the other.

It has a spool of its own, in the folder ``otlp`` of the other: what one destination has is acknowledged
there, whatever the other does, and the next process goes on with both. Metrics are pushed beside the spans.
Needs the extra ``otel``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Final
from uuid import uuid4

from log10_trace.config import Config
from log10_trace.export.delivery.delivery import Delivery
from log10_trace.export.delivery.otlp_exchange import OtlpExchange
from log10_trace.export.delivery.otlp_metrics import OtlpMetrics
from log10_trace.export.delivery.otlp_transport import OtlpTransport
from log10_trace.export.delivery.responses import RecordResult
from log10_trace.export.delivery.server import Server
from log10_trace.export.monitor import DeliveryMonitor
from log10_trace.export.spool.spool import spans_folder
from log10_trace.otlp.endpoint import GRPC_NOTICE, metrics_url, read_resource
from log10_trace.otlp.histograms import CallHistograms
from log10_trace.unpatched import time

_INSTANCE: Final = "service.instance.id"
_OF_KEY: Final = (401, 403)


def make_otlp_delivery(
    config: Config, monitor: DeliveryMonitor | None, *, unknown_destination: bool = False
) -> Delivery:
    """A delivery of every record to the ``otlp_url`` of the settings, as a span.

    With ``unknown_destination``, spans of ended processes whose URL is not known go there too.
    """
    own = config._replace(
        url=config.otlp_url, token=None, organization_id=None, spool_dir=spans_folder(config.spool_dir)
    )
    resource = read_resource()
    source = _MetricsSource(config, resource)

    def make_transport(progress: Callable[[], None]) -> OtlpTransport:
        metrics = source.make_metrics(progress) if config.otlp_metrics else None
        return _make_transport(config, resource, progress, metrics)

    return Delivery(
        own,
        monitor,
        unknown_destination=unknown_destination,
        make_transport=make_transport,
        explain=_explain_denial,
    )


def make_plain_transport(config: Config) -> OtlpTransport:
    """What sends spans by the settings, without a thread, and counts nothing."""
    return _make_transport(config, read_resource(), lambda: None, None)


def _make_transport(
    config: Config, resource: Mapping[str, str], progress: Callable[[], None], metrics: OtlpMetrics | None
) -> OtlpTransport:
    return OtlpTransport(
        headers=config.otlp_headers,
        resource=resource,
        with_content=config.otlp_content,
        with_traced=config.otlp_traced,
        progress=progress,
        metrics=metrics,
    )


class _MetricsSource:
    """The histograms of one delivery in one process: its threads come and go, a child counts afresh."""

    def __init__(self, config: Config, resource: Mapping[str, str]) -> None:
        self._headers = config.otlp_headers
        self._server = Server(url=metrics_url(str(config.otlp_url)), ca_file=config.ca_file)
        self._resource = resource
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._histograms = CallHistograms(time.time_ns())
        # Two processes of one service count apart: without an id each would overwrite the other's values.
        self._instance = {_INSTANCE: str(uuid4())} | dict(self._resource)

    def make_metrics(self, progress: Callable[[], None]) -> OtlpMetrics:
        """What counts and pushes for one thread."""
        if self._pid != os.getpid():
            self._begin()
        exchange = OtlpExchange(self._headers, progress)
        return OtlpMetrics(self._histograms, exchange, self._server, self._instance)


def _explain_denial(worst: RecordResult) -> str:
    if worst.message == GRPC_NOTICE:
        return f"does not answer as OTLP over HTTP does: {GRPC_NOTICE}. Spans stay queued"
    setting = "LOG10_OTLP_HEADERS" if worst.status in _OF_KEY else "LOG10_OTLP_URL"
    return f"refuses all spans (HTTP {worst.status}); they stay queued. Check {setting}"
