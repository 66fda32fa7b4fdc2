"""The values in what a browser submitted of a form. Pure.

Whether they fit the schema is the validator's to say; this only says what cannot be read.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from log10_trace.domain.filled_form import JSON_SUFFIX, FilledField, FilledForm
from log10_trace.domain.schema_form import FormField, SchemaForm, as_whole

_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
_MAX_DIGITS: Final = 400


def read_form(form: SchemaForm, submitted: Iterable[tuple[str, str]]) -> FilledForm:
    """The values in what a browser submitted, names and texts; and the form as it was filled in.

    Whether they fit the schema is the validator's to say.
    """
    given: dict[str, list[str]] = {}
    for name, text in submitted:
        given.setdefault(name, []).append(text.replace("\r\n", "\n"))
    if not form.is_whole and "values" in given:
        form = as_whole(form)
    fields, members = [], []
    for each in form.fields:
        filled, value = _read(each, given)
        fields.append(filled)
        if value and each.property_name is None:
            members = [value]
        elif value:
            members.append(f"{json.dumps(each.property_name)}:{value}")
    read = FilledForm(form=form, fields=tuple(fields))
    if read.has_errors:
        return read
    return replace(read, json_values=members[0] if form.is_whole else f"{{{','.join(members)}}}")


def _read(field: FormField, given: Mapping[str, Sequence[str]]) -> tuple[FilledField, str]:
    """The field as it was filled in, and its value as JSON text; empty when none is given."""
    as_json = f"{field.input_name}{JSON_SUFFIX}"
    texts = given.get(as_json) or given.get(field.input_name, ())
    text = texts[-1] if texts else ""
    if as_json in given or field.kind == "json":
        return _read_json(field, text)
    if field.kind in ("choice", "choices"):
        return _read_choices(field, texts)
    filled = FilledField(field=field, kind=field.kind, text=text)
    if field.kind in ("integer", "number"):
        return _read_number(filled)
    return _demand(filled, json.dumps(text) if text else "")


def _read_choices(field: FormField, texts: Iterable[str]) -> tuple[FilledField, str]:
    known = {str(at): at for at in range(len(field.choices))}
    chosen = sorted({known[text] for text in texts if text in known})
    filled = FilledField(field=field, kind=field.kind, chosen=frozenset(chosen))
    values = [json.dumps(field.choices[at].value) for at in chosen]
    if field.kind == "choices":
        return filled, f"[{','.join(values)}]" if values or field.is_required else ""
    return _demand(filled, values[-1] if values else "")


def _read_json(field: FormField, text: str) -> tuple[FilledField, str]:
    filled = FilledField(field=field, kind="json", text=text)
    if not text.strip():
        return _demand(filled, "")
    try:
        value = json.loads(text, parse_constant=_reject_constant)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        return replace(filled, error=f"This is not JSON: {error.msg} ({place})."), ""
    except (ValueError, RecursionError):
        return replace(filled, error="This is not JSON that can be stored."), ""
    if field.property_name is None and not isinstance(value, dict):
        return replace(filled, error="A JSON object is needed."), ""
    return filled, text.strip()


def _reject_constant(name: str) -> None:
    message = f"{name} is not JSON."
    raise ValueError(message)


def _demand(filled: FilledField, value: str) -> tuple[FilledField, str]:
    """The field with its value, or with an error if it has none and needs one."""
    if value or not filled.field.is_required:
        return filled, value
    return replace(filled, error="An answer is required."), ""


def _read_number(filled: FilledField) -> tuple[FilledField, str]:
    text = filled.text.strip()
    if not text:
        return _demand(filled, "")
    number = _to_number(text)
    if filled.kind == "integer" and (number is None or number != int(number)):
        return replace(filled, error="This is not a whole number."), ""
    if number is None:
        return replace(filled, error="This is not a number."), ""
    return filled, json.dumps(number)


def _to_number(text: str) -> int | float | None:
    if len(text) > _MAX_DIGITS or not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    if not math.isfinite(number):
        return None
    return int(text) if text.lstrip("+-").isdecimal() else number
