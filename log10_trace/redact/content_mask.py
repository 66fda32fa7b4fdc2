"""``capture_content=False``: a record without a word of what was asked and answered. Pure.

What stays is listed in ``body_fields``; every other text becomes a mark that says how long it was.
"""

from __future__ import annotations

from typing import Any, Final

from log10_trace.models.components import Completion
from log10_trace.redact.binary_contents import read_data_url
from log10_trace.redact.body_fields import (
    CONTAINERS,
    DEEP_CONTAINERS,
    ERROR_LABELS,
    ERRORS,
    FIELD_NAME,
    INNER_SCHEMAS,
    LABEL,
    LABELS,
    NAMED,
    NAMED_SCHEMAS,
    NUMBER_LISTS,
    SCHEMA_BOUNDS,
    SCHEMA_TEXTS,
    SCHEMA_TYPES,
    SCHEMAS,
    TOOL_ROLES,
    TOOL_USES,
    WORDS,
)
from log10_trace.redact.record_contents import BODIES, OMITTED_ALL

_RECORD_FIELDS: Final = frozenset(Completion.model_fields)


def mask_contents(completion: Completion) -> Completion:
    """The record with marks in the place of its contents, and ``content_omitted`` set to ``all``.

    Tags, metadata, session and the place of the call stay; the source lines of the stack do not.
    """
    record = completion.model_dump(warnings=False)
    names = _Names()
    for field in BODIES:
        if record.get(field) is not None:
            record[field] = _mask_body(record[field], names)
    for field in record.keys() - _RECORD_FIELDS:
        record[field] = _mask_all(record[field], names)
    for field in ("failure_kind", "request_id"):
        if record.get(field) is not None:
            record[field] = _mask_label(record[field])
    if record.get("failure_reason") is not None:
        record["failure_reason"] = mask_text(record["failure_reason"])
    for frame in record.get("stacktrace") or ():
        frame["line"] = ""
    return Completion.model_validate(record | {"content_omitted": OMITTED_ALL})


def mask_text(text: str) -> str:
    """The mark of a text: its length, or the type and size of what it encodes."""
    if not text:
        return text
    binary = read_data_url(text)
    if binary is not None:
        return f"[masked: {binary.media_type}, {binary.size} bytes]"
    return f"[masked: {len(text)} character{'s' * (len(text) != 1)}]"


class _Names:
    """Stands for names of fields that are the user's: ``name_1``, ``name_2``, ..., the same for the same."""

    def __init__(self) -> None:
        self._marks: dict[str, str] = {}

    def mask(self, name: str) -> str:
        return self._marks.setdefault(name, f"name_{len(self._marks) + 1}")


def _mask_body(value: Any, names: _Names, field: str = "") -> Any:
    """The value of a field that the API defines."""
    if isinstance(value, dict):
        return _mask_object(value, names, field)
    if isinstance(value, list):
        return _mask_list(value, names, field)
    return _mask_string(value, field) if isinstance(value, str) else value


def _mask_list(value: list[Any], names: _Names, field: str) -> list[Any]:
    if field in NUMBER_LISTS and not any(isinstance(item, str | dict | list) for item in value):
        return value
    return [
        # A number in a list may be a token, or a byte of one.
        _mask_body(item, names, field) if isinstance(item, str | dict | list) else _mask_all(item, names)
        for item in value
    ]


def _mask_object(value: dict[str, Any], names: _Names, field: str) -> dict[str, Any]:
    if field == "top_logprobs" and "token" not in value:
        return _mask_map(value, names)  # of a text completion: token -> logarithm
    is_named = field in NAMED or _is_in(value.get("type"), NAMED) or _is_in(value.get("role"), TOOL_ROLES)
    masked: dict[str, Any] = {}
    for name, item in value.items():
        if not FIELD_NAME.fullmatch(name):
            masked[names.mask(name)] = _mask_all(item, names)
        elif isinstance(item, str):
            is_label = (name == "name" and is_named) or (field in ERRORS and name in ERROR_LABELS)
            masked[name] = _mask_label(item) if is_label else _mask_string(item, name)
        elif not isinstance(item, dict | list):
            masked[name] = item
        elif name in SCHEMAS:
            masked[name] = _mask_schema(item, names)
        elif name == "input" and _is_in(value.get("type"), TOOL_USES):
            masked[name] = _mask_all(item, names)
        elif field in DEEP_CONTAINERS:
            masked[name] = _mask_body(item, names, field)
        else:
            is_known = name in CONTAINERS or name in LABELS or name in NUMBER_LISTS
            masked[name] = _mask_body(item, names, name) if is_known else _mask_all(item, names)
    return masked


def _is_in(value: Any, words: frozenset[str]) -> bool:
    return isinstance(value, str) and value in words


def _mask_string(text: str, field: str) -> str:
    """The text of a field that the API defines."""
    if field in LABELS:
        return _mask_label(text)
    return text if text in WORDS.get(field, ()) else mask_text(text)


def _mask_label(text: str) -> str:
    return text if LABEL.fullmatch(text) else mask_text(text)


def _mask_all(value: Any, names: _Names) -> Any:
    """The shape of a value: marks for texts and names, 0 for numbers."""
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, dict):
        return _mask_map(value, names)
    if isinstance(value, list):
        return [_mask_all(item, names) for item in value]
    return value if value is None or isinstance(value, bool) else 0


def _mask_map(value: dict[str, Any], names: _Names) -> dict[str, Any]:
    return {names.mask(name): _mask_all(item, names) for name, item in value.items()}


def _mask_schema(schema: Any, names: _Names) -> Any:
    """A JSON schema with its types and bounds, and marks for its texts and the names of its properties."""
    if isinstance(schema, list):
        return [_mask_schema(item, names) for item in schema]
    if not isinstance(schema, dict):
        return _mask_all(schema, names)
    masked: dict[str, Any] = {}
    for name, item in schema.items():
        if name in NAMED_SCHEMAS and isinstance(item, dict):
            masked[name] = {names.mask(key): _mask_schema(inner, names) for key, inner in item.items()}
        elif name in INNER_SCHEMAS:
            masked[name] = _mask_schema(item, names)
        elif name == "required" and isinstance(item, list):
            masked[name] = [names.mask(each) for each in item if isinstance(each, str)]
        elif name == "type":
            masked[name] = _mask_types(item, names)
        elif SCHEMA_BOUNDS.match(name) and isinstance(item, int | float):
            masked[name] = item
        else:
            known = name if name in SCHEMA_TEXTS else names.mask(name)
            masked[known] = _mask_all(item, names)
    return masked


def _mask_types(value: Any, names: _Names) -> Any:
    """The ``type`` of a schema: one of JSON's, or a list of them."""
    if isinstance(value, list):
        return [_mask_types(item, names) for item in value]
    return value if _is_in(value, SCHEMA_TYPES) else _mask_all(value, names)
