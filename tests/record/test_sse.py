"""Server-sent events: every event once, in order, however the bytes are broken into lines."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log10_trace.record.sse import Event, is_stream, parse_events

names = st.none() | st.sampled_from(["message", "response.output_text.delta", "ping"])
values = st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=10) | st.none(), max_size=3)
events = st.lists(st.builds(Event, names, values), max_size=6)


def wire(events: list[Event], end: str = "\n") -> bytes:
    """The events as a server sends them."""
    lines: list[str] = []
    for event in events:
        lines += [f"event: {event.name}"] if event.name else []
        lines += [f"data: {json.dumps(event.data)}", ""]
    return "".join(line + end for line in lines).encode()


@given(events, st.sampled_from(["\n", "\r\n", "\r"]), st.booleans())
def test_what_was_sent_is_read(sent: list[Event], end: str, done: bool) -> None:
    """Events come back in order with their names, whatever ends the lines, and whether it was all."""
    body = wire(sent, end) + (f"data: [DONE]{end}{end}".encode() if done else b"")

    assert parse_events(body) == (sent, done)


@given(events, st.data())
def test_a_cut_costs_at_most_the_event_that_it_hits(sent: list[Event], data: st.DataObject) -> None:
    """Of a stream that ends anywhere, every event comes back whose data was whole."""
    body = wire(sent)
    cut = data.draw(st.integers(0, len(body)))

    found = parse_events(body[:cut]).events

    whole = len(parse_events(body[: body.rfind(b"\n\n", 0, cut) + 2]).events) if b"\n\n" in body[:cut] else 0
    assert [event.data for event in found] == [event.data for event in sent][: len(found)]
    assert whole <= len(found) <= whole + 1


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'data:{"a":1}\n\n', [Event(None, {"a": 1})]),
        (b'data: {"a":\ndata: 1}\n\n', [Event(None, {"a": 1})]),
        (b': comment\nid: 7\nretry: 10\ndata: {"a": 1}\n\n', [Event(None, {"a": 1})]),
        (b'\xef\xbb\xbfdata: {"a": 1}\n\n', [Event(None, {"a": 1})]),
        (b'event: x\n\ndata: {"a": 1}\n\n', [Event(None, {"a": 1})]),
        (b'data: nonsense\n\ndata: {"a": 1}\n\n', [Event(None, {"a": 1})]),
        (b'data:\n\ndata: {"a": 1}\n\n', [Event(None, {"a": 1})]),
        (b'data: {"a": "\\ud83d"}\n\n', [Event(None, {"a": "\ud83d"})]),
        (b'event: \xff\ndata: {"a": 1}\n\n', [Event("\ufffd", {"a": 1})]),
        (b'data: {"a": 1}', [Event(None, {"a": 1})]),
        (b"", []),
    ],
    ids=[
        "no space", "two lines", "other fields", "byte order mark", "name without data", "no JSON", "no data",
        "lone surrogate", "name that is no text", "no end", "nothing",
    ],
)  # fmt: skip
def test_oddities(body: bytes, expected: list[Event]) -> None:
    """What the standard allows and servers do is read as it is meant."""
    assert parse_events(body).events == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"data: {}\n\n", True),
        (b"\n\n: keep-alive\n\n", True),
        (b"\xef\xbb\xbfevent: x\n", True),
        (b'{"data": 1}', False),
        (b"<html>", False),
        (b"", False),
    ],
)
def test_a_stream_is_known_by_its_first_word(body: bytes, expected: Any) -> None:
    """Events that were sent as another content type are events all the same."""
    assert is_stream(body) is expected
