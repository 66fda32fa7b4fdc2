"""Metrics of calls, by OpenTelemetry's conventions for generative AI."""

from __future__ import annotations

import json
import math
from typing import Any

import httpx
import pytest
from opentelemetry.semconv._incubating.attributes import error_attributes, gen_ai_attributes
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from log10_trace.domain.keys import Scope
from log10_trace.otlp.call_measures import MAX_FAILURES, MAX_MODELS, OTHER
from log10_trace.server.http.metrics import Metrics
from tests.server.conftest import Server, Tenant

ORG = "org"
TOKENS = "gen_ai_client_token_usage"
DURATION = "gen_ai_client_operation_duration_seconds"
FIRST_CHUNK = "gen_ai_client_operation_time_to_first_chunk_seconds"
CONVENTIONS = {
    TOKENS: (gen_ai_metrics.GEN_AI_CLIENT_TOKEN_USAGE, ""),
    DURATION: (gen_ai_metrics.GEN_AI_CLIENT_OPERATION_DURATION, "_seconds"),
    FIRST_CHUNK: (gen_ai_metrics.GEN_AI_CLIENT_OPERATION_TIME_TO_FIRST_CHUNK, "_seconds"),
}
"""Our names, those of the conventions, and what Prometheus writes for the unit."""


def ended(number: int = 0, **fields: Any) -> dict[str, Any]:
    """The record of a stream that was read to its end."""
    return {
        "id": f"call-{number}",
        "kind": "chat",
        "status": "finished",
        "base_url": "https://api.groq.com/openai/v1",
        "request": {"model": "asked"},
        "response": {"model": "answered", "usage": {"prompt_tokens": 100, "completion_tokens": 7}},
        "duration": 1.5,
        "time_to_first_token": 0.25,
        **fields,
    }


def families(text: str) -> dict[str, Metric]:
    """The families of calls in the text of ``/metrics``, by name."""
    found = {family.name: family for family in text_string_to_metric_families(text)}
    return {name: found[name] for name in CONVENTIONS if name in found}


def counts(text: str, name: str) -> dict[tuple[tuple[str, str], ...], float]:
    """How many values each combination of labels has."""
    samples = families(text)[name].samples if name in families(text) else ()
    return {
        tuple(sorted(sample.labels.items())): sample.value
        for sample in samples
        if sample.name == f"{name}_count"
    }


def rendered(*records: dict[str, Any]) -> str:
    """The metrics of calls with these records."""
    metrics = Metrics()
    for record in records:
        metrics.count_call(ORG, record)
    return metrics.render(ORG).decode()


def test_names_and_labels_are_those_of_the_conventions() -> None:
    """Each with underscores for dots, and with the unit at its end, as the translation to Prometheus says."""
    found = families(rendered(ended(failure_kind="X", status="failed")))

    assert set(found) == set(CONVENTIONS)
    known = {
        str(value).replace(".", "_")
        for attributes in (gen_ai_attributes, error_attributes)
        for value in vars(attributes).values()
        if isinstance(value, str)
    }
    for name, (conventional, unit) in CONVENTIONS.items():
        assert name == conventional.replace(".", "_") + unit
        assert {label for sample in found[name].samples for label in sample.labels} - {"le"} <= known


def test_values_are_those_of_the_call() -> None:
    """Tokens by type, seconds, and the time to the first chunk, in the recommended buckets."""
    text = rendered(ended())
    models = {
        ("gen_ai_operation_name", "chat"),
        ("gen_ai_provider_name", "groq"),
        ("gen_ai_request_model", "asked"),
        ("gen_ai_response_model", "answered"),
    }

    found = families(text)
    sums = {
        (sample.name, sample.labels.get("gen_ai_token_type")): sample.value
        for family in found.values()
        for sample in family.samples
        if sample.name.endswith("_sum")
    }
    assert sums == {
        (f"{TOKENS}_sum", "input"): 100,
        (f"{TOKENS}_sum", "output"): 7,
        (f"{DURATION}_sum", None): 1.5,
        (f"{FIRST_CHUNK}_sum", None): 0.25,
    }
    assert set(counts(text, FIRST_CHUNK)) == {tuple(sorted(models))}
    bounds = {
        name: sorted({float(each.labels["le"]) for each in family.samples if "le" in each.labels})
        for name, family in found.items()
    }
    assert bounds[TOKENS] == [*(float(4**n) for n in range(14)), math.inf]
    seconds = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]
    assert bounds[DURATION] == bounds[FIRST_CHUNK] == [*seconds, math.inf]


