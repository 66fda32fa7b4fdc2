"""The contents of a record: what people and models wrote, and how a redactor changes it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

from log10_trace.domain.native_views import view_of
from log10_trace.models.components import Completion
from log10_trace.redact.body_fields import FIELD_NAME

BODIES: Final = ("request", "response", "native_request", "native_response")
CONTENT_FIELDS: Final = (*BODIES, "failure_reason", "metadata")
"""The fields that hold what people and models wrote."""

OMITTED_ALL: Final = "all"
OMITTED_LARGE: Final = "large"
"""The values of ``content_omitted``."""

_MIN_LONG_NUMBER: Final = 10**12
"""From here on a number may be one that names somebody: a card number has at least 13 digits."""

Clean = Callable[[str, str], str]
"""Gives what is left of a text; the second argument is the name of the JSON field that holds it, or empty."""


def map_contents(
    completion: Completion, change: Callable[[Any], Any], fields: Iterable[str] = CONTENT_FIELDS
) -> Completion:
    """The record with ``change`` applied to the JSON value of each of these fields."""
    written = completion.model_dump(warnings=False)
    for name in fields:
        if written.get(name) is not None:
            written[name] = change(written[name])
    return Completion.model_validate(written)


def map_fields(
    completion: Completion, change: Callable[[Any], Any], fields: Iterable[str] = CONTENT_FIELDS
) -> Completion:
    """As ``map_contents``; what ``change`` takes from native bodies is not left in its view as chat."""
    mapped = map_contents(completion, change, fields)
    views: dict[str, Any] = {}
    seen = view_of(mapped.endpoint)
    for name, view in (("request", seen.request), ("response", seen.response)):
        native = getattr(mapped, f"native_{name}")
        if native != getattr(completion, f"native_{name}"):
            views[name] = change(view(native))
    return Completion.model_validate(mapped.model_dump(warnings=False) | views) if views else mapped


def map_texts(completion: Completion, clean: Clean) -> Completion:
    """The record with every text of its contents cleaned, and the source lines of its stack.

    A prompt may be part of the line that makes the call.
    """
    return _clean_stack(map_contents(completion, lambda value: _clean_texts(value, clean)), clean)


def map_texts_and_names(completion: Completion, clean: Clean) -> Completion:
    """The same, where long numbers are texts too, and names of fields that are not like the API's."""
    return _clean_stack(map_contents(completion, lambda value: _clean_all(value, clean)), clean)


def _clean_stack(completion: Completion, clean: Clean) -> Completion:
    for frame in completion.stacktrace or ():
        frame.line = clean(frame.line, "")
    return completion


def _clean_texts(value: Any, clean: Clean, field: str = "") -> Any:
    if isinstance(value, str):
        return clean(value, field)
    if isinstance(value, dict):
        return {name: _clean_texts(item, clean, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_clean_texts(item, clean, field) for item in value]
    return value


def _clean_all(value: Any, clean: Clean, field: str = "") -> Any:
    if isinstance(value, str):
        return clean(value, field)
    if isinstance(value, dict):
        return _clean_object(value, clean)
    if isinstance(value, list):
        return [_clean_all(item, clean, field) for item in value]
    if type(value) is int and abs(value) >= _MIN_LONG_NUMBER:
        digits = str(value)
        cleaned = clean(digits, field)
        return value if cleaned == digits else cleaned
    return value


def clean_name(name: str, clean: Clean) -> str:
    """The name of a field, cleaned unless it looks like one of the API: readers look for these."""
    return name if FIELD_NAME.fullmatch(name) else clean(name, "")


def _clean_object(value: dict[str, Any], clean: Clean) -> dict[str, Any]:
    cleaned: dict[str, Any] = {}
    used: Counter[str] = Counter()
    for name, item in value.items():
        free = clean_name(name, clean)
        while free in cleaned:  # two names may become one mark
            used[free] += 1
            free = f"{free} ({used[free] + 1})"
        cleaned[free] = _clean_all(item, clean, name)
    return cleaned
