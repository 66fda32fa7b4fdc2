"""The bodies of requests and responses as people read them in a recording, and back, to the byte. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from email.message import Message
from typing import Any, Final

from log10_trace.instrument.body_credentials import mask_body

Body = dict[str, Any]
"""Fields of a line: ``json``, ``layout``, ``text``, ``base64``, ``multipart``, ``sha256``, ``size``."""

BODY_FIELDS: Final = ("json", "layout", "text", "base64", "multipart", "sha256", "size")


def _layouts() -> Iterator[tuple[str, Callable[[Any], str]]]:
    separators: dict[str, Any] = {"compact": (",", ":"), "spaced": None}
    for ascii_word, ensure_ascii in (("", False), (" ascii", True)):
        for name, each in separators.items():
            yield name + ascii_word, _dumper(separators=each, ensure_ascii=ensure_ascii)
        for indent in (2, 4):
            yield f"indent {indent}{ascii_word}", _dumper(indent=indent, ensure_ascii=ensure_ascii)


def _dumper(**options: Any) -> Callable[[Any], str]:
    return lambda value: json.dumps(value, allow_nan=False, **options)


_LAYOUTS: Final = {
    name + end_word: (dump, end)
    for end_word, end in (("", ""), (" newline", "\n"))
    for name, dump in _layouts()
}
_DEFAULT_LAYOUT: Final = "compact"
_EVENT: Final = re.compile(r"(?:event: (?P<name>[^\n]*)\n)?data: (?P<data>[^\n]*)\n\n")


def encode_body(content: bytes) -> Body:
    """A body as fields of a line, from which ``decode_body`` makes the same bytes."""
    if not content:
        return {}
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode()}
    if text.lstrip()[:1] in ("{", "["):
        encoded = _encode_json(text)
        if encoded is not None:
            return encoded
    return {"text": text}


def _encode_json(text: str) -> Body | None:
    """JSON as a value, if it is written in a way that can be told in a word."""
    try:
        value = json.loads(text)
        for name, (dump, end) in _LAYOUTS.items():
            if dump(value) + end == text:
                return {"json": value} if name == _DEFAULT_LAYOUT else {"json": value, "layout": name}
    except (ValueError, RecursionError):
        return None
    return None


def decode_body(fields: Body) -> bytes:
    """The bytes of an encoded body.

    Raises:
        ValueError: the fields are no body; the message says why.
    """
    if "json" in fields:
        return _write_json(fields["json"], fields).encode("utf-8", "surrogatepass")
    if "base64" in fields:
        try:
            return base64.b64decode(fields["base64"], validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise ValueError("base64 is not valid") from None
    text = fields.get("text", "")
    if not isinstance(text, str):
        raise ValueError("text is not a string")  # noqa: TRY004 -- a file says it, not a caller
    return text.encode()


def _write_json(value: Any, fields: Body) -> str:
    name = fields.get("layout", _DEFAULT_LAYOUT)
    if name not in _LAYOUTS:
        raise ValueError(f"layout {name!r} is unknown")
    dump, end = _LAYOUTS[name]
    return dump(value) + end


def encode_piece(content: bytes) -> Body:
    """A piece of a body: its server-sent events, where it is whole events; else as text or in base64."""
    encoded = encode_body(content)
    if "base64" in encoded:
        return {"piece_base64": encoded["base64"]}
    text = content.decode()
    events = [_encode_event(event) for event in _EVENT.finditer(text)]
    layout = next((fields for _, fields in events if fields), {})
    piece = {"piece": [event for event, _ in events], **layout}
    # Checked as a whole: text between events, another way to write them, events of different layouts.
    return piece if events and decode_piece(piece) == content else {"piece": text}


def _encode_event(match: re.Match[str]) -> tuple[dict[str, Any], Body]:
    """An event, and the layout of its data."""
    name = {"event": match["name"]} if match["name"] is not None else {}
    encoded = _encode_json(match["data"]) if match["data"].startswith("{") else None
    if encoded is None:
        return {**name, "data": match["data"]}, {}
    return {**name, "data": encoded.pop("json")}, encoded


def split_events(text: str) -> list[str]:
    """The text of a stream, event by event."""
    return re.findall(r".+?(?:\r?\n\r?\n|\Z)", text, re.DOTALL)


def decode_piece(fields: Body) -> bytes:
    """The bytes of an encoded piece.

    Raises:
        ValueError: the fields are no piece; the message says why.
    """
    if "piece_base64" in fields:
        return decode_body({"base64": fields["piece_base64"]})
    piece = fields["piece"]
    if not isinstance(piece, list):
        return decode_body({"text": piece})
    return "".join(_write_event(event, fields) for event in piece).encode("utf-8", "surrogatepass")


def _write_event(event: Any, fields: Body) -> str:
    if not isinstance(event, dict) or "data" not in event or event.keys() - {"event", "data"}:
        raise ValueError(f"an event is an object with data, and may have a name as event, not {event!r}")
    data = event["data"]
    name = f"event: {event['event']}\n" if "event" in event else ""
    return f"{name}data: {data if isinstance(data, str) else _write_json(data, fields)}\n\n"


def encode_request_body(content: bytes, content_type: str) -> Body:
    """A request's body as fields to show and to compare; JSON lacks its layout and the credentials in it."""
    if content_type.lower().startswith("multipart/"):
        parts = _parse_parts(content, content_type)
        if parts is not None:
            return {"multipart": parts}
    encoded = encode_body(content)
    encoded.pop("layout", None)
    try:
        if "text" in encoded:
            encoded = {"json": json.loads(encoded["text"])}
        if "json" in encoded:
            return {"json": mask_body(encoded["json"])}
    except (ValueError, RecursionError):
        return encoded
    return _digest(content) if "base64" in encoded else encoded


def _digest(content: bytes) -> Body:
    return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


def _parse_parts(content: bytes, content_type: str) -> list[Body] | None:
    """The parts of a form: a file by its digest. The boundary between them is another in every request."""
    header = Message()
    header["content-type"] = content_type
    boundary = header.get_boundary()
    if not boundary:
        return None
    pieces = content.split(b"--" + boundary.encode("utf-8", "surrogateescape"))
    return [_parse_part(piece) for piece in pieces[1:-1]]


def _parse_part(piece: bytes) -> Body:
    head, _, body = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    named = dict(re.findall(r'\b(name|filename)="([^"]*)"', head.decode("utf-8", "replace")))
    body = body.removesuffix(b"\r\n")
    if "filename" in named:
        return {**named, **_digest(body)}
    encoded = encode_body(body)
    return {**named, **(_digest(body) if "base64" in encoded else encoded)}
