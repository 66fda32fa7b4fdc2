"""Server-sent events: from the bytes of a stream to its events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from pydantic_core import from_json

from log10_trace.record.json_bytes import parse, to_single_line

_BOM: Final = b"\xef\xbb\xbf"
_FIELD_PREFIXES: Final = (b"data:", b"event:", b":", b"id:", b"retry:")
# Events that fit the processor's cache are read in half the time.
_WINDOW: Final = 16 * 1024
"""Maximum bytes of a body parsed into events at once, unless a line is longer."""

_Batch = tuple[list[str | None], list[bytes]]


class Event(NamedTuple):
    """One event of a stream, its data read as JSON."""

    name: str | None
    data: Any


class Stream(NamedTuple):
    """The events of a stream, and whether the stream itself said that it is over."""

    events: list[Event]
    done: bool


class EventReader:
    """Iterates over the events of a stream whose data is JSON; other data is passed over.

    An event named ``error`` may have text as its data, and gives an object with this error. Lines may end in
    LF, CR LF or CR. An event that the end of the body cuts short counts when its data is whole. The events
    are made as they are asked for: all at once they take ten times the room of the body.
    """

    def __init__(self, body: bytes) -> None:
        self._body = body.removeprefix(_BOM)
        self.done = False
        """Whether the stream itself has said that it is over; known after the iteration."""

    def __iter__(self) -> Iterator[Event]:
        for names, texts in _batches(self._body):
            kept = [i for i, text in enumerate(texts) if not text.startswith(b"[DONE]")]
            self.done |= len(kept) < len(texts)
            yield from _parse_texts([names[i] for i in kept], [texts[i] for i in kept])

    def first_as_json(self, max_bytes: int) -> bytes:
        """The data of the first events as a JSON array, byte for byte as it came, up to a size."""
        kept: list[bytes] = []
        size = 0
        for _, texts in _batches(self._body):
            for text in texts:
                event = to_single_line(text)
                if event is None:
                    continue
                size += len(event.text) + 1
                if size > max_bytes:
                    return b"[" + b",".join(kept) + b"]"
                kept.append(event.text)
        return b"[" + b",".join(kept) + b"]"


def is_stream(body: bytes) -> bool:
    """Whether a body reads as server-sent events, whatever its content type says."""
    return body.removeprefix(_BOM).lstrip().startswith(_FIELD_PREFIXES)


def parse_events(body: bytes) -> Stream:
    """All events of a short stream, as ``EventReader`` gives them."""
    reader = EventReader(body)
    return Stream(list(reader), reader.done)


def _parse_texts(names: list[str | None], texts: list[bytes]) -> Iterator[Event]:
    try:
        # One array is read in less time than its elements one by one.
        values = from_json(b"[" + b",".join(texts) + b"]", cache_strings="keys")
    except ValueError:
        values = []
    # Data such as "1,2" would be two elements of the array, and shift all that follow.
    if len(values) != len(texts):
        return _parse_one_by_one(names, texts)
    return map(Event, names, values)


def _parse_one_by_one(names: list[str | None], texts: list[bytes]) -> Iterator[Event]:
    for name, text in zip(names, texts, strict=True):
        try:
            value = parse(text)
        except ValueError:
            if name != "error" or text.startswith(b"{"):
                continue  # an event cut short, or one that is not ours to read
            value = {"error": text.decode("utf-8", "replace")}
        yield Event(name, value)


def _batches(body: bytes) -> Iterator[_Batch]:
    """The names and the data of the events that have data."""
    names: list[str | None] = []
    texts: list[bytes] = []
    name: str | None = None
    data: list[bytes] = []
    for lines in _lines(body):
        for line in lines:
            if not line:
                if data:
                    names.append(name)
                    texts.append(data[0] if len(data) == 1 else b"\n".join(data))
                    data = []
                name = None
            elif line.startswith(b"data:"):
                # Some servers leave out the space, which is optional.
                data.append(line[6:] if line.startswith(b"data: ") else line[5:])
            elif line.startswith(b"event:"):
                name = line[6:].strip().decode("utf-8", "replace")
        yield names, texts
        names, texts = [], []


def _lines(body: bytes) -> Iterator[list[bytes]]:
    """The lines of the body, window by window, and an empty one at the end."""
    start = 0
    while start < len(body):
        # Cut at a line feed, so that neither a line nor a CR LF is torn.
        end = body.find(b"\n", start + _WINDOW) + 1 or len(body)
        window = body[start:end]
        if b"\r" in window:
            window = window.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = window.split(b"\n")
        # Without an empty line at the end the last event of a body that was cut short would not be given out.
        yield lines[:-1] if end < len(body) else [*lines, b""]
        start = end
