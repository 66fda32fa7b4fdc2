"""The events of a streamed response, folded into the response that the same call unstreamed gives."""

from __future__ import annotations

import copy
from typing import Any, Final

Object = dict[str, Any]

ENDS: Final = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")

_TEXTS: Final[dict[str, tuple[str, str, Object, str]]] = {
    "response.output_text.delta": (
        "content",
        "content_index",
        {"type": "output_text", "annotations": []},
        "text",
    ),
    "response.refusal.delta": ("content", "content_index", {"type": "refusal"}, "refusal"),
    "response.reasoning_text.delta": ("content", "content_index", {"type": "reasoning_text"}, "text"),
    "response.reasoning_summary_text.delta": ("summary", "summary_index", {"type": "summary_text"}, "text"),
}
"""Deltas of a part of an item: the item's list, the part's place in it, a new part, the text's key."""

_FIELDS: Final = {
    "response.function_call_arguments.delta": "arguments",
    "response.mcp_call_arguments.delta": "arguments",
    "response.custom_tool_call_input.delta": "input",
    "response.code_interpreter_call_code.delta": "code",
}
"""Deltas that belong to a field of an item."""


def fold(events: list[Object]) -> Object:
    """The response that the last event carries whole; else as far as it came."""
    last: Object | None = None
    ended = False
    for event in events:
        response = event.get("response")
        if isinstance(response, dict):
            last, ended = response, str(event.get("type")) in ENDS
    if ended and last is not None and last.get("output"):
        return last
    return {**(last or {"object": "response"}), "output": _items(events) or (last or {}).get("output") or []}


def _items(events: list[Object]) -> list[Any]:
    """Output items: those that were done as they came, the others from their deltas."""
    items: dict[int, Object] = {}
    done: set[int] = set()
    for event in events:
        at = event.get("output_index")
        if not isinstance(at, int):
            continue
        kind, item = event.get("type"), event.get("item")
        if isinstance(item, dict):
            items[at] = copy.deepcopy(item)
            if kind == "response.output_item.done":
                done.add(at)
        elif at not in done:
            _add(items.setdefault(at, {}), event)
    return [items[at] for at in sorted(items)]


def _add(item: Object, event: Object) -> None:
    kind, delta = str(event.get("type")), event.get("delta")
    if not isinstance(delta, str):
        return
    if kind in _FIELDS:
        field = _FIELDS[kind]
        item[field] = (item.get(field) or "") + delta
    elif kind in _TEXTS:
        place, index_name, new, field = _TEXTS[kind]
        parts = item.setdefault(place, [])
        index = event.get(index_name)
        while isinstance(index, int) and len(parts) <= index:
            parts.append({**copy.deepcopy(new), field: ""})
        part = parts[index] if isinstance(index, int) else None
        if isinstance(part, dict):
            part[field] = (part.get(field) or "") + delta
