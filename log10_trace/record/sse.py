"""Server-sent events: from the bytes of a stream to its events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from pydantic_core import from_json

from log10_trace.record.event_template import WINDOW, EventTemplate, FindPlaces
from log10_trace.record.json_bytes import parse, to_single_line

_BOM: Final = b"\xef\xbb\xbf"
_FIELD_PREFIXES: Final = (b"data:", b"event:", b":", b"id:", b"retry:")
_EMPTY_LINES: Final = (b"\n", b"\r\n")


class Event(NamedTuple):
    """One event of a stream, its data read as JSON."""

    name: str | None
    data: Any


class Stream(NamedTuple):
    """The events of a stream, and whether the stream itself said that it is over."""

    events: list[Event]
    done: bool


class EventReader:
    """Reads the events of a stream whose data is JSON, in order; other data is passed over.

    An event named ``error`` may have text as its data, and gives an object with this error. Lines may end in
    LF, CR LF or CR. An event that the end of the body cuts short counts when its data is whole. The events
    are made as they are asked for: all at once they take ten times the room of the body.
    """

    def __init__(self, body: bytes) -> None:
        self.done = False
        """Whether the stream itself has said that it is over; known after the last event."""
        self._windows = _windows(body.removeprefix(_BOM))
        self._window, self._is_last = b"", False
        self._at = 0
        self._block = b""
        self._parser = _Parser()
        self._load()

    def __iter__(self) -> Iterator[Event]:
        while not self.is_at_end:
            yield from self.read()

    @property
    def is_at_end(self) -> bool:
        """Whether everything was read."""
        return self._at >= len(self._window) and self._is_last

    def read(self, blocks: int | None = None) -> list[Event]:
        """The events of the next blocks of lines: at most so many, or all that are at hand; maybe none."""
        names, texts = self._read_data(blocks)
        kept = [i for i, text in enumerate(texts) if not text.startswith(b"[DONE]")]
        if len(kept) < len(texts):
            self.done = True
            names, texts = [names[i] for i in kept], [texts[i] for i in kept]
        events = _parse_texts(names, texts) if texts else []
        if len(events) < len(texts):
            self._block = b""
        return events

    def read_repeats(self, template: EventTemplate, find_places: FindPlaces) -> int:
        """Add the values of the next events that are like the template's; the number of these events."""
        count = 0
        if not template.fits(self._window, self._at) or not template.locate(find_places):
            return 0
        while self._parser.is_between_events:
            start, (found, self._at) = self._at, template.read(self._window, self._at)
            count += found
            if self._at >= len(self._window) and not self._is_last:
                self._load()
            elif self._at == start:
                break
        return count

    @property
    def last_block(self) -> bytes:
        """The lines of the event that was read last; empty where they are not known."""
        return self._block

    def first_as_json(self, max_bytes: int) -> bytes:
        """The data of the next events as a JSON array, byte for byte as it came, up to a size."""
        kept: list[bytes] = []
        size = 0
        while not self.is_at_end:
            for text in self._read_data(None)[1]:
                event = to_single_line(text)
                if event is None:
                    continue
                size += len(event.text) + 1
                if size > max_bytes:
                    return b"[" + b",".join(kept) + b"]"
                kept.append(event.text)
        return b"[" + b",".join(kept) + b"]"

    def _read_data(self, blocks: int | None) -> tuple[list[str | None], list[bytes]]:
        """The names and the data of the events in the next blocks."""
        start, begins_block = self._at, self._parser.is_between_events
        end = self._end_of(blocks)
        lines = self._window[start:end].split(b"\n")
        at_end = self._is_last and end >= len(self._window)
        # Without an empty line at the end the last event of a body that was cut short would not be given out.
        self._parser.feed([*lines, b""] if at_end else lines[:-1])
        self._block = self._last_block(start, end) if begins_block and self._parser.is_between_events else b""
        self._at = end
        if end >= len(self._window) and not self._is_last:
            self._load()
        return self._parser.take()

    def _end_of(self, blocks: int | None) -> int:
        """Where the last of the next blocks ends; all that the window has when there are fewer."""
        window, end = self._window, self._at
        for _ in range(blocks or 0):
            end = window.find(b"\n\n", end) + 2
            if end < 2:  # noqa: PLR2004 -- none was found
                return len(window)
        return end if blocks else len(window)

    def _last_block(self, start: int, end: int) -> bytes:
        found = self._window.rfind(b"\n\n", start, end - 2)
        return self._window[start if found < 0 else found + 2 : end]

    def _load(self) -> None:
        self._window, self._is_last = next(self._windows)
        self._at = 0


def is_stream(body: bytes) -> bool:
    """Whether a body reads as server-sent events, whatever its content type says."""
    if body[:1] == b"{":
        return False
    return body.removeprefix(_BOM).lstrip().startswith(_FIELD_PREFIXES)


def parse_events(body: bytes) -> Stream:
    """All events of a short stream, as ``EventReader`` gives them."""
    reader = EventReader(body)
    return Stream(list(reader), reader.done)


def _parse_texts(names: list[str | None], texts: list[bytes]) -> list[Event]:
    try:
        # One array is read in less time than its elements one by one.
        values = from_json(b"[" + b",".join(texts) + b"]", cache_strings="keys")
    except ValueError:
        values = []
    # Data such as "1,2" would be two elements of the array, and shift all that follow.
    if len(values) != len(texts):
        return list(_parse_one_by_one(names, texts))
    return list(map(Event, names, values))


def _parse_one_by_one(names: list[str | None], texts: list[bytes]) -> Iterator[Event]:
    for name, text in zip(names, texts, strict=True):
        try:
            value = parse(text)
        except ValueError:
            if name != "error" or text.startswith(b"{"):
                continue  # an event cut short, or one that is not ours to read
            value = {"error": text.decode("utf-8", "replace")}
        yield Event(name, value)


class _Parser:
    """From lines to the names and the data of events; an event may go on in the lines of another call."""

    __slots__ = ("_data", "_name", "_names", "_texts")

    def __init__(self) -> None:
        self._name: str | None = None
        self._data: list[bytes] = []
        self._names: list[str | None] = []
        self._texts: list[bytes] = []

    @property
    def is_between_events(self) -> bool:
        """Whether the next line begins an event."""
        return self._name is None and not self._data

    def feed(self, lines: list[bytes]) -> None:
        """Read the next lines."""
        name, data, names, texts = self._name, self._data, self._names, self._texts
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
        self._name, self._data = name, data

    def take(self) -> tuple[list[str | None], list[bytes]]:
        """The names and the data of the events that have data and ended since the last call."""
        taken = self._names, self._texts
        self._names, self._texts = [], []
        return taken


def _windows(body: bytes) -> Iterator[tuple[bytes, bool]]:
    """The body with LF at the end of its lines, in windows of whole lines, and which of them is the last."""
    start = 0
    while True:
        # Cut at a line feed, so that neither a line nor a CR LF is torn.
        end = body.find(b"\n", start + WINDOW) + 1 or len(body)
        # Behind the empty line, where there is one: the next window then begins with an event.
        if body.startswith(_EMPTY_LINES, end):
            end = body.index(b"\n", end) + 1
        window = body[start:end]
        if b"\r" in window:
            window = window.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        yield window, end >= len(body)
        start = end
