"""Bytes pass unchanged both ways, as they come."""

from __future__ import annotations

import asyncio
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.proxy.conftest import (
    PATIENCE_S,
    RunningProxy,
    read_all,
    read_response,
    read_until,
    running_proxy,
)
from tests.raw_server import Peer, raw_server


@dataclass
class Upstream:
    """A server that answers each request with bytes of the test's, and notes what it received."""

    answers: queue.Queue[bytes | Callable[[Peer], None]] = field(default_factory=queue.Queue)
    received: queue.Queue[tuple[bytes, bytes]] = field(default_factory=queue.Queue)
    connections: int = 0
    closes: bool = True
    """Whether a connection ends after its first answer."""

    def serve(self, peer: Peer) -> None:
        """Serve one connection."""
        self.connections += 1
        while head := peer.head():
            chunked = b"transfer-encoding: chunked" in head.lower()
            length = b"content-length:" in head.lower()
            body = read_chunked(peer) if chunked else peer.exactly(length_of(head)) if length else b""
            self.received.put((head, body))
            answer = self.answers.get(timeout=PATIENCE_S)
            if callable(answer):
                answer(peer)
            else:
                peer.say(answer)
            if self.closes:
                return


def length_of(head: bytes) -> int:
    line = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return int(line.partition(b":")[2])


def read_chunked(peer: Peer) -> bytes:
    """A body in chunks, with its framing."""
    data = b""
    while not data.endswith(b"0\r\n\r\n"):
        data += peer.exactly(1)
    return data


@contextmanager
def between(*, closes: bool = True) -> Iterator[tuple[RunningProxy, Upstream, int]]:
    """A proxy, the server behind it, and the port of that."""
    upstream = Upstream(closes=closes)
    with raw_server(upstream.serve) as server, running_proxy(f"{server.url}/v1") as proxy:
        yield proxy, upstream, server.port


