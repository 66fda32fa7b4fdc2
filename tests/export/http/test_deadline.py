"""``timeout`` bounds the whole exchange with a server, however slowly it goes on."""

from __future__ import annotations

import _socket
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from log10_trace import threads
from log10_trace.export.delivery.retry import Disposition
from log10_trace.export.delivery.server import Server
from log10_trace.export.delivery.transport import Transport
from log10_trace.export.http.deadline import Deadline
from log10_trace.export.http.lookup import find_addresses
from log10_trace.export.spool.outbound_record import OutboundRecord
from tests.raw_server import Peer, raw_server

OK = b"HTTP/1.1 200 OK\r\n"
RECORD = OutboundRecord("1", (b'{"id":"1"}',))


def trickled_head(peer: Peer) -> None:
    peer.request()
    peer.say(OK + b"X-Slow: ")
    peer.trickle(b"x")


def trickled_headers(peer: Peer) -> None:
    peer.request()
    peer.say(OK)
    peer.trickle(b"X-Slow: x\r\n")


def endless_continue(peer: Peer) -> None:
    peer.request()
    peer.trickle(b"HTTP/1.1 100 Continue\r\n\r\n")


def endless_early_hints(peer: Peer) -> None:
    peer.request()
    peer.trickle(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")


def trickled_body(peer: Peer) -> None:
    peer.request()
    peer.say(OK + b"Content-Length: 1000000\r\n\r\n")
    peer.trickle(b" ")


def trickled_chunks(peer: Peer) -> None:
    peer.request()
    peer.say(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    peer.trickle(b"1\r\n \r\n")


def trickled_trailers(peer: Peer) -> None:
    peer.request()
    peer.say(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n")
    peer.trickle(b"X-Slow: x\r\n")


def silence(peer: Peer) -> None:
    peer.request()
    peer.closing.wait()


def unread(peer: Peer) -> None:
    peer.closing.wait()


@pytest.mark.parametrize(
    "serve",
    [
        trickled_head, trickled_headers, endless_continue, endless_early_hints, trickled_body,
        trickled_chunks, trickled_trailers, silence,
    ],
)  # fmt: skip
def test_an_answer_that_does_not_come_in_time_is_given_up(serve: object) -> None:
    """A byte now and then buys no more time."""
    with raw_server(serve) as server:
        (answer,) = Transport().send(Server(url=server.url), [RECORD], 0.3).answers

    assert (answer.disposition, answer.message) == (Disposition.RETRY, "no answer within 0.3 s")


def test_a_server_that_does_not_read_is_given_up() -> None:
    """What was to be sent does not fit into the buffers in between."""
    large = OutboundRecord("1", (b"x" * 32 * 1024 * 1024,))

    with raw_server(unread) as server:
        (answer,) = Transport().send(Server(url=server.url), [large], 0.3).answers

    assert (answer.disposition, answer.message) == (Disposition.RETRY, "no answer within 0.3 s")


def trickled_handshake(peer: Peer) -> None:
    peer.say(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03")
    peer.trickle(b"x")


@pytest.mark.parametrize("serve", [unread, trickled_handshake])
def test_a_handshake_that_does_not_end_is_given_up(serve: object) -> None:
    """A server that says nothing to TLS, or a byte of it now and then."""
    with raw_server(serve) as server:
        url = server.url.replace("http:", "https:")
        (answer,) = Transport().send(Server(url=url), [RECORD], 0.3).answers

    assert (answer.disposition, answer.message) == (Disposition.RETRY, "no answer within 0.3 s")


@pytest.fixture
def full() -> Iterator[str]:
    """The address of a server that takes no further connection, and does not refuse it either."""
    with ExitStack() as stack, socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_connection_that_does_not_come_about_is_given_up(full: str) -> None:
    """A server that does not accept."""
    (answer,) = Transport().send(Server(url=full), [RECORD], 0.3).answers

    assert (answer.disposition, answer.message) == (Disposition.RETRY, "no answer within 0.3 s")


def test_a_name_server_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next attempt waits for the same question rather than asking another."""
    answers, asked = threading.Event(), []
    look_up = _socket.getaddrinfo

    def slowly(host: str, *args: object, **more: object) -> object:
        asked.append(host)
        answers.wait()
        return look_up("127.0.0.1", *args, **more)

    monkeypatch.setattr(_socket, "getaddrinfo", slowly)
    transport = Transport()
    with raw_server(lambda peer: (peer.request(), peer.answer(b"{}"))) as server:
        named = Server(url=f"http://log.example.test:{server.port}")
        for _ in range(2):
            (answer,) = transport.send(named, [RECORD], 0.3).answers
            assert (answer.disposition, answer.message) == (Disposition.RETRY, "no answer within 0.3 s")
        assert asked == ["log.example.test"]
        answers.set()
        assert transport.send(named, [RECORD], 5.0).answers[0].status == 200
        transport.close()


def test_a_name_is_looked_up_where_no_thread_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the end of the interpreter none does any more: then our own asks, and the main one never."""

    def refuse(run: object, name: str) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    with raw_server(lambda peer: (peer.request(), peer.answer(b"{}"))) as server:
        monkeypatch.setattr(threads, "start", refuse)
        deadline = Deadline(5.0)
        with pytest.raises(OSError, match="the interpreter ends"):
            find_addresses("localhost", server.port, deadline)
        with ThreadPoolExecutor(1) as ours:
            found = ours.submit(find_addresses, "localhost", server.port, deadline).result()
        assert ("127.0.0.1", server.port) in [at[:2] for _, at in found]
        monkeypatch.undo()


@pytest.mark.parametrize(
    ("module", "decides"),
    [("sitecustomize", True), ("gevent._socketcommon", False), ("eventlet.green", False)],
)
def test_the_programs_own_resolver_decides(
    monkeypatch: pytest.MonkeyPatch, module: str, *, decides: bool
) -> None:
    """What stands in the place of Python's resolver is asked, unless it needs the loop of greenlets."""
    look_up = socket.getaddrinfo

    def instead(_: str, *args: Any, **more: Any) -> Any:
        return look_up("127.0.0.2", *args, **more)

    instead.__module__ = module
    monkeypatch.setattr(socket, "getaddrinfo", instead)

    found = {address[0] for _, address in find_addresses("localhost", 80, Deadline(5.0))}

    assert (found == {"127.0.0.2"}) is decides


@pytest.mark.parametrize("host", ["no-such-host.invalid", f"{'x' * 80}.test"])
def test_a_name_that_nobody_has_is_said(host: str) -> None:
    """One that is not known, and one that cannot be."""
    with pytest.raises(OSError, match=r"Name or service not known|no host name|Temporary failure"):
        find_addresses(host, 80, Deadline(30.0))


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_proxy_that_trickles_is_given_up(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    """The way through the proxy counts as well."""
    with raw_server(lambda peer: peer.trickle(b"H" if scheme == "http" else b"")) as proxy:
        monkeypatch.setenv("https_proxy", f"{scheme}://127.0.0.1:{proxy.port}")
        (answer,) = Transport().send(Server(url="https://log.example.test"), [RECORD], 0.3).answers

    assert (answer.disposition, answer.message) == (Disposition.RETRY, "no answer within 0.3 s")


def test_a_deadline_counts_down_on_its_clock() -> None:
    """Every step gets what the ones before have left."""
    now = 100.0
    deadline = Deadline(3.0, lambda: now)

    now = 102.5
    assert deadline.remaining_s() == 0.5

    now = 103.0
    with pytest.raises(TimeoutError, match="longer than 3 s"):
        deadline.remaining_s()


def test_a_doctor_does_not_wait_longer() -> None:
    """A question to the server has the same bound."""
    with raw_server(trickled_headers) as server:
        answer = Transport().get(Server(url=server.url), "/healthz", 0.3)

    assert answer.message == "no answer within 0.3 s"
