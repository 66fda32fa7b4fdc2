"""What metrics count of a call, by OpenTelemetry's conventions for generative AI. Pure.

``/metrics`` of the server and ``otlp/histograms.py`` count it. The boundaries are those that the conventions
recommend, as of the version that ``otlp/conventions.py`` names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from log10_trace.domain.call_labels import FAILED, PROMPT, determine_status
from log10_trace.domain.call_times import read_seconds
from log10_trace.domain.charges import read_token_counts
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

_TOKEN_BOUNDARIES: Final = tuple(float(4**power) for power in range(14))
_SECOND_BOUNDARIES: Final = tuple(round(0.01 * 2**power, 2) for power in range(14))
_MODELS: Final = (
    "gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model", "gen_ai.response.model",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """A histogram of the conventions. Each is made once, and equal to itself alone."""

    name: str
    unit: str
    description: str
    labels: tuple[str, ...]
    boundaries: tuple[float, ...]


TOKEN_USAGE: Final = Metric(
    "gen_ai.client.token.usage",
    "{token}",
    "Number of input and output tokens used.",
    (*_MODELS, "gen_ai.token.type"),
    _TOKEN_BOUNDARIES,
)
OPERATION_DURATION: Final = Metric(
    "gen_ai.client.operation.duration",
    "s",
    "GenAI operation duration.",
    (*_MODELS, "error.type"),
    _SECOND_BOUNDARIES,
)
TIME_TO_FIRST_CHUNK: Final = Metric(
    "gen_ai.client.operation.time_to_first_chunk",
    "s",
    "Time to receive the first chunk of a stream.",
    _MODELS,
    _SECOND_BOUNDARIES,
)
METRICS: Final = (TOKEN_USAGE, OPERATION_DURATION, TIME_TO_FIRST_CHUNK)


class Measure(NamedTuple):
    """A value of a metric, and the values of the metric's labels; empty ones are not stated."""

    metric: Metric
    labels: tuple[str, ...]
    value: float


class MeasureReader:
    """Reads the measures of calls; a bounded number of combinations of labels has values of its own."""

    def __init__(self) -> None:
        self._models: set[tuple[str, ...]] = set()
        self._failures: set[tuple[str, ...]] = set()

    def read(self, values: Mapping[str, Any]) -> Iterator[Measure]:
        """The measures of a call that has ended, by the parsed fields of its record."""
        response = read_mapping(values.get("response"))
        models = self._read_models(values, response)
        duration = read_seconds(values.get("duration"))
        if duration is not None:
            error_type = self._read_error_type(values, models)
            yield Measure(OPERATION_DURATION, (*models, error_type), duration)
        first_chunk = read_seconds(values.get("time_to_first_token"))
        if first_chunk is not None:
            yield Measure(TIME_TO_FIRST_CHUNK, models, first_chunk)
        counts = read_token_counts(response, values.get("native_response"))
        for token_type, tokens in zip(("input", "output"), counts, strict=True):
            if tokens is not None:
                yield Measure(TOKEN_USAGE, (*models, token_type), tokens)

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
        """The class of the failure; empty of a call that did not fail."""
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
