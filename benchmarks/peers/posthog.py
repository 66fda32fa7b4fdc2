"""PostHog: its OpenAI client, batches of events."""

from __future__ import annotations

from posthog import Posthog
from posthog.ai.openai import OpenAI

from benchmarks.peers.recorder import Recorder


def record(api: str) -> Recorder:
    """Record the calls of its own client."""
    posthog = Posthog("phc_benchmark", host=api)
    return Recorder(
        posthog.flush,
        lambda model: OpenAI(posthog_client=posthog, base_url=model, api_key="none"),
    )
