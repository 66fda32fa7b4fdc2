r"""The file of a recording: what is said in it, and how it is read and written.

One JSON object a line. The first names the format; then each exchange has a line for the request and one for
the response, and a body that came in pieces has a line for each piece::

    {"format": 1}
    {"request": "POST /chat/completions", "json": {"model": "gpt-4o", "messages": [...]}}
    {"response": 200, "headers": {"content-type": "application/json"}, "json": {"id": "chatcmpl-1", ...}}
    {"request": "POST /chat/completions", "json": {"model": "gpt-4o", "messages": [...], "stream": true}}
    {"response": 200, "headers": {"content-type": "text/event-stream"}}
    {"piece": [{"data": {"id": "chatcmpl-2", "choices": [...]}}]}
    {"piece": [{"data": "[DONE]"}]}

A piece is what the program read at once: server-sent events, or text that is none. After the pieces
``{"end": "left"}`` says that the program stopped reading there, and ``{"end": "ReadTimeout", "message":
"..."}`` which exception of the HTTP library ended the body. A request that got no response has ``{"failure":
"ConnectError", "message": "..."}`` in its place.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from log10_trace.errors import RecordingError
from log10_trace.record.exchange import Response
from log10_trace.testing.bodies import BODY_FIELDS, decode_body, decode_piece, encode_body, encode_piece

FORMAT: Final = 1
LEFT: Final = "left"

_KINDS: Final = {
    "request": {"request", *BODY_FIELDS},
    "response": {"response", "headers", *BODY_FIELDS},
    "failure": {"failure", "message"},
    "piece": {"piece", "layout"},
    "piece_base64": {"piece_base64"},
    "end": {"end", "message"},
}
"""The kinds of lines by their first field, and the fields that each may have."""


@dataclass(frozen=True)
class RecordedCall:
    """An exchange of a recording."""

    request: dict[str, Any]
    """The line of the request: its method and path under ``request``, and its body."""
    response: Response
    line: int = 0
    """Where it stands in its file; 0 of one that was not read from a file."""


def read_recording(path: Path) -> list[RecordedCall]:
    """The calls of a recording, in the order in which they were made.

    Raises:
        RecordingError: the file is damaged, or of another format; the message names the line.
        OSError: the file cannot be read.
    """
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise RecordingError(path, line, "the line is not UTF-8") from None
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    _check_format(path, lines)
    return _Reader(path).read(lines[1:])


def _check_format(path: Path, lines: list[tuple[int, str]]) -> None:
    number, first = lines[0] if lines else (1, "")
    header = _parse(path, number, first) if first else None
    stated = header.get("format") if header is not None else None
    if stated is None:
        raise RecordingError(path, number, 'this is no recording: the first line is not {"format": 1}')
    if stated != FORMAT:
        raise RecordingError(
            path,
            number,
            f"the recording has format {stated!r}, and this version of log10_trace reads format {FORMAT}: "
            "install the version that wrote it, or record the calls anew",
        )


def _parse(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        hint = ": Git left a merge conflict here" if line[:7] in ("<<<<<<<", "=======", ">>>>>>>") else ""
        raise RecordingError(path, number, f"the line is not JSON ({error}){hint}") from None
    if not isinstance(value, dict):
        raise RecordingError(path, number, f"the line is not a JSON object: {line[:80]}")
    return value


class _Reader:
    """Puts the lines of a file together to calls."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._calls: list[RecordedCall] = []
        self._request: dict[str, Any] | None = None
        self._response: Response | None = None
        """The response that pieces may follow."""

    def read(self, lines: list[tuple[int, str]]) -> list[RecordedCall]:
        number = 1
        for number, line in lines:
            fields = _parse(self._path, number, line)
            try:
                self._add(number, fields)
            except ValueError as error:
                raise RecordingError(self._path, number, str(error)) from None
        if self._request is not None:
            raise RecordingError(self._path, number, "the last request has no response")
        return self._calls

    def _add(self, number: int, fields: dict[str, Any]) -> None:
        kind = next(iter(fields), "")
        if kind not in _KINDS:
            raise ValueError(f"a line begins with one of {', '.join(_KINDS)}, not with {kind!r}")
        unknown = sorted(fields.keys() - _KINDS[kind])
        if unknown:
            raise ValueError(f"a {kind} has no field {unknown[0]!r}")
        if kind == "request":
            self._add_request(fields)
        elif kind in ("response", "failure"):
            self._add_response(number, _decode_head(kind, fields))
        elif self._response is None:
            raise ValueError(f"the {kind} stands behind no response")
        elif kind == "end":
            self._add_end(self._response, fields)
        else:
            self._response.pieces.append(decode_piece(fields))

    def _add_request(self, fields: dict[str, Any]) -> None:
        if self._request is not None:
            raise ValueError("the request before has no response")
        if not isinstance(fields["request"], str) or " " not in fields["request"]:
            raise ValueError(f"a request is a method and a path, not {fields['request']!r}")
        self._request, self._response = fields, None

    def _add_response(self, number: int, response: Response) -> None:
        if self._request is None:
            raise ValueError("the response stands behind no request")
        self._calls.append(RecordedCall(self._request, response, number - 1))
        self._request, self._response = None, response if response.status is not None else None

    def _add_end(self, response: Response, fields: dict[str, Any]) -> None:
        response.is_whole = False
        if fields["end"] != LEFT:
            response.failure = (str(fields["end"]), str(fields.get("message", "")))
        self._response = None


