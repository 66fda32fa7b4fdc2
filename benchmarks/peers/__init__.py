"""Other libraries that record OpenAI calls, each set up as its documentation says, to be measured with ours.

One module a library: it imports it and gives a ``Recorder``. What must be in the environment before that
import stands here, and with it everything that would send usage data to a vendor, switched off. A library
takes part when it is installed; ``requirements.txt`` beside this file names the versions that were measured.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
NO_TELEMETRY: Final = {
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
    "DD_REMOTE_CONFIGURATION_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "OPIK_ANALYTICS_ENABLE": "false",
    "OPIK_SENTRY_ENABLE": "false",
    "PHOENIX_TELEMETRY_ENABLED": "false",
    "TRACELOOP_TELEMETRY": "false",
    "WANDB_ERROR_REPORTING": "false",
}


@dataclass(frozen=True, slots=True)
class Peer:
    """A library: the title of its row, the module here that sets it up, the distribution it comes in."""

    title: str
    module: str
    package: str
    environment: Mapping[str, str] = field(default_factory=dict)
    """What it reads at import or has no argument for; ``{api}`` stands for the API's address."""

    @property
    def version(self) -> str | None:
        """The installed version."""
        try:
            return version(self.package)
        except PackageNotFoundError:
            return None

    def variables(self, api: str, home: str) -> dict[str, str]:
        """The whole environment of a program of this library: nothing of the machine's but the path."""
        own = {name: value.format(api=api) for name, value in self.environment.items()}
        private = {"HOME": home, "TMPDIR": home, "LOG10_HOME": f"{home}/log10", "LANG": "C.UTF-8"}
        return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **private, **NO_TELEMETRY, **own}


OURSELVES: Final = Peer("**log10_trace**", "ourselves", "log10-trace")
WEAVE: Final = {"WANDB_BASE_URL": "{api}", "WF_TRACE_SERVER_URL": "{api}", "WANDB_API_KEY": "b" * 40}
BARE: Final = Peer("the SDK itself", "bare", "openai")
PEERS: Final = (
    Peer("Langfuse", "langfuse", "langfuse"),
    Peer("LangSmith", "langsmith", "langsmith", {"LANGSMITH_TRACING": "true"}),
    Peer("Logfire", "logfire", "logfire"),
    Peer("PostHog", "posthog", "posthog"),
    Peer("Sentry", "sentry", "sentry-sdk"),
    Peer("Opik", "opik", "opik", {"OPIK_URL_OVERRIDE": "{api}/api", "OPIK_WORKSPACE": "default"}),
    Peer("Braintrust", "braintrust", "braintrust"),
    Peer("Weave", "weave", "weave", WEAVE),
    Peer("Weave, its write-ahead log on,", "weave", "weave", {**WEAVE, "WEAVE_ENABLE_WAL": "true"}),
    Peer("Datadog", "datadog", "ddtrace", {"DD_TRACE_AGENT_URL": "{api}"}),
    Peer(
        "OpenTelemetry openai-v2",
        "otel",
        "opentelemetry-instrumentation-openai-v2",
        {
            "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY",
            "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental",
        },
    ),
    Peer("OpenLLMetry", "openllmetry", "traceloop-sdk"),
    Peer("OpenInference", "openinference", "openinference-instrumentation-openai"),
)


def asked(names: Sequence[str] | None) -> list[Peer]:
    """The installed ones of those asked for by module name: none for None, all for an empty list."""
    if names is None:
        return []
    unknown = set(names) - {peer.module for peer in PEERS}
    if unknown:
        known = ", ".join(dict.fromkeys(peer.module for peer in PEERS))
        raise SystemExit(f"no such peer: {', '.join(sorted(unknown))}; there are {known}")
    wanted = [peer for peer in PEERS if not names or peer.module in names]
    for peer in wanted:
        if peer.version is None:
            print(f"{peer.title}: not measured, {peer.package} is not installed")
    return [peer for peer in wanted if peer.version]
