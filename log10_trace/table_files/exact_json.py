"""JSON that is read and written again without an error; numbers that Python cannot write are texts. Pure."""

from __future__ import annotations

import json
import math
from typing import Any, Final

_MAX_INT_DIGITS: Final = 4_300
"""Python converts at most this number of digits."""


def parse_json(text: str) -> Any:
    """The value of JSON text; an integer of thousands of digits, and a float without end, as strings.

    Raises:
        json.JSONDecodeError: it is not JSON.
    """
    return _DECODER.decode(text)


def write_json(value: Any) -> str:
    """A value of ``parse_json`` as JSON text that every encoding takes."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # half a character has no bytes in UTF-8; its escape has
        return json.dumps(value)
    return text


def _read_int(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MAX_INT_DIGITS else digits


def _read_float(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


_DECODER: Final = json.JSONDecoder(parse_int=_read_int, parse_float=_read_float)
