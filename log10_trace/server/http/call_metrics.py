"""Metrics of the recorded calls, by OpenTelemetry's conventions for generative AI, in Prometheus format.

``gen_ai.client.token.usage``, ``gen_ai.client.operation.duration`` and
``gen_ai.client.operation.time_to_first_chunk`` with the boundaries that the conventions recommend, as of the
version that ``otlp/conventions.py`` names. OpenTelemetry's specification of the compatibility with Prometheus
gives the names: dots become underscores, a unit stands at the end, ``{token}`` is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, Histogram

from log10_trace.domain.call_labels import FAILED, PROMPT, determine_status
from log10_trace.domain.call_times import read_seconds
from log10_trace.domain.charges import read_usage
from log10_trace.domain.json_values import read_mapping, read_text
from log10_trace.domain.text_extraction import sanitize
from log10_trace.otlp.providers import find_target
from log10_trace.otlp.span_call import CHAT, TEXT_COMPLETION

OTHER: Final = "_OTHER"
"""The conventions' word for what has no value of its own."""
MAX_MODELS: Final = 100
"""Combinations of operation, provider and models that have values of their own, in one organization."""
MAX_FAILURES: Final = 100
"""Combinations of these with the class of a failure."""
_MAX_CHARACTERS: Final = 200
"""Of a model's name, and of an error's class."""

_TOKENS: Final = tuple(4**power for power in range(14))
_SECONDS: Final = tuple(round(0.01 * 2**power, 2) for power in range(14))
_MODELS: Final = (
    "gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model", "gen_ai_response_model",
)  # fmt: skip


class CallMetrics:
    """The histograms of one organization's calls, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._models: set[tuple[str, ...]] = set()
        self._failures: set[tuple[str, ...]] = set()
        self._children: dict[tuple[Histogram, tuple[str, ...]], Histogram] = {}
        self._tokens = Histogram(
            "gen_ai_client_token_usage",
            "Number of input and output tokens used.",
            (*_MODELS, "gen_ai_token_type"),
            buckets=_TOKENS,
            registry=self.registry,
        )
        self._duration = Histogram(
            "gen_ai_client_operation_duration_seconds",
            "GenAI operation duration.",
            (*_MODELS, "error_type"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._first_chunk = Histogram(
            "gen_ai_client_operation_time_to_first_chunk_seconds",
            "Time to receive the first chunk of a stream.",
            _MODELS,
            buckets=_SECONDS,
            registry=self.registry,
        )

    def count(self, values: Mapping[str, Any]) -> None:
        """Count a call that has ended, by the parsed fields of its record."""
        response = read_mapping(values.get("response"))
        models = self._read_models(values, response)
        duration = read_seconds(values.get("duration"))
        if duration is not None:
            self._observe(self._duration, (*models, self._read_error_type(values, models)), duration)
        first_chunk = read_seconds(values.get("time_to_first_token"))
        if first_chunk is not None:
            self._observe(self._first_chunk, models, first_chunk)
        usage = read_usage(response, values.get("native_response"))
        for token_type, tokens in (("input", usage.input), ("output", usage.output)):
            if tokens is not None:
                self._observe(self._tokens, (*models, token_type), tokens)

    def _observe(self, histogram: Histogram, labels: tuple[str, ...], value: float) -> None:
        # Looked up here: to find the child of its labels takes a histogram longer than to count the value.
        child = self._children.get((histogram, labels))
        if child is None:
            child = self._children.setdefault((histogram, labels), histogram.labels(*labels))
        child.observe(value)

    def _read_models(self, values: Mapping[str, Any], response: Mapping[str, Any]) -> tuple[str, ...]:
        """Operation, provider, requested model, model that answered; of too many models none has its name."""
        operation = TEXT_COMPLETION if values.get("kind") == PROMPT else CHAT
        provider = find_target(read_text(values.get("base_url"))).provider
        asked, answered = read_mapping(values.get("request")).get("model"), response.get("model")
        models = operation, provider, _name(asked), _name(answered)
        if models not in self._models:
            if len(self._models) >= MAX_MODELS:
                return operation, provider, OTHER, OTHER
            self._models.add(models)
        return models

    def _read_error_type(self, values: Mapping[str, Any], models: tuple[str, ...]) -> str:
        """The class of the failure; empty, which is no label to Prometheus, of a call that did not fail."""
        if determine_status(values) != FAILED:
            return ""
        error_type = _name(values.get("failure_kind")) or OTHER
        failure = *models, error_type
        if failure not in self._failures:
            if len(self._failures) >= MAX_FAILURES:
                return OTHER
            self._failures.add(failure)
        return error_type


def _name(value: Any) -> str:
    text = read_text(value)
    return sanitize(text) if len(text) <= _MAX_CHARACTERS else OTHER