def test_what_a_record_does_not_say_is_not_counted() -> None:
    """A text completion that failed has no tokens and no first chunk; its class is ``error_type``."""
    bare = {
        "kind": "prompt",
        "status": "failed",
        "failure_kind": "RateLimitError",
        "duration": 2,
        "request": None,
    }
    text = rendered(bare)

    ((labels, count),) = counts(text, DURATION).items()
    assert (count, dict(labels)["error_type"]) == (1, "RateLimitError")
    assert dict(labels)["gen_ai_operation_name"] == "text_completion"
    assert counts(text, TOKENS) == counts(text, FIRST_CHUNK) == {}


@pytest.mark.parametrize(
    "model",
    ["half \ud83d", 'quote " line\nbreak \\', "x" * 10_000, 7, None],
    ids=lambda model: repr(model)[:20],
)
def test_any_model_name_is_a_label(model: Any) -> None:
    """The text of the metrics is read again, whatever stands in the record."""
    odd = ended(request={"model": model}, response={"model": model}, failure_kind=model, status="failed")
    ((labels, _),) = counts(rendered(odd), DURATION).items()

    assert len(dict(labels)["gen_ai_request_model"]) <= 200
    assert dict(labels)["error_type"] != ""


def test_labels_are_bounded() -> None:
    """Beyond so many models, and so many classes of failures, what is new is counted as other."""
    models = [ended(n, request={"model": f"m{n}"}) for n in range(MAX_MODELS + 20)]
    failures = [ended(status="failed", failure_kind=f"E{n}") for n in range(MAX_FAILURES + 20)]
    found = counts(rendered(*models, *models, *failures), DURATION)

    labels = [dict(each) for each in found]
    assert len(found) == MAX_MODELS + 1 + MAX_FAILURES + 1
    assert sum(found.values()) == 2 * len(models) + len(failures)
    assert {each["gen_ai_response_model"] for each in labels} == {"answered", OTHER}
    assert OTHER in {each["error_type"] for each in labels}


def test_a_call_is_counted_once(client: httpx.Client) -> None:
    """When it ends, not when it begins, is delivered again or is changed; by either way of delivery."""
    running = ended(1, status="started", response=None, duration=None, time_to_first_token=None)

    def deliver(*records: dict[str, Any]) -> None:
        lines = "\n".join(json.dumps(record) for record in records)
        headers = {"Content-Type": "application/x-ndjson"}
        client.post("/api/v1/completions/batch", content=lines, headers=headers).raise_for_status()

    deliver(running)
    assert counts(client.get("/metrics").text, DURATION) == {}
    deliver(ended(1), ended(1), ended(2))
    deliver(ended(2))
    client.post("/api/v1/completions", json=ended(3)).raise_for_status()
    client.post("/api/v1/completions/call-3", json={"tags": ["new"]}).raise_for_status()

    assert list(counts(client.get("/metrics").text, DURATION).values()) == [3]


def test_calls_are_those_of_the_keys_organization(server: Server, client: httpx.Client) -> None:
    """Another organization sees neither the models nor the figures; the server's own metrics it does see."""
    client.post("/api/v1/completions", json=ended(request={"model": "secret"})).raise_for_status()
    other = Tenant(server)
    with other.stack:
        theirs = other.client(Scope.READ).get("/metrics").text

    assert "secret" in client.get("/metrics").text
    assert families(theirs) == {}
    assert "log10_records_total" in theirs
