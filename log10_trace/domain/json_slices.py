"""JSON text, cut at the top level into the exact slices it was received in. Pure; nothing is written anew."""

from __future__ import annotations

import json
import re
from json.decoder import JSONDecoder, scanstring  # type: ignore[attr-defined]
from typing import Any, Final, NoReturn

from log10_trace.domain.labels import is_label
from log10_trace.errors import Log10Error

MAX_DEPTH: Final = 128

_INT_DIGITS: Final = 512
_SHOWN: Final = 64
# The end of the text ends a string too, so that one left open is scanned once, not once a quote.
_STRINGS: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)
_NOT_BRACKETS: Final = re.compile(r"[^\[\]{}]+")
_EMPTY: Final = re.compile(r"[ \t\n\r]*\{[ \t\n\r]*\}[ \t\n\r]*")
# With the space on both sides, so that a member takes two matches.
_MARK: Final = re.compile(r"[ \t\n\r]*([{}:,])[ \t\n\r]*")
_PLAIN_NAME: Final = re.compile(r'"([^"\\\x00-\x1f\x7f\ud800-\udfff]*)"[ \t\n\r]*:[ \t\n\r]*')
"""A name that holds no escape and is a label, as nearly all are."""
_LONE_SURROGATES: Final = re.compile("[\ud800-\udfff]")


class RecordFormatError(Log10Error):
    """The Completion cannot be taken as it is."""

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        """Give a ``code`` for programs, a ``message`` for people, and the ``field`` that is at fault."""
        self.code = code
        self.field = field
        super().__init__(message)


def split_members(text: str, *, max_depth: int = MAX_DEPTH) -> dict[str, tuple[str, Any]]:
    """The top-level members of a JSON object: name -> (exact text, value).

    Raises:
        RecordFormatError: the text is no JSON object, nested too deep, or names a member twice.
    """
    _check_depth(text, max_depth)
    try:
        return _members(text)
    except json.JSONDecodeError as error:
        code, message = "invalid_json", f"The body is not a JSON object (see character {error.pos})."
        raise RecordFormatError(code, message) from None


def _members(text: str) -> dict[str, tuple[str, Any]]:
    try:
        return _walk(text, _strict)
    except json.JSONDecodeError:
        raise
    except ValueError:  # an integer of more digits than Python converts; its text is what we keep
        return _walk(text, _lenient)


def parse_value(text: str) -> Any:
    """The value of JSON text that was cut out by ``split_members``."""
    try:
        return _strict.decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:
        return _lenient.decode(text)


def decode(text: str | bytes) -> str:
    """JSON text that every encoding takes.

    Raises:
        RecordFormatError: the bytes are not UTF-8.
    """
    if isinstance(text, bytes):
        try:
            return text.decode("utf-8")
        except UnicodeDecodeError:
            code, message = "invalid_json", "The body is not UTF-8."
            raise RecordFormatError(code, message) from None
    if text.isascii():
        return text
    # Text decoded from a JSON string may hold lone surrogates, which no encoding takes: escape them again.
    return _LONE_SURROGATES.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def _check_depth(text: str, most: int) -> None:
    if text.count("[") + text.count("{") <= most:
        return
    depth = 0
    for run in _NOT_BRACKETS.sub("", _STRINGS.sub("", text)):
        depth += 1 if run in "[{" else -1
        if depth > most:
            code, message = "too_deep", f"The body is nested deeper than {most} levels."
            raise RecordFormatError(code, message)


def _walk(text: str, decoder: JSONDecoder) -> dict[str, tuple[str, Any]]:
    """Walk the top-level object; raises JSONDecodeError where the text is none."""
    members: dict[str, tuple[str, Any]] = {}
    if _EMPTY.fullmatch(text):
        return members
    at, mark = _next(text, 0, "{")
    while mark != "}":
        name, start = _name(text, at)
        if name in members:
            code, message = "duplicate_field", "The body names a field twice."
            raise RecordFormatError(code, message, field=name[:_SHOWN])
        try:
            value, end = decoder.scan_once(text, start)  # type: ignore[attr-defined] # what raw_decode calls
        except StopIteration as stopped:
            raise _build_error(text, stopped.value) from None
        members[name] = text[start:end], value
        at, mark = _next(text, end, ",}")
    if at != len(text):
        raise _build_error(text, at)
    return members


def _name(text: str, at: int) -> tuple[str, int]:
    """The name of the member at ``at``, and where its value begins."""
    plain = _PLAIN_NAME.match(text, at)
    if plain is not None:
        return plain[1], plain.end()
    if text[at : at + 1] != '"':
        raise _build_error(text, at)
    name, end = scanstring(text, at + 1, True)
    if not is_label(name, max_chars=None):
        code, message = "invalid_field", "A field's name holds a control character."
        raise RecordFormatError(code, message)
    return name, _next(text, end, ":")[0]


def _next(text: str, at: int, marks: str) -> tuple[int, str]:
    """Where it goes on behind the next mark and its space, and which of ``marks`` it is."""
    match = _MARK.match(text, at)
    if match is None or match[1] not in marks:
        raise _build_error(text, at)
    return match.end(), match[1]


def _build_error(text: str, at: int) -> json.JSONDecodeError:
    return json.JSONDecodeError("Not JSON", text, at)


def _no_constant(name: str) -> NoReturn:
    raise _build_error(name, 0)  # NaN and Infinity are Python's, not JSON's


def _any_int(digits: str) -> int | float:
    return int(digits) if len(digits) <= _INT_DIGITS else float(digits)


_strict: Final = JSONDecoder(parse_constant=_no_constant)
_lenient: Final = JSONDecoder(parse_constant=_no_constant, parse_int=_any_int)
