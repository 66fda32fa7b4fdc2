"""Accumulates the events of a stream of Anthropic's Messages API into the unstreamed message."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from log10_trace.record import accumulate_text
from log10_trace.record.accumulate_text import Places
from log10_trace.record.json_bytes import to_single_line

Object = dict[str, Any]

_TEXTS: Final = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
"""Of each delta that continues a text, the field that has its piece."""
_NEW_BLOCKS: Final[dict[str, Object]] = {
    "text_delta": {"type": "text", "text": ""},
    "thinking_delta": {"type": "thinking", "thinking": "", "signature": ""},
    "input_json_delta": {"type": "tool_use", "input": {}},
}
"""Blocks whose beginning some servers do not send."""
_SILENT: Final = ("ping", "content_block_stop", "message_stop")


def accumulate(events: Iterable[Object]) -> Object:
    """The message that the events make."""
    message = MessageAccumulator()
    for event in events:
        message.add(event)
    return message.finish()


class MessageAccumulator:
    """One message, event by event."""

    def __init__(self) -> None:
        self.lossy = False
        """Whether the message lacks something that an event had."""
        self._message: Object | None = None
        self._blocks: dict[int, Object] = {}

    def add(self, event: Object) -> None:
        """Add the next event; its objects may become the message's."""
        kind = event.get("type")
        if kind == "message_start" and isinstance(event.get("message"), dict):
            self._start(event["message"])
        elif kind == "content_block_start" and isinstance(event.get("content_block"), dict):
            self._start_block(event)
        elif kind == "content_block_delta" and isinstance(event.get("delta"), dict):
            self._continue_block(event)
        elif kind == "message_delta":
            self._end(event)
        elif kind == "error" or "error" in event:
            # A failure before the message began is the body that the unstreamed call gives.
            error = {"error": event.get("error")}
            self._message = event if self._message is None else {**self._message, **error}
        elif kind not in _SILENT:
            self.lossy = True

    def find_places(self, event: Object) -> Places | None:
        """The texts that ``add`` would add values of this event to; None when it would do more than that."""
        delta = event.get("delta")
        if event.get("type") != "content_block_delta" or not isinstance(delta, dict):
            return None
        field = _TEXTS.get(str(delta.get("type")), "")
        piece, block = delta.get(field), self._blocks.get(self._index(event))
        text = block.get(field) if isinstance(block, dict) else None
        return {piece: text} if isinstance(text, accumulate_text.Pieces) and isinstance(piece, str) else None

    def finish(self) -> Object:
        """The message as far as it came; ``add`` is not called afterwards."""
        message: Object = self._message if self._message is not None else {"type": "message"}
        if self._blocks or message.get("type") == "message":
            message["content"] = [_close(self._blocks[at]) for at in sorted(self._blocks)]
        return message

    def _start(self, message: Object) -> None:
        self.lossy |= self._message is not None
        self._message = message
        content = message.get("content")
        for block in content if isinstance(content, list) else ():
            self._blocks[len(self._blocks)] = block

    def _start_block(self, event: Object) -> None:
        block = event["content_block"]
        at = self._index(event, new=True)
        self.lossy |= at in self._blocks
        self._blocks[at] = block
        served_by = block.get("to")
        if block.get("type") == "fallback" and isinstance(served_by, dict) and self._message is not None:
            # Another model goes on, and gives the message its name.
            self._message["model"] = served_by.get("model", self._message.get("model"))

    def _continue_block(self, event: Object) -> None:
        delta = event["delta"]
        kind = delta.get("type")
        at = self._index(event)
        block = self._blocks.get(at)
        if block is None:
            block = self._blocks[at] = dict(_NEW_BLOCKS.get(str(kind), {"type": "text", "text": ""}))
        field = _TEXTS.get(str(kind))
        if field is not None and isinstance(delta.get(field), str):
            if isinstance(block.get(field), str | accumulate_text.Pieces):
                accumulate_text.append(block, field, delta[field])
            else:
                block[field] = delta[field]
        elif kind == "citations_delta":
            citations = block.get("citations")
            block["citations"] = [*(citations if isinstance(citations, list) else ()), delta.get("citation")]
        else:
            self._set(block, delta)

    def _set(self, block: Object, delta: Object) -> None:
        """Take a delta that has values whole: the signature of thinking, a compaction, what is unknown."""
        for name, value in delta.items():
            if name == "type":
                continue
            # A value that stands there would be lost; an empty one says that it is still to come.
            self.lossy |= bool(block.get(name)) and block[name] != value
            block[name] = value

    def _end(self, event: Object) -> None:
        """Take what is known at the end of the message: why it ended, and the tokens that it took."""
        if self._message is None:
            self._message = {"type": "message"}
        message = self._message
        for name, value in event.items():
            if name == "delta" and isinstance(value, dict):
                _merge(message, value)
            elif name == "usage" and isinstance(value, dict):
                usage = message.get("usage")
                message["usage"] = _merge(usage if isinstance(usage, dict) else {}, value)
            elif name != "type":
                _merge(message, {name: value})

    def _index(self, event: Object, *, new: bool = False) -> int:
        index = event.get("index")
        if isinstance(index, int):
            return index
        last = max(self._blocks, default=-1)
        return last + 1 if new or last < 0 else last


def _merge(into: Object, values: Object) -> Object:
    """Set each value; null, which says that there is nothing new, replaces none."""
    for name, value in values.items():
        if value is not None or name not in into:
            into[name] = value
    return into


def _close(block: Object) -> Object:
    """A block with its texts joined, and the input of a tool read."""
    accumulate_text.join(block)
    written = block.pop("partial_json", None)
    if written:
        read = to_single_line(written.encode("utf-8", "surrogatepass"))
        if read is None:
            # The stream ended in the middle of it, or it is too deep for a record: what came stays.
            block["partial_json"] = written
        else:
            block["input"] = read.value
    return block
