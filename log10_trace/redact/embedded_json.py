"""JSON inside of a text, as the arguments of a tool call are: changed where it stands. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

from log10_trace.redact.record_contents import clean_name

_TOKEN: Final = re.compile(
    # The end of the text ends a string too, so that one left open is scanned once, not once a quote.
    r'("[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z))(\s*:)?|-?\d[0-9.eE+-]*',
    re.DOTALL,
)


def parse_embedded(text: str) -> Any:
    """The object or array that a text is; None when it is neither."""
    stripped = text.strip()
    if stripped[:1] + stripped[-1:] not in ("{}", "[]"):
        return None
    try:
        # Models write line breaks into strings, and numbers of any length: the texts of both are kept.
        return json.loads(stripped, strict=False, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return None


def edit_embedded(text: str, change: Callable[[Any], Any]) -> str:
    """The text with the JSON that it is changed; the text itself when it is not JSON, or nothing changes."""
    if parse_embedded(text) is None:
        return text
    value = json.loads(text, strict=False, parse_int=_keep_long_int, parse_float=_keep_long_float)
    changed = change(value)
    return text if changed == value else json.dumps(changed, ensure_ascii=text.isascii())


def replace_tokens(text: str, clean: Callable[[str, str], str]) -> str:
    """The JSON text with its strings and numbers cleaned; all else, spaces too, stays as it is.

    Args:
        text: What ``parse_embedded`` takes.
        clean: Gives what is left of a string or a number; the second argument is the name of its field.
    """
    field = ""

    def replace(match: re.Match[str]) -> str:
        nonlocal field
        quoted, colon = match[1], match[2] or ""
        value = match[0] if quoted is None else json.loads(quoted, strict=False)
        cleaned = clean_name(value, clean) if colon else clean(value, field)
        field = value if colon else field
        return match[0] if cleaned == value else json.dumps(cleaned, ensure_ascii=text.isascii()) + colon

    return _TOKEN.sub(replace, text)


def _keep_long_int(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MAX_DIGITS else digits


def _keep_long_float(text: str) -> float | str:
    number = float(text)
    return number if abs(number) < float("inf") else text


_MAX_DIGITS: Final = 4_300
"""Python converts at most this number of digits."""
