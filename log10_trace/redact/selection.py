"""The redactor that settings ask for: from functions, detectors and names to one function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, Final

from log10_trace.redact.addresses import emails, ips
from log10_trace.redact.content_limit import ContentLimit
from log10_trace.redact.content_mask import mask_contents
from log10_trace.redact.detector import Detector, DetectorRedactor, pattern
from log10_trace.redact.json_path import path
from log10_trace.redact.key_formats import keys
from log10_trace.redact.marks import REDACTED
from log10_trace.redact.numbers import cards, ibans, ssns
from log10_trace.redact.phone_numbers import phones
from log10_trace.redact.pseudonym_marks import pseudonyms
from log10_trace.redact.redactors import Chain, Redactor, chain, fields, named_marks, patterns

DETECTORS: Final = {
    "keys": keys,
    "emails": emails,
    "phones": phones,
    "cards": cards,
    "ibans": ibans,
    "ssns": ssns,
    "ips": ips,
}
"""The detectors by the names that settings take."""

_MAKERS: Final = (chain, fields, named_marks, path, pattern, patterns, pseudonyms)


def read_redactor(value: Any) -> Redactor:
    """The redactor that a setting means: a function, the name of a detector, or a list of both.

    A text may hold several names with commas between. Detectors of a list that follow one another look at a
    text together.

    Raises:
        ValueError: it is none of these; the message says what is wrong.
    """
    items = value.split(",") if isinstance(value, str) else value
    if isinstance(items, Iterable) and not callable(items):
        parts = [_read_part(item) for item in items if not isinstance(item, str) or item.strip()]
        if not parts:
            raise ValueError("it names no detector and no function")
        return _join(parts)
    return _read_part(items)


def combine(redactor: Redactor | None, *, capture_content: bool, max_content_bytes: int | None) -> Redactor:
    """One redactor for three settings.

    The limit comes after the redactor, so that no value is cut in half before it is found.
    """
    parts = [redactor] if redactor is not None else []
    if not capture_content:
        parts.append(mask_contents)
    elif max_content_bytes is not None:
        parts.append(ContentLimit(max_content_bytes))
    return Chain(tuple(parts))


def _read_part(value: Any) -> Redactor:
    if isinstance(value, str):
        detector = DETECTORS.get(value.strip())
        if detector is None:
            raise ValueError(f"{value.strip()!r} is not a detector; there are: {', '.join(DETECTORS)}")
        return detector
    if not callable(value):
        raise ValueError(  # noqa: TRY004 -- config answers ValueError with an error that names the setting
            f"{value!r} is not a function from Completion to Completion, a detector, the name of one, "
            "or a list of these"
        )
    if value in _MAKERS:
        raise ValueError(
            f"redact.{value.__name__} makes a redactor: call it, as redact.{value.__name__}(...)"
        )
    if inspect.iscoroutinefunction(value):
        raise ValueError("it is a coroutine function; a redactor gives the Completion itself")
    if not _takes_one_argument(value):
        raise ValueError("it cannot be called with one argument, the Completion")
    return value  # type: ignore[no-any-return]


def _takes_one_argument(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        return False
    except ValueError:
        return True  # a builtin does not tell
    return True


def _join(parts: list[Redactor]) -> Redactor:
    joined: list[Redactor] = []
    for part in parts:
        if not isinstance(part, Detector):
            joined.append(part)
        elif joined and isinstance(joined[-1], DetectorRedactor) and joined[-1].marks is REDACTED:
            joined[-1] = DetectorRedactor((*joined[-1].detectors, part), REDACTED)
        else:
            joined.append(DetectorRedactor((part,), REDACTED))
    return joined[0] if len(joined) == 1 else Chain(tuple(joined))
