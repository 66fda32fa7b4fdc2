"""Sentry: the SDK instrumented, every call traced, prompts included."""

from __future__ import annotations

import sentry_sdk

from benchmarks.peers.recorder import Recorder


def record(api: str) -> Recorder:
    """Record every call of the SDK."""
    key_and_project = api.replace("//", "//benchmark@") + "/1"
    sentry_sdk.init(dsn=key_and_project, traces_sample_rate=1.0, send_default_pii=True)
    return Recorder(sentry_sdk.flush)
