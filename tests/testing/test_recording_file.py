"""The file of a recording: lines that people read, and an error that names the line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from log10_trace.errors import RecordingError
from log10_trace.record.exchange import Response
from log10_trace.testing.recording_file import RecordedCall, read_recording, write_recording

HEAD = '{"format": 1}\n'
REQUEST = '{"request": "POST /x", "json": {}}\n'
JSON_TYPE = [("content-type", "application/json")]
SSE_TYPE = [("content-type", "text/event-stream")]

CALLS = {
    "an answer": Response(200, JSON_TYPE, [b'{"a":1}'], is_whole=True),
    "no body": Response(204, [], [], is_whole=True),
    "a stream": Response(200, SSE_TYPE, [b'data: {"a":1}\n\n', b"data: [DONE]\n\n"], is_whole=True),
    "a character cut in two": Response(200, SSE_TYPE, [b"data: \xc3", b"\xa4\n\n"], is_whole=True),
    "a stream that was left": Response(200, SSE_TYPE, [b"a", b"b"], is_whole=False),
    "nothing read": Response(200, SSE_TYPE, [], is_whole=False),
    "a stream that broke": Response(200, SSE_TYPE, [b"a", b"b"], failure=("ReadError", "gone")),
    "no connection": Response(failure=("ConnectError", "refused")),
    "binary": Response(200, [("content-type", "audio/mpeg")], [b"\xff\x00"], is_whole=True),
    "half a surrogate pair": Response(200, JSON_TYPE, [b'{"a": "\\ud800"}'], is_whole=True),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_read_as_it_was_written(name: str, tmp_path: Path) -> None:
    """Request and response, and the pieces of a stream."""
    path = tmp_path / "folder" / "calls.jsonl"
    request = {"request": "POST /chat/completions", "json": {"b": "\u2028 Grüße", "a": 1}}
    write_recording(path, [RecordedCall(request, CALLS[name])] * 2)

    first, second = read_recording(path)

    assert (first.request, first.response) == (request, CALLS[name])
    assert second.response == CALLS[name]
    assert (first.line, second.line > first.line) == (2, True)


def test_the_pieces_of_a_json_body_are_one(tmp_path: Path) -> None:
    """How the network cut it says nothing."""
    path = tmp_path / "calls.jsonl"
    response = Response(200, JSON_TYPE, [b'{"a"', b":1}"], is_whole=True)

    write_recording(path, [RecordedCall({"request": "GET /x"}, response)])

    assert json.loads(path.read_text().splitlines()[2])["json"] == {"a": 1}


def test_a_file_has_the_permissions_of_any_file(tmp_path: Path) -> None:
    """Recordings are committed and read by others; nothing is left beside them."""
    path, plain = tmp_path / "calls.jsonl", tmp_path / "plain"
    plain.write_text("")

    write_recording(path, [])

    assert path.stat().st_mode == plain.stat().st_mode
    assert sorted(tmp_path.iterdir()) == [path, plain]


def test_a_file_that_cannot_be_written_is_as_it_was(tmp_path: Path) -> None:
    """The new content is there whole, or the old one is."""
    path = tmp_path / "calls.jsonl"
    path.write_text("before")
    unwritable: Any = RecordedCall({"request": object()}, CALLS["no body"])

    with pytest.raises(TypeError):
        write_recording(path, [unwritable])

    assert (path.read_text(), list(tmp_path.iterdir())) == ("before", [path])


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 1, 'no recording: the first line is not {"format": 1}'),
        ("interactions:\n- request:\n", 1, "not JSON"),
        ("[]\n", 1, "not a JSON object"),
        ('{"format": 2}\n', 1, "has format 2, and this version of log10_trace reads format 1"),
        (HEAD + "\n" + REQUEST + "{", 4, "not JSON"),
        (HEAD + "<<<<<<< HEAD\n", 2, "Git left a merge conflict here"),
        (HEAD + REQUEST, 2, "the last request has no response"),
        (HEAD + REQUEST + REQUEST, 3, "the request before has no response"),
        (HEAD + '{"response": 200}\n', 2, "stands behind no request"),
        (HEAD + '{"piece": "x"}\n', 2, "the piece stands behind no response"),
        (HEAD + REQUEST + '{"response": "200"}\n', 3, "a number from 100 to 599, not '200'"),
        (HEAD + REQUEST + '{"response": 200, "headers": {"a": 1}}\n', 3, "an object of strings"),
        (HEAD + REQUEST + '{"response": 200, "base64": "?"}\n', 3, "base64 is not valid"),
        (HEAD + REQUEST + '{"response": 200}\n{"piece": [{}]}\n', 4, "an event is an object with data"),
        (HEAD + '{"request": "POST"}\n', 2, "a request is a method and a path, not 'POST'"),
        (HEAD + '{"reqest": "POST /x"}\n', 2, "a line begins with one of request, response"),
        (HEAD + '{"request": "POST /x", "jsn": {}}\n', 2, "a request has no field 'jsn'"),
        (HEAD + "{}\n", 2, "a line begins with one of"),
    ],
)
def test_a_damaged_file_is_named_with_its_line(tmp_path: Path, text: str, line: int, reason: str) -> None:
    """Whoever edits a recording by hand, or merges it, is told where it is wrong."""
    path = tmp_path / "calls.jsonl"
    path.write_text(text)

    with pytest.raises(RecordingError) as caught:
        read_recording(path)

    assert reason in str(caught.value)
    assert str(caught.value).startswith(f"{path}, line {line}: ")
    assert (caught.value.path, caught.value.line) == (path, line)


def test_a_line_that_is_no_text_is_named(tmp_path: Path) -> None:
    """A file of another kind under the name of a recording."""
    path = tmp_path / "calls.jsonl"
    path.write_bytes(HEAD.encode() + b"\n\xff\xfe")

    with pytest.raises(RecordingError, match="line 3: the line is not UTF-8"):
        read_recording(path)
