"""Langfuse: its OpenAI client, spans over OTLP."""

from __future__ import annotations

from benchmarks.peers.sink import Recorder
from langfuse import Langfuse
from langfuse.openai import OpenAI


def record(api: str) -> Recorder:
    """Record the calls of its own client."""
    langfuse = Langfuse(public_key="pk-lf-benchmark", secret_key="sk-lf-benchmark", host=api)
    return Recorder(langfuse.flush, lambda model: OpenAI(base_url=model, api_key="none"))
