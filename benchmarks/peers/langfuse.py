"""Langfuse: its OpenAI client, spans over OTLP."""

from __future__ import annotations

from langfuse import Langfuse
from langfuse.openai import OpenAI

from benchmarks.peers.recorder import Recorder


def record(api: str) -> Recorder:
    """Record the calls of its own client."""
    langfuse = Langfuse(public_key="pk-lf-benchmark", secret_key="sk-lf-benchmark", host=api)
    return Recorder(langfuse.flush, lambda model: OpenAI(base_url=model, api_key="none"))
