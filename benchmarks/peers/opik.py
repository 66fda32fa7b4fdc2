"""Opik: a wrapped client, batches of traces and spans."""

from __future__ import annotations

import opik
from opik.integrations.openai import track_openai

from benchmarks.peers.recorder import Recorder, sdk_client


def record(_api: str) -> Recorder:
    """Record the calls of wrapped clients; the address comes from the environment."""
    return Recorder(opik.flush_tracker, lambda model: track_openai(sdk_client(model)))