def _decode_head(kind: str, fields: dict[str, Any]) -> Response:
    if kind == "failure":
        return Response(failure=(str(fields["failure"]), str(fields.get("message", ""))))
    status, headers = fields["response"], fields.get("headers", {})
    if type(status) is not int or not 100 <= status <= 599:  # noqa: PLR2004 -- the statuses of HTTP
        raise ValueError(f"the status of a response is a number from 100 to 599, not {status!r}")
    if not isinstance(headers, dict) or not all(isinstance(each, str) for each in headers.values()):
        raise ValueError("the headers of a response are an object of strings")
    body = decode_body(fields)
    return Response(status, list(headers.items()), [body] if body else [], is_whole=True)


def write_recording(path: Path, calls: Iterable[RecordedCall]) -> None:
    """Write a recording, whole or not at all, as a file with the permissions that any file gets.

    Raises:
        OSError: it cannot be written; the file at ``path`` is as it was.
    """
    lines = [{"format": FORMAT}, *(line for call in calls for line in _lines_of(call))]
    content = b"".join(_dump_line(line) for line in lines)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _dump_line(line: dict[str, Any]) -> bytes:
    try:
        return json.dumps(line, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can escape and UTF-8 cannot have
        return json.dumps(line).encode() + b"\n"


def _lines_of(call: RecordedCall) -> Iterator[dict[str, Any]]:
    yield call.request
    response = call.response
    if response.status is None:
        kind, message = response.failure or ("TransportError", "")
        yield {"failure": kind, "message": message}
        return
    response = _join_json(response)
    in_pieces = len(response.pieces) > 1
    head = {"response": response.status, "headers": dict(response.headers)}
    yield head if in_pieces else {**head, **encode_body(b"".join(response.pieces))}
    for piece in response.pieces if in_pieces else ():
        yield encode_piece(piece)
    if response.failure is not None:
        yield {"end": response.failure[0], "message": response.failure[1]}
    elif not response.is_whole:
        yield {"end": LEFT}


def _join_json(response: Response) -> Response:
    """A response whose body is JSON in one piece: how the network cut it says nothing."""
    media_type = dict(response.headers).get("content-type", "").partition(";")[0].strip()
    if media_type != "application/json" and not media_type.endswith("+json"):
        return response
    return replace(response, pieces=[b"".join(response.pieces)])
