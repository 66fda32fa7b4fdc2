"""A message from its deltas: texts grow, lists are joined, labels stand once.

Where two values cannot both stand, the fold is marked as lossy.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Final

from log10_trace.record import accumulate_text
from log10_trace.record.accumulate_parts import (
    RUNS,
    TEXTS,
    Object,
    PartList,
    add_all,
    add_values,
    extend_lists,
)
from log10_trace.record.accumulate_rules import is_label, is_of_tokens, is_state, is_text
from log10_trace.record.accumulate_text import Pieces
from log10_trace.record.accumulate_tool_calls import ToolCalls, is_whole

_FRAGMENTED: Final = ("audio", "function_call", "function", "custom")
"""Objects whose texts all come in fragments."""
_LONG: Final = 16
"""An unknown text of a message that comes again is a label when it has at least this number of characters."""


class Place(Enum):
    """Where an object stands: what a repeated value means depends on it."""

    MESSAGE = "message"
    PART = "part"
    """In a list, or as the value of a field: it comes in fragments, or whole once more."""
    FRAGMENTS = "fragments"


class DeltaAccumulator:
    """Adds deltas to messages, in place; ``finish`` makes plain values of a message."""

    def __init__(self) -> None:
        self.lossy = False
        """Whether a value was left out because another stands in its place."""

    def add(self, message: Object, delta: Object) -> None:
        """Add one delta to the message."""
        for key, value in delta.items():
            before = message.get(key)
            # Asked first and without a call: nearly every value of a long stream is the next piece of a text.
            if type(before) is Pieces and type(value) is str:
                before.append(value)
            elif key == "tool_calls" and isinstance(value, list):
                self._add_calls(message, value)
            else:
                self._add_value(message, key, value, Place.MESSAGE)

    def finish(self, value: Any) -> Any:
        """The value with its texts joined and its lists plain."""
        if isinstance(value, dict):
            accumulate_text.join(value)
            for key, inner in value.items():
                if isinstance(inner, dict | PartList | ToolCalls):
                    value[key] = self.finish(inner)
            return value
        if isinstance(value, ToolCalls):
            return [self.finish(call) for call in value.finish()]
        return [self.finish(part) for part in value] if isinstance(value, PartList) else value

    def _add_calls(self, message: Object, fragments: list[Any]) -> None:
        calls = message.get("tool_calls")
        if not isinstance(calls, ToolCalls):
            given = calls if isinstance(calls, list) else []
            calls = message["tool_calls"] = ToolCalls()
            calls.add_fragments(given, self._merge_call)
        calls.add_fragments(fragments, self._merge_call)

    def _merge_call(self, call: Object, fragment: Object) -> None:
        for key, value in fragment.items():
            if key in ("function", "custom") and isinstance(value, dict) and isinstance(call.get(key), dict):
                self._merge_function(call[key], value)
            elif key != "index" or "index" not in call:
                self._add_value(call, key, value, Place.FRAGMENTS)

    def _merge_function(self, function: Object, fragment: Object) -> None:
        for key, value in fragment.items():
            before = function.get(key)
            # A name may come in fragments, or whole and longer; once there are arguments it is complete.
            if key == "name" and before and value and before != value and not function.get("arguments"):
                function[key] = value if value.startswith(before) else before + value
            # Whole arguments that come a second time are the same call once more, not more of its text.
            elif key != "arguments" or before != value or not is_whole(value):
                self._add_value(function, key, value, Place.FRAGMENTS)

    def _merge_part(self, part: Object, more: Object) -> None:
        for key, value in more.items():
            before = part.get(key)
            if key not in TEXTS:
                if before is None or before != value:
                    self._add_value(part, key, value, Place.PART)
            elif type(before) is Pieces and type(value) is str:
                before.append(value)
            else:
                self._add_value(part, key, value, Place.PART)

    def _add_value(self, into: Object, key: str, value: Any, place: Place) -> None:
        before = into.get(key)
        if before is None:
            # A null keeps the place of its key, as in the unstreamed message.
            if value is not None or key not in into:
                into[key] = self._accumulate_new(key, value)
        # A null says nothing, and does not erase.
        elif value is None:
            return
        elif isinstance(before, str | Pieces) and isinstance(value, str):
            self._add_text(into, key, value, place)
        elif isinstance(before, list) and isinstance(value, list):
            self._add_list(into, key, value)
        # Before the objects: equal tokens in succession are two tokens, not one that comes again.
        elif is_of_tokens(key) and isinstance(value, dict):
            into[key] = extend_lists(before, value)
        elif isinstance(before, dict) and isinstance(value, dict):
            inside = Place.FRAGMENTS if place is not Place.PART and key in _FRAGMENTED else Place.PART
            for name, inner in value.items():
                self._add_value(before, name, inner, inside)
        else:
            self._add_other(into, key, value, place)

    def _add_other(self, into: Object, key: str, value: Any, place: Place) -> None:
        """Add a value of another type than the one before, or a number."""
        before = into[key]
        if isinstance(before, str | Pieces) and isinstance(value, list):
            # Mistral sends its thinking as parts and the answer as text, so one content may be both.
            self._add_parts_to_text(into, key, value)
        elif isinstance(before, list) and isinstance(value, str):
            if value:
                self._add_list(into, key, [{"type": "text", "text": value}])
        else:
            self._replace(into, key, value, place)

    def _accumulate_new(self, key: str, value: Any) -> Any:
        """A copy of the value of a field that can be added to."""
        if isinstance(value, dict):
            return {name: self._accumulate_new(name, inner) for name, inner in value.items()}
        if isinstance(value, list):
            return self._parts_of(value) if _has_parts(key, value) else list(value)
        return value

    def _parts_of(self, values: list[Any]) -> PartList:
        parts = PartList()
        add_all(parts, values, self._merge_part)
        return parts

    def _add_list(self, into: Object, key: str, more: list[Any]) -> None:
        before = into[key]
        if isinstance(before, PartList) or _has_parts(key, more):
            if not isinstance(before, PartList):
                before = into[key] = self._parts_of(before)
            add_all(before, more, self._merge_part)
        else:
            add_values(key, before, more)

    def _add_parts_to_text(self, into: Object, key: str, more: list[Any]) -> None:
        before = into[key]
        text = before if isinstance(before, str) else before.join()
        into[key] = self._parts_of([{"type": "text", "text": text}] if text else [])
        self._add_list(into, key, more)

    def _add_text(self, into: Object, key: str, value: str, place: Place) -> None:
        before = into[key]
        if before == "" or (value and is_state(key)):
            into[key] = value
        elif is_label(key) and isinstance(before, str):
            # Providers repeat role, id and name in every chunk; openai's own accumulator strings them
            # together.
            self.lossy |= value not in ("", before)
        elif place is Place.PART and key not in TEXTS and isinstance(before, str):
            self._add_to_part(into, key, value)
        elif before != value or not _comes_again(key, value, place):
            accumulate_text.append(into, key, value)

    def _add_to_part(self, into: Object, key: str, value: str) -> None:
        """Add a text that may be the next piece, the whole once more, or another in its place."""
        if value.startswith(into[key]):
            into[key] = value
        elif key in RUNS:
            accumulate_text.append(into, key, value)
        elif value:
            # LiteLLM gives each citation as an object of its own: strung together, their texts would be none
            # of them.
            self.lossy = True
            into[key] = value

    def _replace(self, into: Object, key: str, value: Any, place: Place) -> None:
        """The last of values that cannot be joined holds: numbers, or values of different types."""
        before = into[key]
        says_something = before not in ("", [], {}) and value not in ("", [], {})
        plain = isinstance(before, int | float) and isinstance(value, int | float)
        if before != value and says_something:
            # A number within an object may change without loss: the expiry of audio moves on, counters count
            # up.
            self.lossy |= not plain or (place is Place.MESSAGE and not isinstance(value, bool))
        if says_something or before in ("", [], {}):
            into[key] = self._accumulate_new(key, value)


def _has_parts(key: str, values: list[Any]) -> bool:
    return not is_of_tokens(key) and any(isinstance(value, dict) for value in values)


def _comes_again(key: str, value: str, place: Place) -> bool:
    """Whether a text that equals the one before is the same once more, and no next piece."""
    return place is Place.MESSAGE and not is_text(key) and len(value) >= _LONG
