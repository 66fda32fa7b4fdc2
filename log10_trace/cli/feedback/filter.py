"""Conditions on feedback, as users write them: ``score <= 5``. Pure."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable
from typing import Any, Final

import typer

from log10_trace.models.components import Feedback

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


def condition(text: str | None) -> Callable[[Feedback], bool]:
    """Whether a feedback meets the condition; every one does when there is none.

    Raises:
        BadParameter: it is not a condition.
    """
    if text is None:
        return lambda _: True
    match = _CONDITION.fullmatch(text)
    if match is None:
        message = f"{text!r} is no condition. Write a value's name, a comparison and a value: score <= 5"
        raise typer.BadParameter(message, param_hint="--filter")
    name, sign, wanted = match.groups()
    return lambda feedback: _holds(_value(feedback, name), _OPERATORS[sign], _parse_value(wanted))


def _parse_value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text.strip("'")


def _value(feedback: Feedback, name: str) -> Any:
    values = feedback.json_values
    plain = values if isinstance(values, dict) or values is None else values.model_dump()
    by_name = {key.lower(): value for key, value in (plain or {}).items()}
    return by_name.get(name.lower())


def _holds(value: Any, compare: Callable[[Any, Any], bool], wanted: Any) -> bool:
    try:
        return compare(value, wanted)
    except TypeError:  # text and a number: neither is less than the other
        return False
