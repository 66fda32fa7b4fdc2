"""Logfire: the SDK instrumented, spans over OTLP."""

from __future__ import annotations

import logfire

from benchmarks.peers.recorder import Recorder


def record(api: str) -> Recorder:
    """Record every call of the SDK."""
    options = logfire.AdvancedOptions(base_url=api)
    logfire.configure(token="pylf_v1_us_benchmark", console=False, advanced=options)
    logfire.instrument_openai()
    return Recorder(logfire.force_flush)
