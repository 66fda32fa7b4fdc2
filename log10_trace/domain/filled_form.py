"""A form with values in it. Pure.

Every value comes back from the form as it was: one that the input of its field cannot hold (a text with
control characters, a list in another order than its choices) stands there as JSON text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from log10_trace.domain.control_characters import replace_control_characters
from log10_trace.domain.schema_form import MISSING, FormField, Kind, SchemaForm, as_whole

_MAX_NUMBER: Final = 10**300
"""Larger numbers are no floats, which browsers take."""
JSON_SUFFIX: Final = ".json"
"""Ends the name of an input that holds JSON text in the place of its field's own input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledField:
    """A field, and what stands in it."""

    field: FormField
    kind: Kind
    """The kind of its input: its own, or ``json`` for a value that this one cannot hold."""
    text: str = ""
    """What is typed; of choices nothing."""
    chosen: frozenset[int] = frozenset()
    """Which of the choices are taken, by index."""
    error: str = ""

    @property
    def input_name(self) -> str:
        """The name of its input."""
        is_own = self.kind == self.field.kind
        return self.field.input_name if is_own else f"{self.field.input_name}{JSON_SUFFIX}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledForm:
    """The fields with what stands in them."""

    form: SchemaForm
    fields: tuple[FilledField, ...]
    json_values: str = ""
    """The values as a JSON object; empty while they are not known, or an input cannot be read."""
    error: str = ""
    """What is wrong with the values as a whole."""

    @property
    def has_errors(self) -> bool:
        """Whether something has to be mended before the values can be stored."""
        return bool(self.error) or any(each.error for each in self.fields)

    def with_error(self, place: Sequence[object], message: str) -> FilledForm:
        """The form with an error at a place in the values: the names and numbers that lead to it."""
        names = [each.field.property_name for each in self.fields]
        if not place or place[0] not in names:
            return replace(self, error=_locate(place, message))
        at = names.index(str(place[0]))
        marked = replace(self.fields[at], error=_locate(place[1:], message))
        return replace(self, fields=(*self.fields[:at], marked, *self.fields[at + 1 :]))


def fill_form(form: SchemaForm, values: Mapping[str, Any] | None = None) -> FilledForm:
    """The form with ``values`` in it; with None, with the schema's defaults."""
    if values is None:
        return FilledForm(form=form, fields=tuple(_fill(each, each.default) for each in form.fields))
    names = {each.property_name for each in form.fields}
    if not values.keys() <= names:
        form = as_whole(form)
    return FilledForm(
        form=form,
        fields=tuple(
            _fill(each, values if each.property_name is None else values.get(each.property_name, MISSING))
            for each in form.fields
        ),
    )


def _fill(field: FormField, value: Any) -> FilledField:
    if value is MISSING:
        return FilledField(field=field, kind=field.kind)
    if field.kind == "choice":
        at = _index(field, value)
        if at is not None:
            return FilledField(field=field, kind="choice", chosen=frozenset((at,)))
    elif field.kind == "choices":
        chosen = [_index(field, each) for each in value] if isinstance(value, list) else [None]
        held = [at for at in chosen if at is not None]
        is_ordered = len(held) == len(chosen) and held == sorted(set(held))
        if is_ordered and (held or field.is_required):
            return FilledField(field=field, kind="choices", chosen=frozenset(held))
    elif field.kind in ("integer", "number"):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and abs(value) < _MAX_NUMBER:
            return FilledField(field=field, kind=field.kind, text=json.dumps(value))
    elif field.kind in ("line", "text") and _fits_input(field.kind, value):
        return FilledField(field=field, kind=field.kind, text=value)
    return FilledField(field=field, kind="json", text=_write_json(value))


def _locate(place: Sequence[object], message: str) -> str:
    return f"At {'/'.join(map(str, place))}: {message}" if place else message


def _fits_input(kind: Kind, value: Any) -> bool:
    """Whether a browser gives a text back as it was put into the input."""
    if not isinstance(value, str) or not value or "\r" in value:
        return False
    return replace_control_characters(value, lambda _: "") == value and (kind == "text" or "\n" not in value)


def _index(field: FormField, value: Any) -> int | None:
    return next((at for at, each in enumerate(field.choices) if _is_same(each.value, value)), None)


def _is_same(one: Any, other: Any) -> bool:
    """Whether two values are the same by JSON Schema, which tells true from 1, and 1 from nothing but 1.0."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_same(one[name], other[name]) for name in one)
    return bool(one == other)


def _write_json(value: Any) -> str:
    """JSON text for a person: indented, and with no character that a page would show as another."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return replace_control_characters(text, lambda code: f"\\u{code:04x}")
