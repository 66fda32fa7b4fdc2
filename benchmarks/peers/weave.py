"""Weave: the SDK patched, batches of calls."""

from __future__ import annotations

import openai  # noqa: F401 -- it patches what is imported
import weave

from benchmarks.peers.recorder import Recorder


def record(_api: str) -> Recorder:
    """Record every call of the SDK; the address comes from the environment."""
    return Recorder(weave.init("benchmark/benchmark").flush)
