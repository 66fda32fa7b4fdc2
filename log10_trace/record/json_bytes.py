"""JSON as it is on the wire: told apart from what is none, and put into a record as it stands."""

from __future__ import annotations

import json
import re
from gc import get_referents
from typing import Any, Final, NamedTuple

from pydantic_core import from_json
from pydantic_core import to_json as fast_json

MAX_DEPTH: Final = 100
"""Deeper JSON is kept as text: the API takes records nested up to 128 levels, the record's own included."""
MAX_INT_DIGITS: Final = 4_300
"""Python converts at most this number of digits."""
MAX_RAW_BYTES: Final = 16 << 20
"""Of a larger body only the JSON is kept, so that the record stays below what the API takes."""
_FEW_BRACKETS: Final = 8
"""To find more of them takes longer than to walk the values."""
_SHORT_BYTES: Final = 512
"""In less the brackets are counted at once, which takes some ten instructions a byte."""
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[{"))
_CONTAINERS: Final = frozenset((dict, list))

_STRING_OR_CONSTANT: Final = re.compile(
    # The end of the text ends a string too, so that one left open is scanned once, not once a quote.
    rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|-?Infinity|NaN',
    re.DOTALL,
)


class Embedded(NamedTuple):
    """A JSON body as it can stand in a record."""

    text: bytes
    """JSON on one line."""
    value: Any
    raw: bytes | None
    """The body as a JSON string, where ``text`` is not the body byte for byte."""


def parse(raw: bytes) -> Any:
    """The value of JSON text, lone surrogates, NaN and very large numbers included.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return from_json(raw, cache_strings="keys")
    except ValueError:
        return json.loads(raw)


def to_single_line(raw: bytes) -> Embedded | None:
    """The JSON of a body, fit to stand in a line of JSON; ``None`` when a reader of JSON cannot read it.

    Strict JSON stands as it is, byte for byte. NaN and Infinity, which Python reads and JSON does not know,
    stand as strings with their names, and a body in UTF-16 or with a byte order mark as UTF-8.
    """
    try:
        # Here and not by ``_parse_strictly``: nearly every body is strict, and passes no other function.
        value, text = from_json(raw, allow_inf_nan=False, cache_strings="keys"), raw
    except ValueError:
        return _to_single_line_by_fallback(raw)
    if _is_too_deep(value, text):
        return None
    if b"\n" in text or b"\r" in text:
        text = _join_lines(text)
    return Embedded(text, value, None)


def _to_single_line_by_fallback(raw: bytes) -> Embedded | None:
    """As ``to_single_line``, for what the fast parser refuses."""
    try:
        value, text = _parse_leniently(raw), raw
    except (ValueError, RecursionError):
        try:
            text = _quote_constants(_to_utf8(raw))
            # What is the same text would fail once more.
            value = _parse_strictly(text) if text != raw else None
        except (ValueError, RecursionError):
            return None
        # The word NaN alone is a text, not JSON.
        if not isinstance(value, dict | list):
            return None
    if _is_too_deep(value, text):
        return None
    kept = None
    if text is not raw and len(raw) <= MAX_RAW_BYTES:
        charset = json.detect_encoding(raw).removesuffix("-sig")  # the byte order mark is a part of the body
        kept = to_json_string(raw, charset)
    return Embedded(_join_lines(text), value, kept)


def _join_lines(text: bytes) -> bytes:
    # Line breaks can only stand between tokens: within a string JSON writes them as escapes.
    if b"\n" in text or b"\r" in text:
        return text.replace(b"\n", b" ").replace(b"\r", b" ")
    return text


def _to_utf8(raw: bytes) -> bytes:
    encoding = json.detect_encoding(raw)
    return raw if encoding == "utf-8" else raw.decode(encoding).encode("utf-8")


def _quote_constants(text: bytes) -> bytes:
    """The text with NaN and Infinity as strings; all else stays as it is, also strings with these words."""
    if b"NaN" not in text and b"Infinity" not in text:
        return text
    return _STRING_OR_CONSTANT.sub(lambda match: _quote(match[0]), text)


def _quote(token: bytes) -> bytes:
    return token if token.startswith(b'"') else b'"' + token + b'"'


def to_json_string(raw: bytes, charset: str = "utf-8") -> bytes:
    """Bytes that are no JSON, as a JSON string; those that are no text stand as lone surrogates."""
    try:
        text = raw.decode(charset, "surrogateescape")
    # A charset that Python does not know, or UTF-16, whose decoder cannot escape half a character.
    except (LookupError, UnicodeError):
        text = raw.decode("utf-8", "surrogateescape")
    return json.dumps(text).encode()


def dump(value: Any) -> bytes:
    """A value as JSON on one line; numbers that JSON has no word for are written as their names."""
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
    except ValueError:
        return json.dumps(_replace_nan(value), separators=(",", ":")).encode()


def dump_fast(value: Any) -> bytes:
    """As ``dump``, at a fraction of the time for values without oddities."""
    try:
        # Raises for lone surrogates, which a tag or the metadata may hold.
        return fast_json(value, inf_nan_mode="strings")
    except ValueError:
        return dump(value)


def prepare() -> None:
    """Let the library import now what it imports with its first value.

    A child that is forked while another thread is at it waits forever with its own first value.
    """
    _parse_strictly(dump_fast({"": 0}))


def _parse_strictly(raw: bytes) -> Any:
    try:
        return from_json(raw, allow_inf_nan=False, cache_strings="keys")
    except ValueError:
        return _parse_leniently(raw)


def _parse_leniently(raw: bytes) -> Any:
    # JSON with lone surrogates, or integers of thousands of digits, which the fast parser refuses. As text:
    # from bytes json.loads also reads UTF-16, which cannot stand in a record.
    return json.loads(raw.decode("utf-8"), parse_int=_any_int, parse_constant=_refuse)


def _any_int(digits: str) -> int | float:
    return int(digits) if len(digits) <= MAX_INT_DIGITS else float(digits)


def _refuse(name: str) -> None:
    message = f"{name} is no JSON"
    raise ValueError(message)


def _has_few_brackets(text: bytes) -> bool:
    """Whether so few values begin in the text that they cannot be nested too deeply."""
    found = 0
    find = text.find
    for bracket in (b"{", b"["):
        at = find(bracket)
        while at >= 0:
            found += 1
            if found > _FEW_BRACKETS:
                return False
            at = find(bracket, at + 1)
    return True


def _is_too_deep(value: Any, text: bytes) -> bool:
    if len(text) < _SHORT_BYTES:
        if len(text.translate(None, _NO_BRACKETS)) <= MAX_DEPTH:
            return False
    elif _has_few_brackets(text):
        return False
    # In the parsed value: to count the brackets of the text took half the time of a large request. Level by
    # level: recursion would fail on what this is to find. By what the garbage collector knows of a container:
    # a large request has thousands of objects, and a line of Python for each took twice as long.
    level = [value]
    for _ in range(MAX_DEPTH):
        level = get_referents(*level)
        kinds = set(map(type, level))
        if kinds.isdisjoint(_CONTAINERS):
            return False
        if not kinds <= _CONTAINERS:
            level = [inner for inner in level if type(inner) in _CONTAINERS]
    return True


def _replace_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _replace_nan(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_replace_nan(inner) for inner in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):  # noqa: PLR0124 -- NaN is what differs from itself
        return json.dumps(value)
    return value