def test_a_request_arrives_as_it_was_sent() -> None:
    """Method, path, query, names and values of fields in their spelling and order, and the body."""
    with between() as (proxy, upstream, port):
        upstream.answers.put(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        head = (
            b"PATCH /v1/a%2Fb//c;x?q=%20&&key=K HTTP/1.1\r\nhost: HOST\r\n"
            b"X-One: a\r\nAuthorization: Bearer sk-1\r\nx-TWO:  b, c \r\n"
            b"X-One: d\r\nCookie: s=1\r\nX-Empty:\r\ncontent-length: 4\r\n"
        )
        proxy.ask(head + b"Connection: close\r\n\r\n\x00\xff\r\n")
        received = upstream.received.get(timeout=PATIENCE_S)

    expected = (
        head.replace(b"HOST", b"127.0.0.1:%d" % port)
        .replace(b"  b, c", b" b, c")
        .replace(b"Empty:", b"Empty: ")
    )
    assert received == (expected + b"\r\n", b"\x00\xff\r\n")


@pytest.mark.parametrize(
    "method", [b"GET", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"POST", b"QUERY"]
)
def test_every_method_passes(method: bytes) -> None:
    """With and without a body; none of them is recorded for a path that is no endpoint."""
    with between() as (proxy, upstream, _):
        upstream.answers.put(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        answer = proxy.ask(method + b" /v1/files HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        head, _ = upstream.received.get(timeout=PATIENCE_S)
        records = proxy.sink.records

    assert head.startswith(method + b" /v1/files HTTP/1.1\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert records == []


def test_fields_of_one_connection_alone_are_not_passed_on() -> None:
    """RFC 9110, section 7.6.1, both ways; the framing of a body cannot be taken away by ``Connection``."""
    with between() as (proxy, upstream, _):
        upstream.answers.put(
            b"HTTP/1.1 200 OK\r\nConnection: X-Drop, close\r\nX-Drop: 1\r\nKeep-Alive: timeout=5\r\n"
            b"Proxy-Connection: x\r\nUpgrade: h2\r\nX-Keep: 2\r\nContent-Length: 1\r\n\r\nA"
        )
        answer = proxy.ask(
            b"POST /v1/files HTTP/1.1\r\nHost: a\r\nConnection: close, X-Mine, Content-Length, Host\r\n"
            b"X-Mine: 1\r\nKeep-Alive: 1\r\nTE: trailers\r\nX-Keep: 2\r\nContent-Length: 2\r\n\r\nhi"
        )
        head, body = upstream.received.get(timeout=PATIENCE_S)

    names = [line.partition(b":")[0].lower() for line in head.split(b"\r\n")[1:-2]]
    assert names == [b"host", b"x-keep", b"content-length"]
    assert body == b"hi"
    assert read_response(answer)[2:] == (
        [("X-Keep", "2"), ("Content-Length", "1"), ("Connection", "close")],
        b"A",
    )


ANSWERS = {
    "length": b"HTTP/1.1 200 Fine by me\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 3\r\n\r\nabc",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;e=1\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    "no body": b"HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n",
    "not modified": b"HTTP/1.1 304 Not Modified\r\nETag: x\r\nContent-Length: 9\r\n\r\n",
    "empty": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "coded": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b!",
    "no reason": b"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok",
    "latin-1": b"HTTP/1.1 200 OK\r\nX-Name: Troms\xf8\r\nContent-Length: 2\r\n\r\nok",
    "unknown status": b"HTTP/1.1 799 Odd\r\nContent-Length: 2\r\n\r\nok",
    "redirect": b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://else/x\r\nContent-Length: 0\r\n\r\n",
    "until closed": b"HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\nall there is",
    "1.0": b"HTTP/1.0 200 OK\r\nX-A: 1\r\n\r\nall there is",
}


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
@pytest.mark.parametrize("path", [b"files", b"chat/completions"])
def test_a_response_arrives_as_from_the_server(name: str, version: bytes, path: bytes) -> None:
    """Status, reason, fields and body are those of a direct call, whether it is recorded or not."""
    with between() as (proxy, upstream, _):
        upstream.answers.put(ANSWERS[name])
        answer = proxy.ask(
            b"POST /v1/%s HTTP/%s\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
            % (path, version)
        )

    status, reason, fields, body = read_response(answer)
    expected = read_response(ANSWERS[name])
    fields = [each for each in fields if each != ("Connection", "close")]
    if version == b"1.0":
        expected[2][:] = [each for each in expected[2] if each[0] != "Transfer-Encoding"]
    assert (status, reason, fields, body) == expected


def test_the_answer_to_head_has_no_body() -> None:
    """Its ``Content-Length`` is that of the answer to GET, and the connection goes on."""
    with between(closes=False) as (proxy, upstream, _):
        upstream.answers.put(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n")
        upstream.answers.put(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc")
        with proxy.connect() as connection:
            connection.sendall(b"HEAD /v1/x HTTP/1.1\r\nHost: a\r\n\r\n")
            head = read_until(connection, b"\r\n\r\n")
            connection.sendall(b"GET /v1/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            rest = read_all(connection)

        assert head == b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
        assert rest == b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc"
        assert upstream.connections == 1


def test_interim_responses_pass() -> None:
    """100 and 103 come before the response; a client that waits for 100 sends its body then."""

    def answer(peer: Peer) -> None:
        peer.say(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        assert peer.exactly(2) == b"hi"
        peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nA")

    def serve(peer: Peer) -> None:
        assert b"\r\nExpect: 100-continue\r\n" in peer.head()
        answer(peer)

    with raw_server(serve) as server, running_proxy(server.url) as proxy, proxy.connect() as connection:
        connection.sendall(
            b"POST /chat/completions HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
            b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        )
        interim = read_until(connection, b"</a>\r\n\r\n")
        assert proxy.sink.shown == []
        connection.sendall(b"hi")
        rest = read_all(connection)

    assert interim == b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    assert rest == b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nA"


def test_a_response_before_the_end_of_the_request_is_passed() -> None:
    """A server that refuses a large body is heard, though the body is never whole."""

    def serve(peer: Peer) -> None:
        peer.head()
        peer.answer(b"too large", status=b"413 Content Too Large")

    with raw_server(serve) as server, running_proxy(server.url) as proxy, proxy.connect() as connection:
        connection.sendall(b"POST /chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n{")
        answer = read_all(connection)
        (record,) = proxy.sink.wait_for()

    assert read_response(answer)[0] == 413
    assert read_response(answer)[3] == b"too large"
    assert (record["status"], record["request"]) == ("failed", "{")


def test_trailers_pass_both_ways() -> None:
    """Fields behind the last chunk come behind the last chunk."""

    def serve(peer: Peer) -> None:
        peer.head()
        said = b""
        while not said.endswith(b"X-Sum: 1\r\n\r\n"):
            said += peer.exactly(1)
        received.append(said)
        peer.say(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX-B: 2\r\nX-C: 3\r\n\r\n"
        )

    received: list[bytes] = []
    with raw_server(serve) as server, running_proxy(server.url) as proxy:
        answer = proxy.ask(
            b"POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"2\r\nhi\r\n0\r\nTE: x\r\nX-Log10-Tags: a\r\nX-Sum: 1\r\n\r\n"
        )

    assert received == [b"2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n"]
    assert answer.endswith(b"\r\n\r\n2\r\nab\r\n0\r\nX-B: 2\r\nX-C: 3\r\n\r\n")


@pytest.mark.parametrize("framing", ["chunks", "length", "until closed"])
def test_a_stream_passes_as_it_comes(framing: str) -> None:
    """Each event reaches the client before the next one is sent."""
    go_on = queue.Queue[bytes]()

    def serve(peer: Peer) -> None:
        peer.request()
        fields = {"chunks": b"Transfer-Encoding: chunked\r\n", "length": b"Content-Length: 33\r\n"}
        peer.say(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n%s\r\n" % fields.get(framing, b""))
        while event := go_on.get(timeout=PATIENCE_S):
            peer.say(b"%x\r\n%s\r\n" % (len(event), event) if framing == "chunks" else event)
        peer.say(b"0\r\n\r\n" if framing == "chunks" else b"")

    with raw_server(serve) as server, running_proxy(server.url) as proxy, proxy.connect() as connection:
        connection.sendall(
            b"POST /chat/completions HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
        )
        seen = b""
        for event in (b"data: 1\n\n", b"data: two\n\n", b"data: [3,3]\n\n"):
            go_on.put(event)
            seen += read_until(connection, event)
        go_on.put(b"")
        seen += read_all(connection)

    assert read_response(seen)[3] == b"data: 1\n\ndata: two\n\ndata: [3,3]\n\n"
    assert seen.endswith(b"0\r\n\r\n") == (framing == "chunks")


def test_an_upload_passes_as_it_comes() -> None:
    """The server has the first piece before the client sends the second."""
    got = queue.Queue[bytes]()

    def serve(peer: Peer) -> None:
        peer.head()
        for size in (5, 6):
            got.put(peer.exactly(size))
        peer.answer(b"ok")

    with raw_server(serve) as server, running_proxy(server.url) as proxy, proxy.connect() as connection:
        connection.sendall(
            b"POST /files HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 11\r\n\r\nfirst"
        )
        assert got.get(timeout=PATIENCE_S) == b"first"
        connection.sendall(b"second")
        assert got.get(timeout=PATIENCE_S) == b"second"
        assert read_all(connection).endswith(b"ok")


CUTS = {
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ndata:\r\n",
    "in a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata:",
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ndata:",
}


@pytest.mark.parametrize("name", CUTS)
def test_a_response_that_breaks_off_breaks_off_for_the_client(name: str) -> None:
    """The client has every byte that came, and no clean end; the record has failed, with what came."""
    with between() as (proxy, upstream, _):
        upstream.answers.put(CUTS[name])
        answer = proxy.ask(b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
        (record,) = proxy.sink.wait_for()

    assert b"data:" in answer
    assert not answer.endswith(b"0\r\n\r\n")
    with pytest.raises(Exception, match=r"IncompleteRead"):
        read_response(answer)
    assert (record["status"], record["failure_kind"]) == ("failed", "RemoteProtocolError")


def test_a_client_that_leaves_ends_the_request_to_the_server() -> None:
    """The server sees its connection closed."""
    gone = threading.Event()

    def serve(peer: Peer) -> None:
        peer.request()
        peer.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ndata:\r\n")
        try:
            while peer.connection.recv(100):
                pass
        except ConnectionResetError:
            pass
        gone.set()

    with raw_server(serve) as server, running_proxy(server.url) as proxy:
        with proxy.connect() as connection:
            connection.sendall(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
            read_until(connection, b"data:")
        assert gone.wait(PATIENCE_S)


def test_connections_are_used_again() -> None:
    """Three requests over one connection of the client need one connection to the server."""
    with between(closes=False) as (proxy, upstream, _), proxy.connect() as connection:
        for number in range(3):
            upstream.answers.put(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number)
            connection.sendall(b"POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
            assert read_until(connection, b"\r\n\r\n%d" % number)
        assert upstream.connections == 1


def test_a_connection_that_the_server_ends_is_not_used_again() -> None:
    """Closed or said to be closed: the next request has a new one."""
    with between() as (proxy, upstream, _), proxy.connect() as connection:
        for number in range(3):
            upstream.answers.put(
                b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n%d" % number
            )
            connection.sendall(b"POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
            read_until(connection, b"\r\n\r\n%d" % number)
        assert upstream.connections == 3


def test_requests_sent_at_once_are_answered_in_turn() -> None:
    """A client that does not wait for one response before its next request gets both, in order."""
    with between(closes=False) as (proxy, upstream, _):
        upstream.answers.put(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1")
        upstream.answers.put(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2")
        answer = proxy.ask(
            b"POST /v1/a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
            b"GET /v1/b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        )
        heads = [upstream.received.get(timeout=PATIENCE_S)[0] for _ in range(2)]

    assert answer.endswith(b"\r\n\r\n2")
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert [head.split(b" ")[1] for head in heads] == [b"/v1/a", b"/v1/b"]


def test_an_offer_of_another_protocol_is_not_taken_up() -> None:
    """As Java's client sends it with its first request: it is answered in HTTP/1.1, body and all."""
    with between() as (proxy, upstream, _):
        upstream.answers.put(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nA")
        proxy.ask(
            b"POST /v1/x HTTP/1.1\r\nHost: a\r\nConnection: close, Upgrade, HTTP2-Settings\r\n"
            b"Upgrade: h2c\r\nHTTP2-Settings: AAE\r\nContent-Length: 5\r\n\r\nhello"
        )
        head, body = upstream.received.get(timeout=PATIENCE_S)

    assert b"upgrade" not in head.lower()
    assert body == b"hello"


async def waiting_bytes(proxy: RunningProxy) -> int:
    """What the proxy holds for its clients."""
    return sum(client._transport.get_write_buffer_size() for client in proxy.proxy.clients)


def test_a_slow_client_slows_the_server_down() -> None:
    """What a client does not read does not gather in the proxy."""
    size = 48 << 20
    with between() as (proxy, upstream, _), proxy.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        sent = threading.Event()

        def answer(peer: Peer) -> None:
            peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            peer.say(bytes(size))
            sent.set()

        upstream.answers.put(answer)
        connection.sendall(b"GET /v1/files/f/content HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        received = len(read_until(connection, b"\r\n\r\n").partition(b"\r\n\r\n")[2])
        assert not sent.is_set()
        largest = 0
        while piece := connection.recv(1 << 20):
            received += len(piece)
            waiting = asyncio.run_coroutine_threadsafe(waiting_bytes(proxy), proxy.loop)
            largest = max(largest, waiting.result(PATIENCE_S))

    assert received == size
    assert largest < 4 << 20


@pytest.fixture(scope="module")
def echo() -> Iterator[tuple[int, int]]:
    """The ports of a server that sends back what it gets, and of a proxy to it."""

    def serve(peer: Peer) -> None:
        while head := peer.head():
            body = peer.exactly(length_of(head)) if b"content-length" in head.lower() else parse_chunks(peer)
            sizes = [int(each) for each in head.split(b"X-Sizes: ")[1].split(b"\r\n")[0].split(b",")]
            peer.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for piece in cut(body, sizes):
                peer.say(b"%X\r\n%s\r\n" % (len(piece), piece))
            peer.say(b"0\r\n\r\n")

    with raw_server(serve) as server, running_proxy(server.url) as proxy:
        yield server.port, proxy.port


def parse_chunks(peer: Peer) -> bytes:
    """The body without its framing."""
    body = b""
    while True:
        line = peer.exactly(1)
        while not line.endswith(b"\r\n"):
            line += peer.exactly(1) or b"cut\r\n"
        size = int(line, 16)
        body += peer.exactly(size)
        peer.exactly(2)
        if not size:
            return body


def cut(body: bytes, sizes: list[int]) -> list[bytes]:
    """The body in pieces of these sizes, again and again."""
    pieces = []
    while body:
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(body[:size])
        body = body[size:]
    return pieces


@given(
    body=st.binary(max_size=3000),
    sizes=st.lists(st.integers(1, 700), min_size=1, max_size=5),
    chunked=st.booleans(),
    path=st.sampled_from([b"/files", b"/chat/completions", b"/responses"]),
)
@settings(max_examples=60)
def test_any_body_in_any_pieces_passes_unchanged(
    echo: tuple[int, int], body: bytes, sizes: list[int], chunked: bool, path: bytes
) -> None:
    """What a client sends, cut anywhere, comes back the same, cut anywhere."""
    _, port = echo
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(body)
    pieces = cut(body, sizes)
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as connection:
        connection.sendall(
            b"POST %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Sizes: %s\r\n%s\r\n\r\n"
            % (path, b",".join(b"%d" % size for size in sizes), framing)
        )
        for piece in pieces:
            connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
        connection.sendall(b"0\r\n\r\n" if chunked else b"")
        answer = read_all(connection)

    assert read_response(answer)[3] == body
