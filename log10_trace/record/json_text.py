"""JSON as it is on the wire: told apart from what is none, and put into a record as it stands."""

from __future__ import annotations

import json
from typing import Any, Final

from pydantic_core import from_json
from pydantic_core import to_json as fast_json

MAX_DEPTH: Final = 100
"""Deeper JSON is kept as text: the API takes records nested up to 128 levels, the record's own included."""


def parsed(raw: bytes) -> Any:
    """The value of JSON text, lone surrogates, NaN and very large numbers included.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return from_json(raw, cache_strings="keys")
    except ValueError:
        return json.loads(raw)


def embedded(raw: bytes) -> bytes | None:
    """The same JSON, byte for byte, fit to stand in a line of JSON; ``None`` when it is not strictly JSON."""
    try:
        value = _strictly_parsed(raw)
    except (ValueError, RecursionError):
        return None
    if _is_too_deep(value):
        return None
    # Line breaks can only stand between tokens: within a string JSON writes them as escapes.
    if b"\n" in raw or b"\r" in raw:
        raw = raw.replace(b"\n", b" ").replace(b"\r", b" ")
    return raw


def as_text(raw: bytes, charset: str = "utf-8") -> bytes:
    """Bytes that are no JSON, as a JSON string; those that are no text stand as lone surrogates."""
    try:
        text = raw.decode(charset, "surrogateescape")
    except (LookupError, UnicodeError):
        text = raw.decode("utf-8", "surrogateescape")
    return json.dumps(text).encode()


def written(value: Any) -> bytes:
    """A value as JSON on one line; numbers that JSON has no word for are written as their names."""
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
    except ValueError:
        return json.dumps(_without_nan(value), separators=(",", ":")).encode()


def written_fast(value: Any) -> bytes:
    """As ``written``, at a fraction of the time for values without oddities."""
    try:
        return fast_json(value, inf_nan_mode="strings")
    except ValueError:
        return written(value)


def _strictly_parsed(raw: bytes) -> Any:
    try:
        return from_json(raw, allow_inf_nan=False, cache_strings="keys")
    except ValueError:
        # JSON with lone surrogates, or integers of thousands of digits, which the fast parser refuses.
        return json.loads(raw.decode("utf-8"), parse_int=len, parse_constant=_refuse)


def _refuse(name: str) -> None:
    message = f"{name} is no JSON"
    raise ValueError(message)


def _is_too_deep(value: Any) -> bool:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) is dict or type(inner) is list
        ]
        if not level:
            return False
    return True


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_nan(inner) for inner in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):  # noqa: PLR0124 -- NaN is what differs from itself
        return json.dumps(value)
    return value
