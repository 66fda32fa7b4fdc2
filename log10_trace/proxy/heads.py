"""The heads of requests and responses as they are passed on: hop-by-hop fields go, all else stays. Pure.

Fields keep their order and their spelling. What says how a body is framed is written anew for each connection
(RFC 9112, section 6); ``Connection`` and what it names end here (RFC 9110, section 7.6.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

Fields = list[tuple[bytes, bytes]]

TAGS: Final = b"x-log10-tags"
SESSION: Final = b"x-log10-session"
METADATA: Final = b"x-log10-metadata"
OWN_FIELDS: Final = frozenset((TAGS, SESSION, METADATA))
"""What clients tell the proxy alone."""

_HOP_BY_HOP: Final = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"te", b"upgrade"))
_BODILESS: Final = (204, 304)
_FRAMING: Final = frozenset((b"content-length", b"transfer-encoding", b"host"))
"""Fields that ``Connection`` cannot take away."""


@dataclass(slots=True)
class RequestHead:
    """The head of a request."""

    method: bytes
    target: bytes
    """As the client wrote it."""
    fields: Fields
    version: str
    """``1.1`` or ``1.0``."""
    keep_alive: bool
    path: bytes = b""
    """The path and query that the target is asked for."""

    @property
    def is_chunked(self) -> bool:
        """Whether its body is sent in chunks."""
        return find(self.fields, b"transfer-encoding") is not None


@dataclass(slots=True)
class ResponseHead:
    """The head of a response."""

    status: int
    reason: bytes
    fields: Fields
    is_answer_to_head: bool = False
    """Whether the request was HEAD."""

    @property
    def is_chunked(self) -> bool:
        """Whether its body comes in chunks."""
        return find(self.fields, b"transfer-encoding") is not None

    @property
    def has_length(self) -> bool:
        """Whether it says how long its body is."""
        return find(self.fields, b"content-length") is not None

    @property
    def has_body(self) -> bool:
        """Whether a body follows it, which may be empty."""
        return not (self.is_answer_to_head or self.is_interim or self.status in _BODILESS)

    @property
    def is_interim(self) -> bool:
        """Whether another head follows it."""
        return 100 <= self.status < 200  # noqa: PLR2004 -- the class of interim responses


def find(fields: Fields, name: bytes) -> bytes | None:
    """The value of the first field of this name, which is in lower case."""
    return next((value for each, value in fields if each.lower() == name), None)


def has_token(fields: Fields, name: bytes, token: bytes) -> bool:
    """Whether a list such as ``Connection`` has this token, which is in lower case."""
    return token in _tokens(fields, name)


def _tokens(fields: Fields, name: bytes) -> set[bytes]:
    values = (value for each, value in fields if each.lower() == name)
    return {token.strip().lower() for value in values for token in value.split(b",")}


def _end_to_end(fields: Fields) -> Fields:
    """The fields that are passed on, framing included."""
    dropped = _HOP_BY_HOP | (_tokens(fields, b"connection") - _FRAMING)
    return [(name, value) for name, value in fields if name.lower() not in dropped]


def write_request(head: RequestHead, authority: bytes, origin: bytes, added: Fields) -> bytes:
    """The head as the target gets it: its own host, and nothing that is meant for the proxy.

    Args:
        head: The head that came.
        authority: The value of ``Host``.
        origin: Scheme and host before the path, where a further proxy passes the request on.
        added: Fields for that further proxy.
    """
    lines = [b"%s %s%s HTTP/1.1" % (head.method, origin, head.path)]
    fields = [each for each in _end_to_end(head.fields) if each[0].lower() not in OWN_FIELDS]
    fields += added
    if find(fields, b"host") is None:
        lines.append(b"Host: " + authority)
    lines += [name + b": " + (authority if name.lower() == b"host" else value) for name, value in fields]
    return b"\r\n".join((*lines, b"", b""))


def write_without_upgrade(head: RequestHead) -> bytes:
    """The head as the client wrote it, but for the offer to speak another protocol."""
    dropped = (b"connection", b"upgrade", b"http2-settings")
    lines = [name + b": " + value for name, value in head.fields if name.lower() not in dropped]
    if has_token(head.fields, b"connection", b"close"):
        lines.append(b"Connection: close")
    start = b"%s %s HTTP/%s" % (head.method, head.target, head.version.encode())
    return b"\r\n".join((start, *lines, b"", b""))


def write_response(head: ResponseHead, *, is_chunked: bool, closes: bool) -> bytes:
    """The head as the client gets it.

    Args:
        head: The head that came.
        is_chunked: Whether the body goes to the client in chunks.
        closes: Whether the connection to the client ends with the response.
    """
    lines = [b"HTTP/1.1 %d %s" % (head.status, head.reason)]
    lines += [
        name + b": " + value
        for name, value in _end_to_end(head.fields)
        if is_chunked or name.lower() != b"transfer-encoding"
    ]
    if closes and not head.is_interim:
        lines.append(b"Connection: close")
    return b"\r\n".join((*lines, b"", b""))


def write_chunk(pieces: list[bytes]) -> bytes:
    """The pieces as one chunk."""
    data = b"".join(pieces)
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def write_last_chunk(trailers: Fields) -> bytes:
    """The end of a body in chunks, without trailers that say how a body is framed or where it goes."""
    dropped = _HOP_BY_HOP | _FRAMING | OWN_FIELDS
    lines = (b"%b: %b\r\n" % (name, value) for name, value in trailers if name.lower() not in dropped)
    return b"".join((b"0\r\n", *lines, b"\r\n"))


def make_error(status: int, body: bytes) -> ResponseHead:
    """The head of a response of the proxy's own, with a JSON body."""
    fields = [(b"Content-Type", b"application/json"), (b"Content-Length", b"%d" % len(body))]
    return ResponseHead(status, HTTPStatus(status).phrase.encode(), fields)
