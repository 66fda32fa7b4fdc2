"""log10_trace."""

from __future__ import annotations

import log10_trace
from benchmarks.peers.recorder import Recorder


def record(api: str) -> Recorder:
    """Record every call of the SDK."""
    log10_trace.patch(url=api, token="benchmark")
    return Recorder(flush=lambda: log10_trace.flush(timeout=30))
