"""Results of a task: how often each value was given, and the feedback as rows. Pure."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

from log10_trace.domain.json_values import read_mapping
from log10_trace.domain.schema_form import FormField, SchemaForm
from log10_trace.domain.value_condition import write_condition
from log10_trace.server.store.data_types import Feedback


@dataclass(frozen=True, slots=True)
class ValueCount:
    """How often a value was given."""

    label: str
    count: int
    condition: str
    """The condition that the value is this one; empty where none can say it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDistribution:
    """The values of one property."""

    title: str
    answers: int
    """Pieces of feedback that have a value of it."""
    counts: tuple[ValueCount, ...] = ()
    """Of each value that can be chosen."""
    numbers: tuple[float, float, float] | None = None
    """The least, the mean and the greatest, of numbers that are typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRow:
    """One piece of feedback."""

    feedback: Feedback
    cells: tuple[str, ...]
    """A text for each of the form's properties."""
    others: str
    """What was given besides, as JSON text; empty for nothing."""


def read_values(json_values: str) -> Mapping[str, Any]:
    """The values of feedback; none where numbers have more digits than can be read."""
    try:
        return read_mapping(json.loads(json_values))
    except ValueError:
        return {}


def count_values(form: SchemaForm, values: Sequence[Mapping[str, Any]]) -> tuple[FieldDistribution, ...]:
    """The distribution of each property of the form."""
    return tuple(
        _count_field(field, [each[field.property_name] for each in values if field.property_name in each])
        for field in form.fields
        if field.property_name is not None
    )


def make_row(form: SchemaForm, feedback: Feedback) -> ResultRow:
    """The row of a piece of feedback."""
    values = read_values(feedback.json_values)
    names = [field.property_name for field in form.fields if field.property_name is not None]
    others = {name: value for name, value in values.items() if name not in names}
    return ResultRow(
        feedback=feedback,
        cells=tuple(_write_cell(values[name]) if name in values else "" for name in names),
        others=json.dumps(others, ensure_ascii=False) if others else "",
    )


def _count_field(field: FormField, given: Sequence[Any]) -> FieldDistribution:
    answers = len(given)
    if field.kind in ("choice", "choices"):
        chosen = [item for value in given for item in _list_values(field, value)]
        counts = tuple(_count_choices(field, Counter(map(_key, chosen))))
        return FieldDistribution(title=field.title, answers=answers, counts=counts)
    are_numbers = [isinstance(value, int | float) and not isinstance(value, bool) for value in given]
    numbers = [_to_float(value) for value in compress(given, are_numbers)]
    if field.kind in ("integer", "number") and numbers:
        mean = sum(numbers) / len(numbers)
        return FieldDistribution(
            title=field.title, answers=answers, numbers=(min(numbers), mean, max(numbers))
        )
    return FieldDistribution(title=field.title, answers=answers)


def _count_choices(field: FormField, counted: Counter[str]) -> Iterator[ValueCount]:
    for choice in field.choices:
        condition = write_condition(field.property_name or "", choice.value)
        yield ValueCount(choice.label, counted[_key(choice.value)], condition)


def _list_values(field: FormField, value: Any) -> Sequence[Any]:
    if field.kind == "choices":
        return value if isinstance(value, list) else ()
    return (value,)


def _to_float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:  # an integer of more than 308 digits
        return math.inf if number > 0 else -math.inf


def _key(value: Any) -> str:
    """The same text for values that JSON Schema takes for the same."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, sort_keys=True)


def _write_cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
