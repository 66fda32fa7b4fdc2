"""The delivery of spans to ``otlp_url``: one of its own, so that neither destination waits for the other.

It has a spool of its own, in the folder ``otlp`` of the other: what one destination has is acknowledged
there, whatever the other does, and the next process goes on with both. Needs the extra ``otel``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from log10_trace.config import Config
from log10_trace.export.delivery.delivery import Delivery
from log10_trace.export.delivery.otlp_transport import OtlpTransport
from log10_trace.export.delivery.responses import RecordResult
from log10_trace.export.monitor import DeliveryMonitor
from log10_trace.otlp.endpoint import GRPC_NOTICE, read_resource

SPOOL: Final = "otlp"
"""The folder within the spool in which spans wait."""
_OF_KEY: Final = (401, 403)


def make_otlp_delivery(config: Config, monitor: DeliveryMonitor | None) -> Delivery:
    """A delivery of every record to the ``otlp_url`` of the settings, as a span."""
    own = config._replace(
        url=config.otlp_url, token=None, organization_id=None, spool_dir=config.spool_dir / SPOOL
    )
    resource = read_resource()

    def make_transport(progress: Callable[[], None]) -> OtlpTransport:
        return OtlpTransport(
            headers=config.otlp_headers,
            resource=resource,
            with_content=config.otlp_content,
            with_traced=config.otlp_traced,
            progress=progress,
        )

    return Delivery(own, monitor, make_transport=make_transport, explain=_explain_denial)


def _explain_denial(worst: RecordResult) -> str:
    if worst.message == GRPC_NOTICE:
        return f"does not answer as OTLP over HTTP does: {GRPC_NOTICE}. Spans stay queued"
    setting = "LOG10_OTLP_HEADERS" if worst.status in _OF_KEY else "LOG10_OTLP_URL"
    return f"refuses all spans (HTTP {worst.status}); they stay queued. Check {setting}"
