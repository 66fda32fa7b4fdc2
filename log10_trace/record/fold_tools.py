"""Tool calls of a streamed message: which fragment belongs to which call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Object = dict[str, Any]


def add(message: Object, fragments: list[Any], merge: Callable[[Object, Object], None]) -> None:
    """Give each fragment to its call; the calls keep their ``index`` until ``finished``."""
    calls = message.get("tool_calls")
    if not isinstance(calls, list):
        calls = message["tool_calls"] = []
    for fragment in fragments:
        if not isinstance(fragment, dict):
            calls.append(fragment)
            continue
        call = _call_of(fragment, calls)
        if call is None:
            call = {}
            calls.append(call)
        merge(call, fragment)


def _call_of(fragment: Object, calls: list[Any]) -> Object | None:
    """The call that the fragment continues, if it does not begin one.

    Gemini sends several calls under one index and tells them apart by id; others send no index at all.
    """
    index, call_id = fragment.get("index"), fragment.get("id")
    known = [call for call in calls if isinstance(call, dict)]
    if isinstance(index, int):
        same = [call for call in known if call.get("index") == index]
        if call_id:
            same = [call for call in same if call.get("id") in (None, "", call_id)]
        return same[-1] if same else None
    if call_id:
        return next((call for call in reversed(known) if call.get("id") == call_id), None)
    begins = isinstance(fragment.get("function"), dict) and fragment["function"].get("name")
    return None if begins or not known else known[-1]


def finished(calls: list[Any]) -> list[Any]:
    """The calls as an unstreamed message has them: in the order of their index, which is dropped."""
    if all(isinstance(call, dict) and isinstance(call.get("index"), int) for call in calls):
        calls = sorted(calls, key=lambda call: call["index"])
    return [_without_index(call) if isinstance(call, dict) else call for call in calls]


def _without_index(call: Object) -> Object:
    call = {key: value for key, value in call.items() if key != "index"}
    function = call.get("function")
    if isinstance(function, dict) and function.get("arguments", "") is None:
        call["function"] = {**function, "arguments": ""}
    return call
