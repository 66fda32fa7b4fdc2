"""Where the values of a delta go that is like the one before it: the texts that it is added to.

Only what plainly changes nothing else is told: everything here must hold for ``DeltaAccumulator.add`` too.
"""

from __future__ import annotations

from typing import Any

from log10_trace.record.accumulate_rules import is_label, is_state
from log10_trace.record.accumulate_text import Pieces, Places
from log10_trace.record.accumulate_tool_calls import ToolCalls

Object = dict[str, Any]


def find_places_in_delta(message: Any, delta: Object, places: Places) -> bool:
    """Find the texts of the message that a delta is added to; false when it changes more than these."""
    if not isinstance(message, dict):
        return False
    for key, value in delta.items():
        before = message.get(key)
        if type(before) is Pieces and type(value) is str:
            if value:
                places[value] = before
        elif key == "tool_calls" and isinstance(value, list):
            if not (isinstance(before, ToolCalls) and _find_in_calls(before, value, places)):
                return False
        elif not _says_nothing_new(message, key, value):
            return False
    return True


def is_plain(value: Any) -> bool:
    """Whether a value holds no list, whose elements may be added although they are the same."""
    if isinstance(value, dict):
        return all(map(is_plain, value.values()))
    return not isinstance(value, list)


def _find_in_calls(calls: ToolCalls, fragments: list[Any], places: Places) -> bool:
    if not fragments:
        return True
    fragment = fragments[0]
    call = calls.find(fragment) if len(fragments) == 1 and isinstance(fragment, dict) else None
    if call is None:
        return False
    for key, value in fragment.items():
        if key == "function":
            if not (isinstance(value, dict) and _find_in_function(call.get(key), value, places)):
                return False
        elif key == "index":
            if call.get(key) != value:
                return False
        elif not _says_nothing_new(call, key, value):
            return False
    return True


def _find_in_function(function: Any, fragment: Object, places: Places) -> bool:
    if not isinstance(function, dict):
        return False
    for key, value in fragment.items():
        before = function.get(key)
        if key == "arguments" and type(before) is Pieces and type(value) is str:
            places[value] = before
        elif value is not None or key not in function:
            return False
    return True


def _says_nothing_new(holder: Object, key: str, value: Any) -> bool:
    """Whether a field leaves the object as it is; false where that is not plain to see."""
    before = holder.get(key)
    if value is None:
        return key in holder
    if isinstance(value, str) and type(before) is str:
        is_same = value == before and (value == "" or is_state(key))
        return is_same or (is_label(key) and value in ("", before))
    return value == [] and isinstance(before, list)
