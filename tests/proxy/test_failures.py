"""A target that is down, hangs, breaks or speaks no HTTP: what the client gets, and what is recorded."""

from __future__ import annotations

import json
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from log10_trace.network import make_tls_context
from tests.certificates import make_authority
from tests.proxy.conftest import RunningProxy, read_all, read_response, read_until, running_proxy
from tests.raw_server import Peer, raw_server

ASK = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 13\r\n\r\n"
    b'{"model":"m"}'
)


def check_bad_gateway(proxy: RunningProxy, code: str) -> dict[str, Any]:
    """The client has status 502 and the error that the record has; gives the error."""
    answer = proxy.ask(ASK)
    (record,) = proxy.sink.wait_for()

    status, reason, fields, body = read_response(answer)
    assert (status, reason) == (502, "Bad Gateway")
    assert dict(fields)["Content-Type"] == "application/json"
    assert (record["status"], record["failure_kind"]) == ("failed", "InternalServerError")
    assert record["response"] == json.loads(body)
    assert record["request"] == {"model": "m"}
    error: dict[str, Any] = json.loads(body)["error"]
    assert (error["type"], error["code"], error["param"]) == ("log10_trace_proxy_error", code, None)
    assert error["message"] in record["failure_reason"]
    return error


def test_a_target_that_is_down() -> None:
    """The message names the target and the reason."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with running_proxy(f"http://127.0.0.1:{port}/v1") as proxy:
        error = check_bad_gateway(proxy, "upstream_unreachable")

    assert f"127.0.0.1:{port}" in error["message"]
    assert "refused" in error["message"]


def test_a_target_without_an_address() -> None:
    """A name that no host can have."""
    name = "x" * 64
    with running_proxy(f"http://{name}.invalid/v1") as proxy:
        error = check_bad_gateway(proxy, "upstream_unreachable")

    assert name in error["message"]


def test_a_target_that_takes_no_connection() -> None:
    """Connecting is bounded."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        # Those that wait fill its queue, so that the next one hangs.
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        with running_proxy(f"http://127.0.0.1:{full.getsockname()[1]}/v1", connect_timeout_s=0.1) as proxy:
            error = check_bad_gateway(proxy, "upstream_timeout")
        for each in waiting:
            each.close()

    assert "0.1 s" in error["message"]


ANSWERS = {
    "nothing": (b"", "upstream_protocol"),
    "no HTTP": (b"220 mail.example ESMTP\r\n", "upstream_protocol"),
    "TLS": (b"\x15\x03\x01\x00\x02\x02\x46", "upstream_protocol"),
    "half a head": (b"HTTP/1.1 200 OK\r\nContent-", "upstream_protocol"),
    "both framings": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        "upstream_protocol",
    ),
    "a head without end": (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 300_000, "upstream_protocol"),
    "another protocol": (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nabc",
        "upstream_protocol",
    ),
    "a coding that is none": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "upstream_protocol",
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_target_that_answers_what_is_no_http(name: str) -> None:
    """The client has a clear error, and the record the same."""
    said, code = ANSWERS[name]

    def serve(peer: Peer) -> None:
        peer.request()
        peer.say(said)

    with raw_server(serve) as server, running_proxy(f"{server.url}/v1") as proxy:
        check_bad_gateway(proxy, code)


def test_a_target_that_hangs_before_its_response() -> None:
    """With a read timeout the client has an error."""

    def serve(peer: Peer) -> None:
        peer.request()
        peer.closing.wait()

    with raw_server(serve) as server, running_proxy(f"{server.url}/v1", read_timeout_s=0.1) as proxy:
        error = check_bad_gateway(proxy, "upstream_timeout")

    assert "0.1 s" in error["message"]


def test_a_target_that_hangs_in_its_response() -> None:
    """With a read timeout the connection ends without a clean end, and the record has failed."""

    def serve(peer: Peer) -> None:
        peer.request()
        peer.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ndata:\r\n")
        peer.closing.wait()

    with (
        raw_server(serve) as server,
        running_proxy(f"{server.url}/v1") as proxy,
        proxy.connect() as connection,
    ):
        connection.sendall(ASK)
        seen = read_until(connection, b"data:\r\n")
        # Its timer might be faster than the server of the test.
        (client,) = proxy.proxy.clients
        proxy.loop.call_soon_threadsafe(client._exchanges[0]._on_timeout, 3.0)
        rest = read_all(connection)
        (record,) = proxy.sink.wait_for()

    assert seen.endswith(b"5\r\ndata:\r\n")
    assert rest == b""
    assert (record["status"], record["failure_kind"]) == ("failed", "ReadTimeout")
    assert "3 s" in record["failure_reason"]


def test_garbage_in_the_middle_of_a_response() -> None:
    """What came before it passes; the connection ends there."""

    def serve(peer: Peer) -> None:
        peer.request()
        peer.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ndata:\r\nZZ\r\n")
        peer.closing.wait()

    with raw_server(serve) as server, running_proxy(f"{server.url}/v1") as proxy:
        answer = proxy.ask(ASK)
        (record,) = proxy.sink.wait_for()

    assert answer.endswith(b"5\r\ndata:\r\n")
    assert (record["status"], record["failure_kind"]) == ("failed", "RemoteProtocolError")


def test_an_answer_to_head_has_no_body_when_the_target_is_down() -> None:
    """An error of the proxy's own has its length, and no body, in answer to HEAD."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with running_proxy(f"http://127.0.0.1:{port}") as proxy:
        answer = proxy.ask(b"HEAD /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
    assert answer.endswith(b"\r\n\r\n")


def test_a_target_with_tls(tmp_path: Path) -> None:
    """The certificate is verified with the authorities that are named."""
    authority = make_authority(tmp_path)

    def serve(peer: Peer) -> None:
        while peer.request()[0]:
            peer.answer(b"{}")

    with raw_server(serve, authority.context("127.0.0.1")) as server:
        with running_proxy(f"{server.url}/v1", tls=make_tls_context(authority.file)) as proxy:
            assert proxy.ask(ASK).startswith(b"HTTP/1.1 200 OK")
            (record,) = proxy.sink.wait_for()
            assert record["base_url"] == f"{server.url}/v1/"
        with running_proxy(f"{server.url}/v1", tls=ssl.create_default_context()) as proxy:
            error = check_bad_gateway(proxy, "upstream_tls")

    assert "certificate" in error["message"]
