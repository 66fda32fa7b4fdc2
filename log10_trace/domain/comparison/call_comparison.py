"""Two calls compared: facts, parameters, tools, messages and answers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from log10_trace.domain.call_parts import (
    MAX_MESSAGES,
    list_answers,
    list_messages,
    list_parameters,
    list_tools,
)
from log10_trace.domain.charges import charges, read_usage
from log10_trace.domain.comparison.facts import Fact, Unit, Value, list_facts, pair_facts
from log10_trace.domain.comparison.part_alignment import Row, align_named, align_parts
from log10_trace.domain.comparison.text_difference import Effort
from log10_trace.domain.json_values import read_mapping, read_text
from log10_trace.domain.prices import Prices

FIELDS: Final = (
    "request", "response", "native_response", "status", "duration", "time_to_first_token", "created_at",
    "tags", "session_id", "stacktrace", "endpoint", "base_url", "failure_kind", "failure_reason",
    "interrupted",
)  # fmt: skip
"""The fields of a record that are read."""
_COARSE: Final = "Texts too large to compare word by word are compared line by line or as a whole."
_BOUNDED: Final = f"Of each conversation the first and the last {MAX_MESSAGES} messages are compared."


@dataclass(frozen=True, slots=True)
class Section:
    """Parts of one kind."""

    title: str
    rows: tuple[Row, ...]

    @property
    def changed(self) -> int:
        """How many rows differ."""
        return sum(not row.is_equal for row in self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallComparison:
    """Everything that two calls have in common, and everything in which they differ."""

    id_a: str
    id_b: str
    facts: tuple[Fact, ...]
    sections: tuple[Section, ...]
    """Parameters, tools offered, messages, answers: those that at least one call has."""
    notes: tuple[str, ...]
    """What was not compared, or not word by word."""

    @property
    def changed(self) -> int:
        """How many rows differ; 0 when the calls asked and were answered the same."""
        return sum(section.changed for section in self.sections)


def compare_calls(a: Mapping[str, Any], b: Mapping[str, Any], prices: Prices) -> CallComparison:
    """The comparison of two records, given as the values of their fields, ``id`` and ``FIELDS`` at least."""
    effort = Effort()
    request_a, request_b = a.get("request"), b.get("request")
    messages = list_messages(request_a), list_messages(request_b)
    answers = _list_answers(a), _list_answers(b)
    sections = (
        Section("Parameters", align_named(list_parameters(request_a), list_parameters(request_b), effort)),
        Section("Tools offered", align_named(list_tools(request_a), list_tools(request_b), effort)),
        Section("Messages", align_parts(*messages, effort)),
        Section("Answers", align_parts(*answers, effort)),
    )
    is_coarse = any(row.difference.precision != "words" for section in sections for row in section.rows)
    is_bounded = max(map(len, messages)) > 2 * MAX_MESSAGES
    return CallComparison(
        id_a=read_text(a.get("id")),
        id_b=read_text(b.get("id")),
        facts=pair_facts(read_facts(a, prices), read_facts(b, prices)),
        sections=tuple(section for section in sections if section.rows),
        notes=(*([_COARSE] if is_coarse else []), *([_BOUNDED] if is_bounded else [])),
    )


def _list_answers(values: Mapping[str, Any]) -> Any:
    kind, reason = read_text(values.get("failure_kind")), read_text(values.get("failure_reason"))
    return list_answers(values.get("response"), ": ".join(filter(None, (kind, reason))))


def read_facts(values: Mapping[str, Any], prices: Prices) -> dict[tuple[str, Unit], Value]:
    """The facts of a call by name and unit; the values are those of ``FIELDS``."""
    responses = values.get("response"), values.get("native_response")
    usage = read_usage(*responses)
    cost = None
    if usage.is_stated:
        request = read_mapping(values.get("request"))
        cost = prices.cost_of(charges(request, *responses, usage=usage, base_url=values.get("base_url")))
    return list_facts(values, usage, cost)
