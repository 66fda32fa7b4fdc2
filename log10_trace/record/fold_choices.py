"""The chunks of a streamed chat or text completion, folded into what the same call unstreamed gives.

Nothing is invented and no key is dropped, known or not, save ``obfuscation``, which is noise by design.
"""

from __future__ import annotations

from typing import Any, Final

from log10_trace.record import fold_tools
from log10_trace.record.fold_tools import Object

_SET_ONCE: Final = {"role", "id", "type", "name", "format", "object", "model", "signature"}
"""Text that stands for one thing: providers repeat it in every fragment, so it is not strung together."""

_CONTINUED: Final = ("text", "thinking")
"""Parts of content that come in fragments; any other part is whole."""


def fold(chunks: list[Object], kind: str) -> Object:
    """One completion from its chunks; ``kind`` is its ``object``: "chat.completion" or "text_completion"."""
    whole: Object = {}
    choices: dict[int, Object] = {}
    for chunk in chunks:
        for key, value in chunk.items():
            if key in whole and whole[key] == value:
                continue
            if key == "choices":
                if isinstance(value, list):
                    _fold_choices(choices, value, kind)
                    whole.setdefault(key, None)
            elif key == "object":
                whole[key] = kind
            elif key != "obfuscation":
                _settle(whole, key, value)
    if choices or "choices" in whole:
        whole["choices"] = [_finished(choices[index]) for index in sorted(choices)]
    return whole


def _settle(into: Object, key: str, value: Any) -> None:
    """The last that says something holds: Azure's first chunk has empty fields, vLLM's usage grows."""
    if key not in into:
        into[key] = value
    elif key == "usage":
        into[key] = into[key] if value is None else value
    elif value:
        before = into[key]
        both = isinstance(before, dict) and isinstance(value, dict)
        into[key] = {**before, **value} if both else value


def _fold_choices(choices: dict[int, Object], pieces: list[Any], kind: str) -> None:
    for position, piece in enumerate(pieces):
        if not isinstance(piece, dict):
            continue
        index = piece.get("index")
        index = index if isinstance(index, int) else position
        choice = choices.get(index)
        if choice is None:
            choice = choices[index] = {"index": index}
            if kind == "chat.completion":
                choice["message"] = {}
            choice["finish_reason"] = None
        _fold_choice(choice, piece)


def _finished(choice: Object) -> Object:
    message = choice.get("message")
    if isinstance(message, dict) and isinstance(message.get("tool_calls"), list):
        message["tool_calls"] = fold_tools.finished(message["tool_calls"])
    return choice


def _fold_choice(choice: Object, piece: Object) -> None:
    for key, value in piece.items():
        if key == "delta":
            if isinstance(value, dict):
                fold_delta(choice.setdefault("message", {}), value)
        elif key == "message":
            # Beside a delta it is what the deltas amount to so far; alone it is all there is.
            if "delta" not in piece and isinstance(value, dict):
                choice["message"] = value
        elif key != "index" and (value is not None or key not in choice):
            choice[key] = _settled(key, choice.get(key), value)


def _settled(key: str, before: Any, value: Any) -> Any:
    if key == "text" and isinstance(before, str) and isinstance(value, str):
        return before + value
    if key == "logprobs":
        return _extended(before, value)
    if key == "content_filter_results" and isinstance(before, dict) and isinstance(value, dict):
        return {**before, **value}
    return before if value is None else value


def _extended(before: Any, more: Any) -> Any:
    """Log probabilities, list by list: ``content`` and ``refusal``, or the older parallel lists."""
    if not isinstance(more, dict):
        return before if more is None else more
    if not isinstance(before, dict):
        return {key: list(value) if isinstance(value, list) else value for key, value in more.items()}
    for key, value in more.items():
        known = before.get(key)
        if isinstance(known, list) and isinstance(value, list):
            known.extend(value)
        elif value is not None or key not in before:
            before[key] = list(value) if isinstance(value, list) else value
    return before


def fold_delta(message: Object, delta: Object) -> None:
    """Add one delta to the message, in place."""
    for key, value in delta.items():
        if key == "tool_calls" and isinstance(value, list):
            fold_tools.add(message, value, fold_delta)
        elif value is None or key not in message or message[key] is None:
            if value is not None or key not in message:
                message[key] = dict(value) if isinstance(value, dict) else value
        else:
            message[key] = _joined(key, message[key], value)


def _joined(key: str, before: Any, more: Any) -> Any:
    if isinstance(before, str) and isinstance(more, str):
        return before or more if key in _SET_ONCE else before + more
    if isinstance(before, list) and isinstance(more, list):
        return _joined_parts(before, more)
    if isinstance(before, dict) and isinstance(more, dict):
        merged = dict(before)
        fold_delta(merged, more)
        return merged
    if isinstance(before, str) and isinstance(more, list):
        return _joined_parts([{"type": "text", "text": before}], more) if before else more
    if isinstance(before, list) and isinstance(more, str):
        return _joined_parts(before, [{"type": "text", "text": more}]) if more else before
    return more


def _joined_parts(before: list[Any], more: list[Any]) -> list[Any]:
    """Content in parts: a fragment goes to the part of its ``index``, else to the last of its kind."""
    parts = list(before)
    for part in more:
        at = _place_of(part, parts)
        if at is None:
            parts.append(part)
        else:
            merged = dict(parts[at])
            fold_delta(merged, part)
            parts[at] = merged
    return parts


def _place_of(part: Any, parts: list[Any]) -> int | None:
    if not isinstance(part, dict) or not parts:
        return None
    if isinstance(part.get("index"), int):
        return next(
            (
                at
                for at, known in enumerate(parts)
                if isinstance(known, dict) and known.get("index") == part["index"]
            ),
            None,
        )
    last = parts[-1]
    continues = isinstance(last, dict) and part.get("type") == last.get("type") in _CONTINUED
    return len(parts) - 1 if continues else None
