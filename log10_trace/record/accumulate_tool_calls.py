"""Tool calls of a streamed message: which fragment belongs to which call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic_core import from_json

Object = dict[str, Any]


class ToolCalls:
    """The calls of one message; they keep their ``index`` until ``finish``."""

    def __init__(self) -> None:
        self._calls: list[Any] = []
        self._by_index: dict[int, Object] = {}
        self._by_id: dict[str, Object] = {}
        self._last: Object | None = None

    def add_fragments(self, fragments: list[Any], merge: Callable[[Object, Object], None]) -> None:
        """Give each fragment to its call; ``merge`` adds a fragment to a call."""
        for fragment in fragments:
            if not isinstance(fragment, dict):
                self._calls.append(fragment)
                continue
            call = self.find(fragment)
            if call is None:
                call = {}
                self._calls.append(call)
            merge(call, fragment)
            self._note(call)

    def finish(self) -> list[Any]:
        """The calls as an unstreamed message has them: in the order of their index, which is dropped."""
        calls = self._calls
        # Where one has no index their order of arrival is all that there is to go by.
        if all(isinstance(call, dict) and isinstance(call.get("index"), int) for call in calls):
            calls = sorted(calls, key=lambda call: call["index"])
        return [_drop_index(call) if isinstance(call, dict) else call for call in calls]

    def _note(self, call: Object) -> None:
        index, call_id = call.get("index"), call.get("id")
        if isinstance(index, int):
            self._by_index[index] = call
        if call_id and isinstance(call_id, str):
            self._by_id[call_id] = call
        self._last = call

    def find(self, fragment: Object) -> Object | None:
        """The call that the fragment continues, if it does not begin one.

        Gemini sends several calls under one index and tells them apart by id, or by nothing at all; others
        send no index, and some a new id with every fragment.
        """
        index, call_id = fragment.get("index"), fragment.get("id")
        call = self._by_id.get(call_id) if call_id and isinstance(call_id, str) else None
        if isinstance(index, int):
            if call is not None and call.get("index") == index:
                return call
            latest = self._by_index.get(index)
            return None if latest is None or _begins(latest, fragment) else latest
        if call is not None or call_id:
            return call
        return None if self._last is None or _begins_unmarked(self._last, fragment) else self._last


def _begins(latest: Object, fragment: Object) -> bool:
    """Whether a fragment under the index of the latest call, and not under its id, begins another."""
    if _differ(latest.get("type"), fragment.get("type")):
        return True
    name = _field(fragment, "name")
    # Gemini sends another call under the same index, with an id and a name of its own. Other providers give
    # every fragment a new id, and only the first one a name.
    if _differ(latest.get("id"), fragment.get("id")):
        return bool(name) or not _field(latest, "name")
    known = _field(latest, "arguments")
    if not name or not known or not _field(latest, "name"):
        return False
    # The same name is no sign of another call: some providers repeat it in every fragment.
    return name != _field(latest, "name") or (_opens(fragment) and is_whole(known))


def _begins_unmarked(last: Object, fragment: Object) -> bool:
    """Whether a fragment without index and id begins a call: it has a name, and does not go on with one."""
    name = _field(fragment, "name")
    goes_on = name == _field(last, "name") and _field(fragment, "arguments") and not _opens(fragment)
    return bool(name) and not goes_on


def _differ(before: Any, value: Any) -> bool:
    return bool(before and value and before != value)


def _field(call: Object, key: str) -> Any:
    for kind in ("function", "custom"):
        inner = call.get(kind)
        if isinstance(inner, dict):
            return inner.get(key)
    return None


def _opens(fragment: Object) -> bool:
    return str(_field(fragment, "arguments")).lstrip().startswith("{")


def is_whole(arguments: Any) -> bool:
    """Whether arguments that came in one piece are a complete JSON object, so that none can follow."""
    if isinstance(arguments, dict):
        return True
    # Arguments in pieces are not parsed anew with each fragment, which would cost the square of their length.
    if not isinstance(arguments, str) or not arguments.lstrip().startswith("{"):
        return False
    try:
        from_json(arguments)
    except ValueError:
        return False
    return True


def _drop_index(call: Object) -> Object:
    call = {key: value for key, value in call.items() if key != "index"}
    function = call.get("function")
    # Qwen sends null for a call without arguments; an unstreamed call has a string.
    if isinstance(function, dict) and function.get("arguments", "") is None:
        call["function"] = {**function, "arguments": ""}
    return call
