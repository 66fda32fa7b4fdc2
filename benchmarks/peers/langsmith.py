"""LangSmith: a wrapped client, compressed multipart requests."""

from __future__ import annotations

from langsmith import Client
from langsmith.wrappers import wrap_openai

from benchmarks.peers.recorder import Recorder, sdk_client


def record(api: str) -> Recorder:
    """Record the calls of wrapped clients."""
    langsmith = Client(api_url=api, api_key="benchmark")
    return Recorder(
        langsmith.flush,
        lambda model: wrap_openai(sdk_client(model), tracing_extra={"client": langsmith}),
    )
