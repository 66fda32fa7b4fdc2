"""Braintrust: a wrapped client, rows of logs."""

from __future__ import annotations

import braintrust

from benchmarks.peers.recorder import Recorder, sdk_client


def record(api: str) -> Recorder:
    """Record the calls of wrapped clients."""
    braintrust.init_logger(project="benchmark", app_url=api, api_key="benchmark", org_name="benchmark")
    return Recorder(braintrust.flush, lambda model: braintrust.wrap_openai(sdk_client(model)))
