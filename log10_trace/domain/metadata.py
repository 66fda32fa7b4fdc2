"""The user's own metadata of a call: a flat map, checked where the program gives it. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final

from log10_trace.domain.labels import is_label, shorten

MAX_PAIRS: Final = 64
"""Pairs that one place of the program may give, and that one record is found by."""
MAX_KEY_CHARS: Final = 64
MAX_VALUE_CHARS: Final = 512
"""Of a value that is text."""


def check_metadata(metadata: Any) -> dict[str, Any]:
    """The map as a record has it.

    Raises:
        TypeError: it is no map from strings to strings, numbers, booleans or None.
        ValueError: a key or a value is too long or cannot be written, or there are too many of them.
    """
    if not isinstance(metadata, Mapping):
        raise TypeError(f"metadata is a map such as {{'user_id': 42}}, and {metadata!r} is none")
    if len(metadata) > MAX_PAIRS:
        raise ValueError(f"metadata has at most {MAX_PAIRS} keys, and {len(metadata)} are given")
    for key, value in metadata.items():
        _check_key(key)
        _check_value(key, value)
    return dict(metadata)


def _check_key(key: Any) -> None:
    if not isinstance(key, str):
        raise TypeError(f"a key of metadata is a string, and {key!r} is {type(key).__name__}")
    if not is_key(key):
        raise ValueError(
            f"a key of metadata has 1 to {MAX_KEY_CHARS} characters, none of them = or a control character, "
            f"and {shorten(key)} has not"
        )


def _check_value(key: str, value: Any) -> None:
    if value is not None and not isinstance(value, str | int | float):
        raise TypeError(
            f"a value of metadata is a string, a number or a boolean, and {key!r} is {type(value).__name__}: "
            f"{shorten(value)}"
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"a number of metadata is finite, and {key!r} is {value!r}")
    if isinstance(value, str) and len(value) > MAX_VALUE_CHARS:
        raise ValueError(
            f"a value of metadata has at most {MAX_VALUE_CHARS} characters, and {key!r} has {len(value)}"
        )
    if isinstance(value, int) and value.bit_length() > MAX_VALUE_CHARS:
        raise ValueError(f"a number of metadata has at most {MAX_VALUE_CHARS} bits, and {key!r} has more")


def merge_metadata(outer: dict[str, Any] | None, inner: dict[str, Any] | None) -> dict[str, Any] | None:
    """Both; where both have a key, the inner value."""
    if not outer or not inner:
        return outer or inner
    return {**outer, **inner}


def write_value(value: Any) -> str | None:
    """A value as the text that it is found by: a number and the text of its digits are the same.

    None for what is no string, number or boolean.
    """
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, int | float) else None


def read_metadata(value: Any) -> dict[str, Any]:
    """The pairs of a map that nobody has checked; without those that no record is found by."""
    if not isinstance(value, dict):
        return {}
    pairs = [(key, one) for key, one in value.items() if is_key(key) and write_value(one) is not None]
    return dict(pairs[:MAX_PAIRS])


def is_key(key: str) -> bool:
    """Whether metadata may have this key."""
    return "=" not in key and is_label(key, min_chars=1, max_chars=MAX_KEY_CHARS)


def read_pairs(value: Any) -> tuple[tuple[str, str], ...]:
    """The pairs of key and text that a record is found by; none of texts that no filter can ask for."""
    texts = ((key, write_value(one)) for key, one in read_metadata(value).items())
    return tuple((key, text) for key, text in texts if is_label(text, max_chars=MAX_VALUE_CHARS))
