"""The output items of a streamed response: the final item, or one accumulated from deltas."""

from __future__ import annotations

from typing import Any, Final

from log10_trace.record import accumulate_text
from log10_trace.record.accumulate_text import Pieces, Places

Object = dict[str, Any]

_TEXTS: Final[dict[str, tuple[str, str, str, str]]] = {
    "response.output_text": ("content", "content_index", "output_text", "text"),
    "response.refusal": ("content", "content_index", "refusal", "refusal"),
    "response.reasoning_text": ("content", "content_index", "reasoning_text", "text"),
    "response.reasoning_summary_text": ("summary", "summary_index", "summary_text", "text"),
}
"""Texts of a part of an item: the item's list, the part's place in it, its type, the text's key."""

_PARTS: Final = {
    "response.content_part": ("content", "content_index"),
    "response.reasoning_summary_part": ("summary", "summary_index"),
}
"""Parts of an item: the item's list, and the part's place in it."""

_FIELDS: Final = {
    "response.function_call_arguments": "arguments",
    "response.mcp_call_arguments": "arguments",
    "response.mcp_call.arguments": "arguments",
    "response.custom_tool_call_input": "input",
    "response.code_interpreter_call_code": "code",
    "response.code_interpreter_call.code": "code",
}
"""Texts of a field of an item."""

_NOTHING_NEW: Final = (".in_progress", ".completed", ".searching", ".interpreting", ".generating", ".failed")
"""Events that tell how far an item is, and hold nothing that is the item's own."""


class _Item:
    """An item under way; ``lists`` has the parts of its lists by their index."""

    def __init__(self) -> None:
        self.fields: Object = {}
        self.lists: dict[str, dict[int, Any]] = {}
        self.done = False

    def set(self, item: Object) -> None:
        self.fields, self.lists = dict(item), {}

    def parts(self, list_name: str) -> dict[int, Any]:
        if list_name not in self.lists:
            known = self.fields.get(list_name)
            self.lists[list_name] = dict(enumerate(known)) if isinstance(known, list) else {}
            self.fields[list_name] = []
        return self.lists[list_name]

    def finish(self) -> Object:
        accumulate_text.join(self.fields)
        for list_name, parts in self.lists.items():
            for part in parts.values():
                if isinstance(part, dict):
                    accumulate_text.join(part)
            self.fields[list_name] = [parts[index] for index in sorted(parts)]
        return self.fields


class ItemAccumulator:
    """The output items, event by event."""

    def __init__(self) -> None:
        self.lossy = False
        """Whether an event held something that no item has."""
        self._items: list[tuple[int, _Item]] = []
        self._at: dict[int, _Item] = {}
        self._by_id: dict[str, _Item] = {}
        self._next = 0
        """The index of an item that comes without one: after all others."""

    def __len__(self) -> int:
        return len(self._items)

    def add(self, event: Object) -> None:
        """Add an event; one that is about no item is passed over."""
        kind = event.get("type")
        if not isinstance(kind, str):
            return
        name, _, verb = kind.rpartition(".")
        item = event.get("item")
        if isinstance(item, dict):
            self._set_item(event.get("output_index"), item, done=verb == "done")
            return
        known = self._item_of(event, name)
        if known is None or known.done:
            # After its ``done`` an item is whole, and what still comes for it is a repetition.
            self.lossy |= known is None and "delta" in event
            return
        if not (_add_text(known, name, verb, event) or _add_part(known, name, verb, event)):
            # An event that a later API may add: what it holds is not known to stand in the item.
            self.lossy |= not kind.endswith(_NOTHING_NEW)

    def find_places(self, event: Object) -> Places | None:
        """The texts that ``add`` would add values of this event to; None when it would do more than that."""
        kind = event.get("type")
        if not isinstance(kind, str) or not kind.endswith(".delta") or isinstance(event.get("item"), dict):
            return None
        name = kind.removesuffix(".delta")
        item = self._find_item(event)
        text = None if item is None or item.done else _find_text(item, name, event)
        delta = event.get("delta")
        if not (isinstance(text, Pieces) and isinstance(delta, str)) or event.get("logprobs"):
            return None
        # The other values of the event are of no item.
        others = (event.get("obfuscation"), event.get("sequence_number"))
        places: Places = {value: None for value in others if isinstance(value, str | int)}
        return {**places, delta: text}

    def finish(self) -> list[Object]:
        """The items in the order of their index."""
        # By the index alone: items cannot be compared, and several may have the same index.
        return [item.finish() for _, item in sorted(self._items, key=lambda pair: pair[0])]

    def _set_item(self, at: Any, item: Object, *, done: bool) -> None:
        item_id = item.get("id")
        known = self._by_id.get(item_id) if item_id and isinstance(item_id, str) else None
        if known is None and isinstance(at, int):
            known = self._at.get(at)
            if known is not None and _is_another(known, item, done=done):
                known = None
        if known is None:
            known = self._new(at)
        # An ``added`` that comes late must not take the place of the whole item.
        if done or not known.done:
            known.set(item)
            known.done = done
        if item_id and isinstance(item_id, str):
            self._by_id[item_id] = known

    def _item_of(self, event: Object, name: str) -> _Item | None:
        """The item that an event is about, a new one where that is not known."""
        known = self._find_item(event)
        if known is None and (name in _TEXTS or name in _FIELDS or name in _PARTS):
            known = self._new(event.get("output_index"))
            item_id = event.get("item_id")
            if item_id and isinstance(item_id, str):
                known.fields["id"] = item_id
                self._by_id[item_id] = known
        return known

    def _find_item(self, event: Object) -> _Item | None:
        """The known item that an event is about."""
        at, item_id = event.get("output_index"), event.get("item_id")
        known = self._by_id.get(item_id) if isinstance(item_id, str) else None
        # Some servers give it an id that the event does not repeat.
        if known is None and isinstance(at, int):
            known = self._at.get(at)
        # Some servers number no item: their deltas belong to the one that was announced last.
        elif known is None and item_id is None and self._items and "delta" in event:
            known = self._items[-1][1]
        return known

    def _new(self, at: Any) -> _Item:
        index = at if isinstance(at, int) else self._next
        self._next = max(self._next, index + 1)
        item = self._at[index] = _Item()
        self._items.append((index, item))
        return item


