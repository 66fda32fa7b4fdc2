"""OpenLLMetry: Traceloop's SDK, its instrumentation of OpenAI, spans over OTLP."""

from __future__ import annotations

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import get_tracer_provider
from traceloop.sdk import Traceloop

from benchmarks.peers.recorder import Recorder


def record(api: str) -> Recorder:
    """Record every call of the SDK."""
    Traceloop.init(app_name="benchmark", api_endpoint=api, api_key="benchmark", telemetry_enabled=False)
    provider = get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    return Recorder(provider.force_flush)
