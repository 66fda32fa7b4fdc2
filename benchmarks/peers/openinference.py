"""OpenInference: Arize's instrumentation of OpenAI, with Phoenix's provider, spans over OTLP."""

from __future__ import annotations

from openinference.instrumentation.openai import OpenAIInstrumentor
from phoenix.otel import register

from benchmarks.peers.recorder import Recorder


def record(api: str) -> Recorder:
    """Record every call of the SDK."""
    provider = register(endpoint=f"{api}/v1/traces", protocol="http/protobuf", batch=True, verbose=False)
    OpenAIInstrumentor().instrument(tracer_provider=provider)
    return Recorder(provider.force_flush)
