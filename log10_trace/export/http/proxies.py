"""Through a proxy to a server: CONNECT of HTTP, and SOCKS 5 (RFC 1928, 1929)."""

from __future__ import annotations

from base64 import b64encode
from typing import Final

import h11

from log10_trace.export.http.address import Address
from log10_trace.export.http.deadline import Deadline
from log10_trace.export.http.events import read_events
from log10_trace.export.http.streams import Stream

_CHOOSE: Final = b"\x05\x01\x00"
_CHOOSE_WITH_PASSWORD: Final = b"\x05\x02\x00\x02"
_WITHOUT_PASSWORD: Final = 0
_WITH_PASSWORD: Final = 2
_ADDRESS_BYTES: Final = {1: 4, 4: 16}
"""How long the address in a SOCKS answer is, by its type; a name has a length of its own."""


class ProxyError(OSError):
    """A proxy does not let a connection through."""


def describe_proxy(proxy: Address) -> str:
    """The proxy's URL as a message may show it: without user and password."""
    return f"the proxy {proxy}"


def authorization(proxy: Address) -> list[tuple[str, str]]:
    """The header with the proxy's user and password, where its URL has them."""
    if not proxy.username:
        return []
    pair = f"{proxy.username}:{proxy.password}".encode()
    return [("Proxy-Authorization", f"Basic {b64encode(pair).decode()}")]


def open_tunnel(stream: Stream, proxy: Address, server: Address, deadline: Deadline) -> None:
    """Have an HTTP proxy connect to a server.

    Raises:
        ProxyError: it refuses.
        OSError: the connection broke, or the deadline passed.
    """
    http = h11.Connection(h11.CLIENT)
    headers = [("Host", server.authority), *authorization(proxy)]
    request = http.send(h11.Request(method="CONNECT", target=server.authority, headers=headers))
    stream.send((request or b"") + (http.send(h11.EndOfMessage()) or b""), deadline)
    for event in read_events(http, stream, deadline):
        if isinstance(event, h11.Response):
            if not 200 <= event.status_code < 300:  # noqa: PLR2004 -- HTTP's own classes
                status_line = f"{event.status_code} {event.reason.decode('latin-1')}".strip()
                raise ProxyError(f"{describe_proxy(proxy)} answers {status_line}")
            return


def open_socks(stream: Stream, proxy: Address, server: Address, deadline: Deadline) -> None:
    """Have a SOCKS proxy connect to a server, whose name it looks up.

    Raises:
        ProxyError: it refuses.
        OSError: the connection broke, or the deadline passed.
    """
    stream.send(_CHOOSE_WITH_PASSWORD if proxy.username else _CHOOSE, deadline)
    method = _collect(stream, b"", 2, deadline)[1]
    if method == _WITH_PASSWORD and proxy.username:
        user, password = proxy.username.encode(), proxy.password.encode()
        stream.send(b"\x01" + _prefix_length(user) + _prefix_length(password), deadline)
        if _collect(stream, b"", 2, deadline)[1]:
            raise ProxyError(f"{describe_proxy(proxy)} does not take the user and the password")
    elif method != _WITHOUT_PASSWORD:
        wants = "does not take" if proxy.username else "asks for"
        raise ProxyError(f"{describe_proxy(proxy)} {wants} a user and a password")
    host, port = server.host, server.port
    stream.send(b"\x05\x01\x00\x03" + _prefix_length(host.encode()) + port.to_bytes(2, "big"), deadline)
    # The fifth byte is the length of the address where that is a name.
    answer = _collect(stream, b"", 5, deadline)
    if answer[1]:
        raise ProxyError(f"{describe_proxy(proxy)} cannot connect to {host}:{port} (SOCKS error {answer[1]})")
    _collect(stream, answer, 6 + _ADDRESS_BYTES.get(answer[3], 1 + answer[4]), deadline)


def _prefix_length(text: bytes) -> bytes:
    return bytes((min(len(text), 255),)) + text[:255]


def _collect(stream: Stream, begin: bytes, size: int, deadline: Deadline) -> bytes:
    """What comes, after ``begin``, until ``size`` bytes are there."""
    while len(begin) < size:
        piece = stream.receive(deadline)
        if not piece:
            raise ProxyError("the proxy closed the connection")
        begin += piece
    return begin
