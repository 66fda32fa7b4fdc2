"""Conditions on the values of feedback, as users write them: ``score <= 5``. Pure."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

_OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
    "==": operator.eq,
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
_CONDITION: Final = re.compile(r"\s*(.+?)\s*(<=|>=|!=|==|=|<|>)\s*(.+?)\s*", re.DOTALL)

Condition = Callable[[Mapping[str, Any]], bool]
"""Whether values meet a condition."""


def parse_condition(text: str) -> Condition:
    """The condition that ``text`` writes: a name, in any case, a comparison and a value.

    A list equals each of its items.

    Raises:
        ValueError: it is not a condition.
    """
    match = _CONDITION.fullmatch(text)
    if match is None:
        message = f"{text!r} is no condition. Write a value's name, a comparison and a value: score <= 5"
        raise ValueError(message)
    name, sign, wanted = match.groups()
    return lambda values: _holds(_find(values, name), _OPERATORS[sign], _parse_value(wanted))


def write_condition(name: str, value: Any) -> str:
    """The text of the condition that a value is this one; empty for a name that no condition can hold."""
    text = f"{name}={json.dumps(value, ensure_ascii=False)}"
    match = _CONDITION.fullmatch(text)
    return text if match and match.group(1) == name else ""


def _parse_value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text.strip("'")


def _find(values: Mapping[str, Any], name: str) -> Any:
    by_name = {key.lower(): value for key, value in values.items()}
    return by_name.get(name.lower())


def _holds(value: Any, compare: Callable[[Any, Any], bool], wanted: Any) -> bool:
    try:
        if compare is operator.eq and isinstance(value, list) and wanted in value:
            return True
        return compare(value, wanted)
    except TypeError:  # text and a number: neither is less than the other
        return False