def _is_another(known: _Item, item: Object, *, done: bool) -> bool:
    """Whether an item is not the one known under its index: some servers count every item as the first.

    Other servers give an item a new id when it is done.
    """
    if known.fields.get("id") in (None, "", item.get("id")) or not item.get("id"):
        return False
    return not done or known.done or known.fields.get("type") not in (None, item.get("type"))


def _add_text(item: _Item, name: str, verb: str, event: Object) -> bool:
    """Add a delta of a text, or set the text when it is done; false when the event is about no text."""
    if name in _FIELDS:
        into, field = item.fields, _FIELDS[name]
    elif name in _TEXTS:
        list_name, index_name, kind, field = _TEXTS[name]
        # The unstreamed part has the list of annotations even when it is empty.
        new: Object = {"type": kind, "annotations": []} if kind == "output_text" else {"type": kind}
        part = item.parts(list_name).setdefault(_index(event, index_name), new)
        if not isinstance(part, dict):
            return False
        into = part
        _add_logprobs(part, event, verb)
    else:
        return False
    text = event.get("delta" if verb == "delta" else field)
    if not isinstance(text, str):
        return False
    if verb == "delta" and isinstance(into.get(field), str | Pieces):
        accumulate_text.append(into, field, text)
    else:
        into[field] = text
    return True


def _find_text(item: _Item, name: str, event: Object) -> Any:
    """The text that a delta is added to, where it has had one before."""
    if name in _FIELDS:
        return item.fields.get(_FIELDS[name])
    if name not in _TEXTS:
        return None
    list_name, index_name, _, field = _TEXTS[name]
    part = item.lists.get(list_name, {}).get(_index(event, index_name))
    return part.get(field) if isinstance(part, dict) else None


def _add_logprobs(part: Object, event: Object, verb: str) -> None:
    entries = event.get("logprobs")
    if verb == "delta" and isinstance(entries, list) and entries:
        if not isinstance(part.get("logprobs"), list):
            part["logprobs"] = []
        part["logprobs"].extend(entries)


def _add_part(item: _Item, name: str, verb: str, event: Object) -> bool:
    """Set a part that was added or done, or an annotation; false when the event is about neither."""
    part = event.get("part")
    if name in _PARTS and isinstance(part, dict):
        list_name, index_name = _PARTS[name]
        parts, index = item.parts(list_name), _index(event, index_name)
        if verb == "done" or index not in parts:
            parts[index] = dict(part)
        return True
    if name in ("response.output_text.annotation", "response.output_text_annotation") and verb == "added":
        known = item.parts("content").get(_index(event, "content_index"))
        if isinstance(known, dict) and isinstance(known.setdefault("annotations", []), list):
            known["annotations"].append(event.get("annotation"))
            return True
    return False


def _index(event: Object, name: str) -> int:
    index = event.get(name)
    return index if isinstance(index, int) else 0
