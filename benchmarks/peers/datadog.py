"""Datadog's LLM observability: ddtrace, by way of a local agent."""

from __future__ import annotations

from ddtrace.llmobs import LLMObs

from benchmarks.peers.recorder import Recorder


def record(_api: str) -> Recorder:
    """Record every call of the SDK; the agent's address comes from the environment."""
    LLMObs.enable(ml_app="benchmark", agentless_enabled=False)
    return Recorder(LLMObs.flush)
