"""Server-sent events: from the bytes of a stream to its events."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from pydantic_core import from_json

from log10_trace.record.json_text import parsed

_BOM: Final = b"\xef\xbb\xbf"
_FIRST_WORDS: Final = (b"data:", b"event:", b":", b"id:", b"retry:")


class Event(NamedTuple):
    """One event of a stream, its data read as JSON."""

    name: str | None
    data: Any


class Stream(NamedTuple):
    """The events of a stream, and whether the stream itself said that it is over."""

    events: list[Event]
    done: bool


def is_stream(body: bytes) -> bool:
    """Whether a body reads as server-sent events, whatever its content type says."""
    return body.removeprefix(_BOM).lstrip().startswith(_FIRST_WORDS)


def read(body: bytes) -> Stream:
    """The events of a stream whose data is JSON; other data is passed over.

    Lines may end in LF, CR LF or CR. An event that the end of the body cuts short counts when its data is
    whole.
    """
    names, texts = _split(body.removeprefix(_BOM))
    kept = [i for i, text in enumerate(texts) if not text.startswith(b"[DONE]")]
    done = len(kept) < len(texts)
    names, texts = [names[i] for i in kept], [texts[i] for i in kept]
    try:
        # One array is read in less time than its elements one by one.
        values = from_json(b"[" + b",".join(texts) + b"]", cache_strings="keys")
    except ValueError:
        values = []
    if len(values) != len(texts):
        return Stream(_read_one_by_one(names, texts), done)
    return Stream(list(map(Event, names, values)), done)


def _read_one_by_one(names: list[str | None], texts: list[bytes]) -> list[Event]:
    events = []
    for name, text in zip(names, texts, strict=True):
        try:
            events.append(Event(name, parsed(text)))
        except ValueError:  # noqa: PERF203 -- an event cut short, or one that is not ours to read
            continue
    return events


def _split(body: bytes) -> tuple[list[str | None], list[bytes]]:
    """The names and the data of the events that have data."""
    names: list[str | None] = []
    texts: list[bytes] = []
    name: str | None = None
    data: list[bytes] = []
    if b"\r" in body:
        body = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    for line in (body + b"\n\n").split(b"\n"):
        if not line:
            if data:
                names.append(name)
                texts.append(data[0] if len(data) == 1 else b"\n".join(data))
                data = []
            name = None
        elif line.startswith(b"data:"):
            data.append(line[6:] if line.startswith(b"data: ") else line[5:])
        elif line.startswith(b"event:"):
            name = line[6:].strip().decode("utf-8", "replace")
    return names, texts
