"""A list of parts that comes in a stream: which part a fragment continues, and when a new one begins.

A part is new when its index, id or type changes, and when a value of it would overwrite a different one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from log10_trace.record.accumulate_rules import is_label, is_sequence, is_state
from log10_trace.record.accumulate_text import Pieces

Object = dict[str, Any]
Merge = Callable[[Object, Object], None]

TEXTS: Final = {"text", "thinking", "summary", "content", "reasoning", "reasoning_content", "refusal"}
"""Fields of a part that come in fragments: a fragment is appended even when it equals what stands."""
RUNS: Final = {"arguments", "input", "code", "output"}
"""Fields of a part that some providers send in fragments, and others whole and more than once."""


_OF_FRAGMENTS: Final = {*TEXTS, "index", "type"}
_EMPTY: Final[tuple[Any, ...]] = (None, "", [], {})


class PartList(list[Any]):
    """The parts of one list, and those of them that a fragment may continue."""

    def __init__(self) -> None:
        super().__init__()
        self.by_index: dict[int, Object] = {}
        self.by_id: dict[str, Object] = {}


def add_all(parts: PartList, more: list[Any], merge: Merge) -> None:
    """Add the parts of one chunk; a list that comes again, whole or grown, gives only what is new in it."""
    first = 0
    # Perplexity sends its citations and search results whole with every chunk, or grown.
    if not any(_may_repeat(part) for part in more):
        # A part with an index that equals the first, after others, is another one: OpenRouter's all have 0.
        if more == parts[: len(more)] and (len(more) == len(parts) or not any(map(_has_index, more))):
            return
        if len(more) >= len(parts) and all(map(_has_grown_into, parts, more)):
            first = len(parts)
            for known, part in zip(parts, more, strict=False):
                if known != part:
                    merge(known, part)
        # The chunk begins with the part that the one before ended with.
        elif parts[-1:] == more[:1]:
            first = 1
    for part in more[first:]:
        _add(parts, part, merge)


def _add(parts: PartList, part: Any, merge: Merge) -> None:
    if not isinstance(part, dict):
        parts.append(part)
        return
    known = _find(parts, part)
    if known is None:
        known = {}
        parts.append(known)
    elif known == part and not _is_fragment(part):
        return  # the same whole once more
    merge(known, part)
    index, part_id = known.get("index"), known.get("id")
    if isinstance(index, int):
        parts.by_index[index] = known
    if part_id and isinstance(part_id, str):
        parts.by_id[part_id] = known


def _find(parts: PartList, part: Object) -> Object | None:
    """The part that this one continues."""
    index, part_id = part.get("index"), part.get("id")
    if part_id and isinstance(part_id, str):
        known = parts.by_id.get(part_id)
        # An id alone does not make the same part: it may stand under another index.
        if known is not None and known.get("index") == index and _continues(known, part):
            return known
    if isinstance(index, int):
        # Nor does an index alone: OpenRouter gives all parts of the reasoning the index 0.
        known = parts.by_index.get(index)
        return known if known is not None and _continues(known, part) else None
    last = parts[-1] if parts else None
    # Without index and id a text goes on with the last part, if that is of its type.
    if isinstance(last, dict) and last.get("type") and _is_fragment(part) and _continues(last, part):
        return last
    return None


def _has_index(part: Any) -> bool:
    return isinstance(part, dict) and isinstance(part.get("index"), int)


def _has_grown_into(known: Any, part: Any) -> bool:
    """Whether a part is the known one once more, with values where it had none."""
    if not (isinstance(known, dict) and isinstance(part, dict)):
        return bool(known == part)
    return all(value in _EMPTY or value == part.get(key) for key, value in known.items())


def _may_repeat(part: Any) -> bool:
    """Whether the part is text that goes on, so that an equal one is more of it."""
    return isinstance(part, dict) and bool(part.get("type") or "index" in part) and _is_fragment(part)


def _is_fragment(part: Object) -> bool:
    """Whether the part holds only text, and labels that every fragment repeats."""
    for key, value in part.items():
        is_text_or_label = key in _OF_FRAGMENTS or is_label(key)
        if not (is_text_or_label or isinstance(value, bool) or value in _EMPTY):
            return False
    return True


def _continues(known: Object, part: Object) -> bool:
    signature = known.get("signature")
    if signature and not part.get("signature") and any(part.get(key) for key in TEXTS):
        return False  # the signature ended that part
    return _agrees(known, part)


def _agrees(known: Object, more: Object) -> bool:
    """Whether nothing in ``more`` overwrites a different value."""
    for key, value in more.items():
        before = known.get(key)
        if value == before or (key in TEXTS and type(before) is Pieces and type(value) is str):
            continue
        if before in _EMPTY or value in _EMPTY or is_state(key):
            continue
        if isinstance(before, dict) and isinstance(value, dict):
            if not _agrees(before, value):
                return False
        elif not _can_grow(key, before, value):
            return False
    return True


def _can_grow(key: str, before: Any, value: Any) -> bool:
    if isinstance(before, str | Pieces) and isinstance(value, str):
        return key in TEXTS or key in RUNS
    if isinstance(before, list) and isinstance(value, list):
        return True
    return isinstance(before, bool) or (key in TEXTS and isinstance(value, str | list))


def add_values(key: str, before: list[Any], more: list[Any]) -> None:
    """Join two lists of plain values; one that comes again, whole or grown, gives only what is new in it."""
    # Token ids and the like: a token that follows itself is there twice.
    if is_sequence(key, more):
        before.extend(more)
    elif more != before[: len(more)]:
        before.extend(more[len(before) :] if before == more[: len(before)] else more)


def extend_lists(before: Any, more: Any) -> Any:
    """Log probabilities, list by list: ``content`` and ``refusal``, or the older parallel lists."""
    if not isinstance(more, dict):
        return more
    if not isinstance(before, dict):
        return {key: list(value) if isinstance(value, list) else value for key, value in more.items()}
    for key, value in more.items():
        known = before.get(key)
        if isinstance(known, list) and isinstance(value, list):
            known.extend(value)
        elif value is not None or key not in before:
            before[key] = list(value) if isinstance(value, list) else value
    return before
