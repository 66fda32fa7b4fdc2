"""OpenTelemetry's own instrumentation of OpenAI, with the batch processor and the OTLP exporter over HTTP."""

from __future__ import annotations

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from benchmarks.peers.recorder import Recorder


def record(api: str) -> Recorder:
    """Record every call of the SDK, messages as attributes of its span."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{api}/v1/traces")))
    OpenAIInstrumentor().instrument(tracer_provider=provider)
    return Recorder(provider.force_flush)
