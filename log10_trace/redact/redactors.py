"""Redactors: functions from Completion to Completion, joined, and kept from failing open."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from log10_trace.guard import is_from_signal_handler, log_rate_limited
from log10_trace.models.components import Completion
from log10_trace.redact.addresses import emails
from log10_trace.redact.detector import Detector, DetectorRedactor
from log10_trace.redact.embedded_json import edit_embedded
from log10_trace.redact.key_formats import keys
from log10_trace.redact.marks import ConstantMarks, KindMarks
from log10_trace.redact.numbers import cards, ibans
from log10_trace.redact.phone_numbers import phones
from log10_trace.redact.record_contents import CONTENT_FIELDS, OMITTED_ALL, map_fields, map_texts

Redactor = Callable[[Completion], Completion]

NOTICE: Final = {"redacted": "the redactor failed, so these words were withheld"}

USUAL: Final = (keys, emails, cards, ibans, phones)
"""What ``patterns()`` masks."""

EMAIL: Final = r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
CARD_NUMBER: Final = r"\b(?:\d[ -]?){12,18}\d\b"
"""Any number of 13 to 19 digits. ``cards`` also looks at the check digit."""
PHONE_NUMBER: Final = r"\+\d[\d ().-]{6,}\d"
API_KEY: Final = r"\b(?:sk|pk|rk|ghp|gho|xox[abp])[-_][A-Za-z0-9_-]{16,}"


def patterns(*expressions: str | re.Pattern[str], replacement: str = "[redacted]") -> Redactor:
    """A redactor that puts ``replacement`` in the place of every match, in every text of the contents.

    The source lines of the stack are such texts too. Without expressions: what ``keys``, ``emails``,
    ``cards``, ``ibans`` and ``phones`` find.
    """
    if not expressions:
        return DetectorRedactor(USUAL, ConstantMarks(replacement))
    compiled = [re.compile(each) for each in expressions]

    def clean(text: str, field: str) -> str:  # noqa: ARG001 -- the signature of Clean
        for expression in compiled:
            text = expression.sub(replacement, text)
        return text

    def redact(completion: Completion) -> Completion:
        return map_texts(completion, clean)

    return redact


def named_marks(*detectors: Detector) -> Redactor:
    """A redactor that masks what the detectors find by its kind: ``<email>``; without detectors the usual."""
    return DetectorRedactor(detectors or USUAL, KindMarks())


def fields(*names: str, replacement: str = "[redacted]") -> Redactor:
    """A redactor that replaces the value of every field with one of these names, however deep it stands.

    The JSON in a text, as the arguments of a tool call are, has such fields too.
    """
    unwanted = frozenset(names)

    def redact(completion: Completion) -> Completion:
        return map_fields(completion, lambda value: _replace_fields(value, unwanted, replacement))

    return redact


def chain(*redactors: Redactor) -> Redactor:
    """One redactor that runs these one after the other."""
    return Chain(redactors)


@dataclass(frozen=True)
class Chain:
    """Redactors that run one after the other; equal to another chain of the same redactors."""

    redactors: tuple[Redactor, ...]

    def __call__(self, completion: Completion) -> Completion:
        """What the last one leaves."""
        for each in self.redactors:
            completion = each(completion)
        return completion


def apply(redactor: Redactor, completion: Completion) -> tuple[Completion, bool]:
    """What the redactor leaves of a record, and whether it did its work.

    When it raises or gives back something else, the words are withheld and the rest is kept.
    """
    try:
        redacted = redactor(completion.model_copy(deep=True))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # libraries in other languages raise what is no Exception
        if is_from_signal_handler(error):
            raise
        # Its message may hold the words.
        log_rate_limited("log10_trace: the redactor raised %s; words are withheld", type(error).__name__)
        return mask_all(completion), False
    if isinstance(redacted, Completion):
        return redacted, True
    message = "log10_trace: the redactor gave back %s, not a Completion; words are withheld"
    log_rate_limited(message, type(redacted).__name__)
    return mask_all(completion), False


def mask_all(completion: Completion) -> Completion:
    """The record without its words: a notice stands in their place, and ``content_omitted`` is ``all``."""
    given = [name for name in CONTENT_FIELDS if getattr(completion, name) is not None]
    notices: dict[str, Any] = {"content_omitted": OMITTED_ALL, **dict.fromkeys(given, NOTICE)}
    if "failure_reason" in notices:
        notices["failure_reason"] = NOTICE["redacted"]
    written = completion.model_dump(warnings=False)
    frames = [{**frame, "line": ""} for frame in written.get("stacktrace") or []]
    if frames:
        notices["stacktrace"] = frames
    return Completion.model_validate({**written, **notices})


def _replace_fields(value: Any, unwanted: frozenset[str], replacement: str) -> Any:
    """The JSON value with the fields of unwanted names replaced."""
    if isinstance(value, dict):
        return {
            name: replacement if name in unwanted else _replace_fields(item, unwanted, replacement)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_replace_fields(item, unwanted, replacement) for item in value]
    if isinstance(value, str):
        return edit_embedded(value, lambda inner: _replace_fields(inner, unwanted, replacement))
    return value
