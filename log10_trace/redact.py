"""Redaction: what of a record is kept. Pure functions from Completion to Completion.

A redactor is any function that takes a Completion and gives one back. ``patterns`` makes one that takes
matching text out of everything a person or a model wrote. ``apply`` runs a redactor and fails closed: when
it raises, the words are withheld and the rest of the record is kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from log10_trace.guard import log_rate_limited
from log10_trace.models import components

Redactor = Callable[[components.Completion], components.Completion]

NOTICE: Final = {"redacted": "the redactor failed, so these words were withheld"}

_CONTENT_FIELDS: Final = (
    "request",
    "response",
    "native_request",
    "native_response",
    "failure_reason",
    "metadata",
)
"""The fields that hold what people and models wrote."""

EMAIL: Final = r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
CARD_NUMBER: Final = r"\b(?:\d[ -]?){12,18}\d\b"
PHONE_NUMBER: Final = r"\+\d[\d ().-]{6,}\d"
API_KEY: Final = r"\b(?:sk|pk|rk|ghp|gho|xox[abp])[-_][A-Za-z0-9_-]{16,}"


def patterns(*expressions: str | re.Pattern[str], replacement: str = "[redacted]") -> Redactor:
    """A redactor that puts ``replacement`` in the place of every match, in every text of the record's words.

    The source lines of the stack are such texts too; names of JSON fields stay as they are. Without
    expressions: e-mail addresses, card and telephone numbers, API keys.
    """
    compiled = [re.compile(each) for each in expressions or (API_KEY, EMAIL, CARD_NUMBER, PHONE_NUMBER)]

    def clean(text: str) -> str:
        for expression in compiled:
            text = expression.sub(replacement, text)
        return text

    def redact(completion: components.Completion) -> components.Completion:
        cleaned = _map_content_fields(completion, lambda words: _map_texts(words, clean))
        for frame in cleaned.stacktrace or ():
            # A prompt may be part of the line that makes the call.
            frame.line = clean(frame.line)
        return cleaned

    return redact


def fields(*names: str, replacement: str = "[redacted]") -> Redactor:
    """A redactor that replaces the value of every field with one of these names, however deep it stands."""
    unwanted = frozenset(names)

    def redact(completion: components.Completion) -> components.Completion:
        return _map_content_fields(completion, lambda words: _without(words, unwanted, replacement))

    return redact


def chain(*redactors: Redactor) -> Redactor:
    """One redactor that runs these one after the other."""

    def redact(completion: components.Completion) -> components.Completion:
        for each in redactors:
            completion = each(completion)
        return completion

    return redact


def apply(redactor: Redactor, completion: components.Completion) -> tuple[components.Completion, bool]:
    """What the redactor leaves of a record, and whether it did its work.

    When it raises or gives back something else, the words are withheld and the rest is kept.
    """
    try:
        redacted = redactor(completion.model_copy(deep=True))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 -- libraries in other languages raise what is no Exception
        # Its message may hold the words.
        log_rate_limited("log10_trace: the redactor raised %s; words are withheld", type(error).__name__)
        return mask_all(completion), False
    if isinstance(redacted, components.Completion):
        return redacted, True
    message = "log10_trace: the redactor gave back %s, not a Completion; words are withheld"
    log_rate_limited(message, type(redacted).__name__)
    return mask_all(completion), False


def mask_all(completion: components.Completion) -> components.Completion:
    """The record without its words: a notice stands in their place."""
    given = [name for name in _CONTENT_FIELDS if getattr(completion, name) is not None]
    notices: dict[str, Any] = dict.fromkeys(given, NOTICE)
    if "failure_reason" in notices:
        notices["failure_reason"] = NOTICE["redacted"]
    written = completion.model_dump(warnings=False)
    frames = [{**frame, "line": ""} for frame in written.get("stacktrace") or []]
    if frames:
        notices["stacktrace"] = frames
    return components.Completion.model_validate({**written, **notices})


def _map_content_fields(
    completion: components.Completion, change: Callable[[Any], Any]
) -> components.Completion:
    written = completion.model_dump(warnings=False)
    for name in _CONTENT_FIELDS:
        if written.get(name) is not None:
            written[name] = change(written[name])
    return components.Completion.model_validate(written)


def _map_texts(value: Any, clean: Callable[[str], str]) -> Any:
    """The JSON value with every text in it cleaned."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {name: _map_texts(item, clean) for name, item in value.items()}
    if isinstance(value, list):
        return [_map_texts(item, clean) for item in value]
    return value


def _without(value: Any, unwanted: frozenset[str], replacement: str) -> Any:
    """The JSON value with the fields of unwanted names replaced."""
    if isinstance(value, dict):
        return {
            name: replacement if name in unwanted else _without(item, unwanted, replacement)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_without(item, unwanted, replacement) for item in value]
    return value
