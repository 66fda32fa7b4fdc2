"""Bodies in a recording: JSON that people can read, and the same bytes again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log10_trace.testing.bodies import (
    decode_body,
    decode_piece,
    encode_body,
    encode_piece,
    encode_request_body,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
EVENTS = st.lists(
    st.one_of(
        st.dictionaries(st.text(), JSON, max_size=2).map(lambda data: f"data: {json.dumps(data)}\n\n"),
        st.just("data: [DONE]\n\n"),
        st.text().map(lambda text: f": {text}\n\n"),
        st.text(),
    ),
    max_size=4,
)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_a_body_comes_back_to_the_byte(body: bytes) -> None:
    """Whatever a provider answers."""
    encoded = json.loads(json.dumps(encode_body(body)))

    assert decode_body(encoded) == body


@given(EVENTS.map("".join), st.integers(0, 40))
def test_a_piece_comes_back_to_the_byte(text: str, start: int) -> None:
    """Whole events, events that are cut anywhere, and what is no event."""
    piece = text.encode("utf-8", "replace")[start:]

    assert decode_piece(json.loads(json.dumps(encode_piece(piece)))) == piece


@pytest.mark.parametrize(
    ("options", "end", "layout"),
    [
        ({"separators": (",", ":"), "ensure_ascii": False}, "", None),
        ({"ensure_ascii": False}, "", "spaced"),
        ({"separators": (",", ":")}, "\n", "compact ascii newline"),
        ({"indent": 2, "ensure_ascii": False}, "\n", "indent 2 newline"),
        ({"indent": 4}, "", "indent 4 ascii"),
    ],
)
def test_json_is_kept_as_a_value(options: dict[str, Any], end: str, layout: str | None) -> None:
    """The ways in which providers write JSON are told by a word."""
    value = {"text": "Grüße", "numbers": [1, 2.5], "none": None}
    body = (json.dumps(value, **options) + end).encode()

    encoded = encode_body(body)

    assert encoded.pop("layout", None) == layout
    assert encoded == {"json": value}


@pytest.mark.parametrize("body", ['{"a": 1, "a": 2}', '{"a":1.0e1}', '{ "a":1}', '{"a":NaN}', "<html>"])
def test_what_json_would_change_is_kept_as_text(body: str) -> None:
    """Doubled keys, other spellings of numbers, other spaces, and what is no JSON."""
    assert encode_body(body.encode()) == {"text": body}


def test_events_are_kept_as_values() -> None:
    """A piece with two events, one of them with a name."""
    piece = b'event: response.created\ndata: {"type":"response.created"}\n\ndata: [DONE]\n\n'

    assert encode_piece(piece) == {
        "piece": [
            {"event": "response.created", "data": {"type": "response.created"}},
            {"data": "[DONE]"},
        ]
    }


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"json": 1, "layout": "x"}, "layout 'x' is unknown"),
        ({"base64": "?"}, "base64 is not valid"),
        ({"text": 1}, "text is not a string"),
    ],
)
def test_a_damaged_body_says_what_is_wrong(fields: dict[str, Any], reason: str) -> None:
    """The message stands behind the name of the file and the line."""
    with pytest.raises(ValueError, match=reason):
        decode_body(fields)


def test_a_request_is_compared_by_its_value() -> None:
    """How its JSON is written does not matter."""
    for body in (b'{"a": 1, "b": 2}', b'{"b":2,"a":1}', b'{"a":1.0e0 , "b":2}'):
        assert encode_request_body(body, "application/json")["json"] == {"a": 1, "b": 2}


def form(boundary: str, content: bytes) -> tuple[bytes, str]:
    lines = [
        b'Content-Disposition: form-data; name="purpose"\r\n\r\nbatch',
        b'Content-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n' + content,
    ]
    mark = b"--" + boundary.encode()
    body = b"".join(mark + b"\r\n" + line + b"\r\n" for line in lines) + mark + b"--\r\n"
    return body, f"multipart/form-data; boundary={boundary}"


def test_a_form_is_compared_by_its_parts() -> None:
    """The boundary is another in every request; a file is told by its digest."""
    first = encode_request_body(*form("aaaa", b"\xff\x00"))

    assert first == encode_request_body(*form("bbbb", b"\xff\x00"))
    assert first != encode_request_body(*form("bbbb", b"\xff\x01"))
    purpose, file = first["multipart"]
    assert purpose == {"name": "purpose", "text": "batch"}
    assert (file["filename"], file["size"], len(file["sha256"])) == ("a.bin", 2, 64)


def test_a_binary_request_is_told_by_its_digest() -> None:
    """No megabytes in the recording."""
    assert encode_request_body(b"\xff" * 9, "audio/wav").keys() == {"sha256", "size"}
