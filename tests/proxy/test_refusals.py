"""What the proxy does not pass on: it goes to one host, in one reading."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from log10_trace.errors import SetupError
from log10_trace.proxy.target import parse_target
from tests.proxy.conftest import RunningProxy, read_all, read_response, read_until, running_proxy
from tests.raw_server import Peer, raw_server

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


class Heads(list[bytes]):
    """The heads that reached the server."""


@pytest.fixture
def heads() -> Heads:
    return Heads()


@pytest.fixture
def proxy(heads: Heads) -> Iterator[RunningProxy]:
    """A proxy to a server that notes every head."""

    def serve(peer: Peer) -> None:
        while head := peer.head():
            heads.append(head)
            peer.answer(b"hello")

    with raw_server(serve) as server, running_proxy(f"{server.url}/v1") as running:
        yield running


REFUSED = {
    "length and chunks": (
        400,
        b"POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    "chunks and length": (
        400,
        b"POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    ),
    "two lengths": (
        400,
        b"POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    ),
    "a sign": (400, b"POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: +2\r\n\r\nab"),
    "a bare LF": (400, b"GET /v1/x HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"),
    "a bare CR": (400, b"GET /v1/x HTTP/1.1\r\nHost: a\r\nX: b\rc\r\n\r\n"),
    "a NUL": (400, b"GET /v1/x HTTP/1.1\r\nHost: a\r\nX: b\x00c\r\n\r\n"),
    "a folded line": (400, b"GET /v1/x HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n"),
    "a space before the colon": (400, b"POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length : 2\r\n\r\nab"),
    "a chunk that lies": (
        400,
        b"POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
    ),
    "another coding": (
        501,
        b"POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    ),
    "a coding that is none": (501, b"POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n"),
    "chunks in 1.0": (501, b"POST /v1/x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "two hosts": (400, b"GET /v1/x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    "no host": (400, b"GET /v1/x HTTP/1.1\r\n\r\n"),
    "no HTTP": (400, b"EHLO there\r\n\r\n"),
    "HTTP/2": (505, b"GET /v1/x HTTP/2.0\r\nHost: a\r\n\r\n"),
    "a URL": (400, b"GET http://elsewhere/v1/x HTTP/1.1\r\nHost: elsewhere\r\n\r\n"),
    "CONNECT": (501, b"CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere:443\r\n\r\n"),
    "an asterisk": (400, b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
    "dots": (400, b"GET /v1/../admin HTTP/1.1\r\nHost: a\r\n\r\n"),
    "encoded dots": (400, b"GET /v1/%2e%2E/admin HTTP/1.1\r\nHost: a\r\n\r\n"),
    "dots behind a backslash": (400, b"GET /v1/x\\..\\admin HTTP/1.1\r\nHost: a\r\n\r\n"),
    "dots between encoded slashes": (400, b"GET /v1/x%2f..%2fadmin HTTP/1.1\r\nHost: a\r\n\r\n"),
    "a WebSocket": (
        501,
        b"GET /v1/realtime HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    ),
    "a head without end": (431, b"GET /v1/x HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 70_000 + b"\r\nY: "),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_request_is_refused(proxy: RunningProxy, heads: Heads, name: str) -> None:
    """The client gets an error in the API's shape, and what stands behind the request is not read."""
    status, request = REFUSED[name]
    answer = proxy.ask(request + SMUGGLED)

    assert read_response(answer)[0] == status
    error = json.loads(read_response(answer)[3])["error"]
    assert error["type"] == "log10_trace_proxy_error"
    assert error["message"]
    assert not [head for head in heads if b"smuggled" in head]
    assert proxy.sink.records == []


@pytest.mark.parametrize("name", ["a WebSocket", "CONNECT", "a bare LF", "a URL"])
def test_what_is_refused_behind_another_request_costs_that_one_nothing(
    proxy: RunningProxy, heads: Heads, name: str
) -> None:
    """Sent in one piece: the first is answered, and the connection ends."""
    answer = proxy.ask(b"GET /v1/x HTTP/1.1\r\nHost: a\r\n\r\n" + REFUSED[name][1])

    assert answer.endswith(b"hello")
    assert [head.split(b" ")[1] for head in heads] == [b"/v1/x"]


def test_a_body_that_goes_wrong_in_the_middle_of_a_response() -> None:
    """The response is broken off rather than followed by another; the record says interrupted."""

    def serve(peer: Peer) -> None:
        peer.head()
        peer.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ndata:\r\n")
        peer.closing.wait()

    with raw_server(serve) as server, running_proxy(server.url) as proxy, proxy.connect() as connection:
        connection.sendall(
            b"POST /chat/completions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        read_until(connection, b"data:\r\n")
        connection.sendall(b"ZZ\r\n")
        rest = read_all(connection)
        (record,) = proxy.sink.wait_for()

    assert rest == b""
    assert record["interrupted"] is True


@pytest.mark.parametrize(
    ("requested", "passed"),
    [
        (b"/v1/x?a=b", b"/v1/x?a=b"),
        (b"/x?a=../b", b"/v1/x?a=../b"),
        (b"//elsewhere/x", b"/v1//elsewhere/x"),
        (b"/v1", b"/v1"),
        (b"/v10/x", b"/v1/v10/x"),
        (b"/", b"/v1/"),
        (b"/v1/a..b/...", b"/v1/a..b/..."),
        (b"/@elsewhere/x", b"/v1/@elsewhere/x"),
    ],
)
def test_the_host_and_the_path_below_it_stay(
    proxy: RunningProxy, heads: Heads, requested: bytes, passed: bytes
) -> None:
    """Whatever ``Host`` and ``Origin`` say, the request goes to the target, below its path."""
    proxy.ask(
        b"GET %s HTTP/1.1\r\nHost: elsewhere\r\nOrigin: http://elsewhere\r\nConnection: close\r\n\r\n"
        % requested
    )

    (head,) = heads
    assert head.split(b" ")[1] == passed
    assert b"\r\nHost: 127.0.0.1:" in head
    assert b"\r\nOrigin: http://elsewhere\r\n" in head


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("api.openai.com", "it is not a URL"),
        ("ftp://a/v1", "it is not a URL"),
        ("http://", "it is not a URL"),
        ("http://a:b/v1", "Port"),
        ("http://user:sk-secret@a/v1", "user name or a password"),
        ("http://a/v1?key=sk-secret", "query"),
        ("http://a/v 1", "not ASCII|encoded"),
        ("http://ä/v1", "not ASCII"),
    ],
)
def test_a_target_that_cannot_be_used(url: str, reason: str) -> None:
    """The error names the option and the reason, and no secret of the URL."""
    with pytest.raises(SetupError, match=reason) as raised:
        parse_target(url)

    assert "--to" in str(raised.value)
    assert "sk-secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "authority", "prefix", "port"),
    [
        ("https://api.openai.com/v1/", "api.openai.com", "/v1", 443),
        ("http://localhost:11434", "localhost:11434", "", 11434),
        ("http://[::1]:8000/v1", "[::1]:8000", "/v1", 8000),
        ("HTTPS://A.example:443/openai/v1", "a.example", "/openai/v1", 443),
    ],
)
def test_a_target(url: str, authority: str, prefix: str, port: int) -> None:
    """The host as it stands in ``Host``, the path without a slash at its end, the port of the scheme."""
    target = parse_target(url)

    assert (target.authority, target.prefix, target.port) == (authority, prefix, port)
