"""A connection to a completions API: kept open, through proxies, over TLS."""

from __future__ import annotations

import gzip
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from log10_trace.export.delivery.responses import RecordResult
from log10_trace.export.delivery.server import Server
from log10_trace.export.delivery.transport import Transport
from log10_trace.export.spool.outbound_record import OutboundRecord
from tests.certificates import Authority, make_authority
from tests.raw_server import Peer, raw_server

TAKEN = b'{"results": [{"id": "1", "status": 201}]}'
RECORD = OutboundRecord("1", (b'{"id":"1"}',))
NAME = "log.example.test"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return make_authority(tmp_path)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def send(url: str, transport: Transport | None = None, *, ca_file: Path | None = None) -> RecordResult:
    """What is said to one record."""
    server = Server(url=url, token="our-key", ca_file=ca_file)
    used = transport or Transport()
    answer = used.send(server, [RECORD], 5.0).answers[0]
    if transport is None:
        used.close()
    return answer


def taking(seen: list[bytes]) -> Callable[[Peer], None]:
    """Take every record, and keep the heads of the requests."""

    def serve(peer: Peer) -> None:
        while True:
            head, _ = peer.request()
            if not head:
                return
            seen.append(head)
            peer.answer(TAKEN)

    return serve


def test_a_connection_is_kept_open() -> None:
    """The second delivery needs no second connection."""
    connections: list[Peer] = []
    serve = taking([])

    with raw_server(lambda peer: (connections.append(peer), serve(peer))[1]) as server:
        transport = Transport()
        assert [send(server.url, transport).status for _ in range(3)] == [201] * 3
        transport.close()

    assert len(connections) == 1


def test_a_connection_that_the_server_closed_is_not_used_again() -> None:
    """Nor is one after which the server says that it closes."""

    def once(peer: Peer) -> None:
        peer.request()
        peer.answer(TAKEN, b"Connection: close")

    with raw_server(once) as server:
        transport = Transport()
        assert [send(server.url, transport).status for _ in range(3)] == [201] * 3
        transport.close()


def test_a_connection_that_was_closed_without_a_word_is_not_used_again() -> None:
    """A server may close a connection that is idle, without saying so."""

    def once(peer: Peer) -> None:
        peer.request()
        peer.answer(TAKEN)

    with raw_server(once) as server:
        transport = Transport()
        assert send(server.url, transport).status == 201
        assert transport._connection is not None
        transport._connection._tcp._socket.settimeout(5.0)
        assert transport._connection._tcp._socket.recv(1, 2) == b""  # MSG_PEEK: it is closed now
        assert send(server.url, transport).status == 201
        transport.close()


def test_a_connection_that_is_closed_while_it_is_used_again_costs_no_attempt() -> None:
    """The server found it idle just when the next request came."""
    connections: list[Peer] = []

    def twice_without_an_answer(peer: Peer) -> None:
        connections.append(peer)
        peer.request()
        peer.answer(TAKEN)
        peer.request()

    with raw_server(twice_without_an_answer) as server:
        transport = Transport()
        assert [send(server.url, transport).status for _ in range(3)] == [201] * 3
        transport.close()

    assert len(connections) == 3


def test_a_server_that_never_answers_is_asked_once_an_attempt() -> None:
    """A new connection that is cut is a failure, which says so."""
    connections: list[Peer] = []

    with raw_server(lambda peer: (connections.append(peer), peer.request())[0]) as server:
        answer = send(server.url)

    assert answer.message == "ConnectionResetError: the server closed the connection without an answer"
    assert len(connections) == 1


