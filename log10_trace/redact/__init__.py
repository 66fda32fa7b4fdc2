"""Redaction: what of a record is kept. Functions from Completion to Completion, run before it is stored.

A redactor is any function that takes a Completion and gives one back. ``patch(redact=...)`` takes one, or a
list of functions and detectors:

* ``keys``, ``emails``, ``phones``, ``cards``, ``ibans``, ``ssns``, ``ips`` are detectors; ``pattern`` makes
  one of a regular expression. They mask what they find with ``[redacted]``.
* ``named_marks`` masks it with its kind, ``<email>``; ``pseudonyms`` with a number, ``<email:1>``, that is
  the same for the same value.
* ``path`` and ``fields`` replace the values of fields; ``patterns`` what regular expressions match.
* ``chain`` joins redactors. ``apply`` runs one and fails closed: when it raises, the words are withheld and
  the rest of the record is kept.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from log10_trace.redact.addresses import emails, ips
    from log10_trace.redact.detector import Detector, Span, pattern
    from log10_trace.redact.json_path import path
    from log10_trace.redact.key_formats import keys
    from log10_trace.redact.numbers import cards, ibans, ssns
    from log10_trace.redact.phone_numbers import phones
    from log10_trace.redact.pseudonym_marks import pseudonyms
    from log10_trace.redact.record_contents import OMITTED_ALL
    from log10_trace.redact.redactors import (
        API_KEY,
        CARD_NUMBER,
        EMAIL,
        NOTICE,
        PHONE_NUMBER,
        Redactor,
        apply,
        chain,
        fields,
        mask_all,
        named_marks,
        patterns,
    )
    from log10_trace.redact.selection import DETECTORS, combine, read_redactor

__all__ = [
    "API_KEY",
    "CARD_NUMBER",
    "DETECTORS",
    "EMAIL",
    "NOTICE",
    "OMITTED_ALL",
    "PHONE_NUMBER",
    "Detector",
    "Redactor",
    "Span",
    "apply",
    "cards",
    "chain",
    "combine",
    "emails",
    "fields",
    "ibans",
    "ips",
    "keys",
    "mask_all",
    "named_marks",
    "path",
    "pattern",
    "patterns",
    "phones",
    "pseudonyms",
    "read_redactor",
    "ssns",
]

_HOME_OF = {
    "API_KEY": "redactors",
    "CARD_NUMBER": "redactors",
    "DETECTORS": "selection",
    "Detector": "detector",
    "EMAIL": "redactors",
    "NOTICE": "redactors",
    "OMITTED_ALL": "record_contents",
    "PHONE_NUMBER": "redactors",
    "Redactor": "redactors",
    "Span": "detector",
    "apply": "redactors",
    "cards": "numbers",
    "chain": "redactors",
    "combine": "selection",
    "emails": "addresses",
    "fields": "redactors",
    "ibans": "numbers",
    "ips": "addresses",
    "keys": "key_formats",
    "mask_all": "redactors",
    "named_marks": "redactors",
    "path": "json_path",
    "pattern": "detector",
    "patterns": "redactors",
    "phones": "phone_numbers",
    "pseudonyms": "pseudonym_marks",
    "read_redactor": "selection",
    "ssns": "numbers",
}
"""Each name is imported when it is first used: a program that redacts nothing does not pay for it."""


if not TYPE_CHECKING:  # a type checker knows the names above, and any other is a mistake

    def __getattr__(name: str) -> Any:
        if name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return __all__
