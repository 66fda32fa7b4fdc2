"""A JSON Schema as a form: which field asks for which property, and with what kind of input. Pure.

A schema is anything, a form is little: a property that no input fits is asked for as JSON text, and so are
the values as a whole where the schema says more of them than of each property.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeGuard

from log10_trace.domain.json_values import read_mapping

Kind = Literal["choice", "choices", "integer", "number", "line", "text", "json"]
"""One of several values, any of several, numbers, a line of text, a text of many lines, JSON text."""

MISSING: Final = object()
"""Stands for a value that is not given, since None is JSON's null."""
MAX_FIELDS: Final = 50
MAX_CHOICES: Final = 100
_MAX_SCALE: Final = 11
"""Whole numbers from 0 to 10 are choices; more are a number that is typed."""
_MAX_LABEL: Final = 120
_MAX_LABELS: Final = 5_000
"""Characters of all labels of a field together."""
_MAX_TITLE: Final = 200
_MAX_DESCRIPTION: Final = 2_000
_LINE_CHARACTERS: Final = 120
_PLAIN: Final = frozenset(
    ("$schema", "$id", "$comment", "$defs", "definitions", "title", "description", "type", "properties",
     "required", "additionalProperties", "default", "examples")
)  # fmt: skip
"""Keywords of a schema whose properties can each be asked for alone."""
_COMPOSED: Final = frozenset(
    (
        "$ref",
        "$dynamicRef",
        "$recursiveRef",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "if",
        "then",
        "else",
        "extends",
    )
)
"""Keywords with which a property is more than its type says."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A value that can be chosen."""

    value: Any
    label: str
    key: str
    """The digit that chooses it; empty where none does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """What asks for one property, or for all values at once."""

    input_name: str
    """The name of the input. Properties have any names; these are fit for HTML."""
    property_name: str | None
    """None: the field asks for the values as a whole."""
    title: str
    description: str
    kind: Kind
    is_required: bool
    choices: tuple[Choice, ...] = ()
    minimum: str = ""
    """The lowest number as text; empty: there is none. So is ``maximum``."""
    maximum: str = ""
    default: Any = MISSING


@dataclass(frozen=True, slots=True)
class SchemaForm:
    """The fields of a form, in the order of the schema."""

    fields: tuple[FormField, ...]
    digest: str
    """Tells schemas apart: what was filled in by another schema must not be read by this one."""

    @property
    def is_whole(self) -> bool:
        """Whether a single field asks for all values as JSON text."""
        return any(field.property_name is None for field in self.fields)


def build_form(schema_text: str) -> SchemaForm:
    """The form for a valid JSON Schema, given as JSON text."""
    schema = read_mapping(json.loads(schema_text))
    digest = hashlib.sha256(schema_text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    properties = read_mapping(schema.get("properties"))
    if not _has_plain_properties(schema, properties):
        return SchemaForm((_whole_field(schema),), digest)
    required = schema.get("required", ())
    return SchemaForm(
        tuple(
            _build_field(f"field-{number}", name, read_mapping(given), is_required=name in required)
            for number, (name, given) in enumerate(properties.items())
        ),
        digest,
    )


def as_whole(form: SchemaForm) -> SchemaForm:
    """The form with one field for all values, for values that its fields have no place for."""
    return form if form.is_whole else SchemaForm((_whole_field({}),), form.digest)


def _has_plain_properties(schema: Mapping[str, Any], properties: Mapping[str, Any]) -> bool:
    required = schema.get("required", ())
    return (
        0 < len(properties) <= MAX_FIELDS
        and _PLAIN.issuperset(schema)
        and isinstance(schema.get("additionalProperties", True), bool)
        and isinstance(required, Sequence)
        and set(required) <= properties.keys()
    )


def _whole_field(schema: Mapping[str, Any]) -> FormField:
    return FormField(
        input_name="values",
        property_name=None,
        title="Values",
        description=_text(schema.get("description"), _MAX_DESCRIPTION),
        kind="json",
        is_required=True,
        default=schema.get("default", MISSING),
    )


def _build_field(input_name: str, name: str, given: Mapping[str, Any], *, is_required: bool) -> FormField:
    kind, choices = _choose_input(given)
    return FormField(
        input_name=input_name,
        property_name=name,
        title=_text(given.get("title"), _MAX_TITLE) or _text(name, _MAX_TITLE) or "no name",
        description=_text(given.get("description"), _MAX_DESCRIPTION),
        kind=kind,
        is_required=is_required,
        choices=choices,
        minimum=_bound(given.get("minimum"), kind, math.ceil),
        maximum=_bound(given.get("maximum"), kind, math.floor),
        default=given.get("default", MISSING),
    )


def _choose_input(given: Mapping[str, Any]) -> tuple[Kind, tuple[Choice, ...]]:
    """The kind of input for a property, and the values it chooses from."""
    if choices := _list_choices(given):
        return "choice", choices
    if not _COMPOSED.isdisjoint(given) or "enum" in given or "const" in given:
        return "json", ()
    declared = given.get("type")
    if declared == "array":
        choices = _list_choices(read_mapping(given.get("items")))
        return ("choices", choices) if choices else ("json", ())
    max_length = given.get("maxLength")
    is_line = "format" in given or (_is_integer(max_length) and max_length <= _LINE_CHARACTERS)
    kinds: dict[Any, Kind] = {
        "integer": "integer",
        "number": "number",
        "string": "line" if is_line else "text",
    }
    return (kinds.get(declared, "json") if isinstance(declared, str) else "json"), ()


def _list_choices(given: Mapping[str, Any]) -> tuple[Choice, ...]:
    """The values that a property is limited to, where they are few enough to be shown; else none."""
    values = _list_values(given) if _COMPOSED.isdisjoint(given) else ()
    labels = [_label(value) for value in values]
    if sum(map(len, labels)) > _MAX_LABELS:
        return ()
    are_numbers = all(map(_is_integer, values))
    keys = [str(value) if are_numbers else str(number) for number, value in enumerate(values, 1)]
    return tuple(
        Choice(value, label, key if len(key) == 1 and key.isdigit() else "")
        for value, label, key in zip(values, labels, keys, strict=True)
    )


def _list_values(given: Mapping[str, Any]) -> Sequence[Any]:
    if "const" in given:
        return (given["const"],)
    if "enum" in given:
        values = given["enum"]
        return values if isinstance(values, list) and len(values) <= MAX_CHOICES else ()
    if given.get("type") == "boolean":
        return (True, False)
    low, high = given.get("minimum"), given.get("maximum")
    is_scale = given.get("type") == "integer" and "multipleOf" not in given
    if is_scale and _is_integer(low) and _is_integer(high) and 0 <= high - low < _MAX_SCALE:
        return range(low, high + 1)
    return ()


def _label(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return _text(text, _MAX_LABEL) or "(empty text)"


def _text(value: Any, max_chars: int) -> str:
    if not isinstance(value, str):
        return ""
    return value if len(value) <= max_chars else f"{value[: max_chars - 1]}…"


def _bound(value: Any, kind: Kind, to_integer: Callable[[float], int]) -> str:
    """A bound as text; of whole numbers a whole one, from which browsers count the steps."""
    is_number = _is_integer(value) or (isinstance(value, float) and math.isfinite(value))
    if not is_number or kind not in ("integer", "number"):
        return ""
    return json.dumps(to_integer(value) if kind == "integer" else value)


def _is_integer(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