def test_words_before_the_answer_are_passed_over() -> None:
    """100 Continue and 103 Early Hints are no answers."""

    def serve(peer: Peer) -> None:
        peer.request()
        peer.say(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n")
        peer.answer(TAKEN)

    with raw_server(serve) as server:
        assert send(server.url).status == 201


def test_a_compressed_answer_is_read() -> None:
    """Something in between may compress what it was not asked to."""

    def serve(peer: Peer) -> None:
        peer.request()
        peer.answer(gzip.compress(TAKEN), b"Content-Encoding: gzip")

    with raw_server(serve) as server:
        assert send(server.url).status == 201


def test_an_answer_that_comes_before_all_was_sent_is_heard() -> None:
    """A server that refuses a large request says why, and reads no further."""

    def serve(peer: Peer) -> None:
        peer.head()
        peer.answer(b"{}", b"Connection: close", status=b"413 Too Large")

    large = OutboundRecord("1", (b"x" * 8 * 1024 * 1024,))
    with raw_server(serve) as server:
        transport = Transport()
        (answer,) = transport.send(Server(url=server.url), [large], 5.0).answers
        transport.close()

    assert answer.status in (0, 413)  # the kernel may throw the answer away with the connection
    assert answer.message != "no answer within 5 s"


@pytest.mark.parametrize(
    "said", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"]
)
def test_what_is_no_whole_answer_is_tried_again(said: bytes) -> None:
    """Nothing, another protocol, an answer that breaks off: the record is kept."""

    def serve(peer: Peer) -> None:
        peer.request()
        peer.say(said)

    with raw_server(serve) as server:
        assert send(server.url).disposition.value == "again"


def test_a_proxy_passes_requests_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told the whole address, and its own user and password."""
    seen: list[bytes] = []
    with raw_server(taking(seen)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("//", "//user:pass@"))
        assert send(f"http://{NAME}:8080/base").status == 201

    lines = seen[0].split(b"\r\n")
    assert lines[0] == b"POST http://log.example.test:8080/base/api/v1/completions/batch HTTP/1.1"
    assert b"Host: log.example.test:8080" in lines
    assert b"Proxy-Authorization: Basic " + b64encode(b"user:pass") in lines


def test_certificates_that_came_later_are_seen(tmp_path: Path, authority: Authority) -> None:
    """After an error of the certificate the file is read again, for the administrator may have mended it."""
    (tmp_path / "other").mkdir()
    file = tmp_path / "trusted.pem"
    file.write_bytes(make_authority(tmp_path / "other").file.read_bytes())
    transport = Transport()

    with raw_server(taking([]), authority.context("127.0.0.1")) as server:
        assert "cannot be verified" in send(server.url, transport, ca_file=file).message
        file.write_bytes(authority.file.read_bytes())
        assert send(server.url, transport, ca_file=file).status == 201
        transport.close()


def tunnel(port: int, seen: list[bytes]) -> Callable[[Peer], None]:
    """Connect to the server at ``port`` when told to connect to anything."""

    def serve(peer: Peer) -> None:
        seen.append(peer.head())
        peer.say(b"HTTP/1.1 200 Connection established\r\n\r\n")
        peer.relay("127.0.0.1", port)

    return serve


def test_a_proxy_connects_to_a_server_with_tls(monkeypatch: pytest.MonkeyPatch, authority: Authority) -> None:
    """What passes is encrypted all the way; the proxy learns the name, and not the key."""
    seen: list[bytes] = []
    with (
        raw_server(taking([]), authority.context(NAME)) as server,
        raw_server(tunnel(server.port, seen)) as proxy,
    ):
        monkeypatch.setenv("https_proxy", proxy.url.replace("//", "//user:pass@"))
        transport = Transport()
        for _ in range(2):
            assert send(f"https://{NAME}", transport, ca_file=authority.file).status == 201
        transport.close()

    assert [each.split(b"\r\n")[0] for each in seen] == [b"CONNECT log.example.test:443 HTTP/1.1"]
    assert b"Basic " + b64encode(b"user:pass") in seen[0]
    assert b"our-key" not in seen[0]


def test_a_proxy_may_speak_tls_itself(monkeypatch: pytest.MonkeyPatch, authority: Authority) -> None:
    """TLS to the server then lies in TLS to the proxy."""
    with (
        raw_server(taking([]), authority.context(NAME)) as server,
        raw_server(tunnel(server.port, []), authority.context("127.0.0.1")) as proxy,
    ):
        monkeypatch.setenv("https_proxy", proxy.url)

        assert send(f"https://{NAME}", ca_file=authority.file).status == 201


@pytest.mark.parametrize("user", ["", "user:pass@"])
def test_a_socks_proxy_connects(monkeypatch: pytest.MonkeyPatch, user: str) -> None:
    """It looks the name up, and takes user and password where it asks for them."""
    seen: list[bytes] = []

    def socks(peer: Peer) -> None:
        count = peer.exactly(2)[1]
        assert (2 if user else 0) in peer.exactly(count)
        peer.say(b"\x05\x02" if user else b"\x05\x00")
        if user:
            seen.append(peer.exactly(11))
            peer.say(b"\x01\x00")
        seen.append(peer.exactly(4 + 1 + len(NAME) + 2))
        peer.say(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50")
        peer.relay("127.0.0.1", server.port)

    with raw_server(taking([])) as server, raw_server(socks) as proxy:
        monkeypatch.setenv("all_proxy", f"socks5h://{user}127.0.0.1:{proxy.port}")
        assert send(f"http://{NAME}").status == 201

    assert seen[-1] == b"\x05\x01\x00\x03\x10" + NAME.encode() + b"\x00\x50"
    assert seen[:-1] == ([b"\x01\x04user\x04pass"] if user else [])


@pytest.mark.parametrize(
    ("scheme", "said", "message"),
    [
        (
            "http",
            b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
            "answers 407 Proxy",
        ),
        ("http", b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "answers 502 Bad Gateway"),
        ("socks5", b"\x05\xff", "does not take a user and a password"),
        ("socks5", b"\x05\x00\x05\x05\x00\x01\x00", "cannot connect to log.example.test:443 (SOCKS error 5)"),
        ("socks5", b"", "the proxy closed the connection"),
        ("socks4", b"", "is none of http, https and socks5"),
    ],
)
def test_a_proxy_that_refuses_is_named(
    monkeypatch: pytest.MonkeyPatch, scheme: str, said: bytes, message: str
) -> None:
    """Without its user and its password."""

    def serve(peer: Peer) -> None:
        if scheme == "http":
            peer.head()
            peer.say(said)
            return
        peer.exactly(4)
        peer.say(said[:2])
        if said[2:]:
            peer.exactly(4 + 1 + len(NAME) + 2)
            peer.say(said[2:])

    with raw_server(serve) as proxy:
        monkeypatch.setenv("https_proxy", f"{scheme}://user:secret@127.0.0.1:{proxy.port}")
        answer = send(f"https://{NAME}")

    assert answer.disposition.value == "again"
    assert message in answer.message
    assert "secret" not in answer.message
