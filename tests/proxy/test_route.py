"""The way to the target: through the proxies that the environment names, and by TLS."""

from __future__ import annotations

import asyncio
import ssl
import sys
from asyncio import sslproto
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from log10_trace.errors import SetupError
from log10_trace.network import make_tls_context
from log10_trace.proxy.route import find_route
from log10_trace.proxy.run import TLS_BUFFER_BYTES
from log10_trace.proxy.target import parse_target
from tests.certificates import Authority, make_authority
from tests.proxy.conftest import running_proxy
from tests.proxy.test_failures import ASK, check_bad_gateway
from tests.raw_server import Peer, raw_server

NAME = "api.example.test"
"""A host that no name server knows: only a proxy of the test's leads there."""


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy but the test's own."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that only those trust who name its file."""
    return make_authority(tmp_path_factory.mktemp("authority"))


def answer_all(peer: Peer) -> None:
    """Answer every request."""
    while peer.request()[0]:
        peer.answer(b'{"object":"chat.completion"}')


def answer_without_tls(peer: Peer) -> None:
    """Answer the first bytes of TLS as a server of plain HTTP does."""
    peer.exactly(5)
    peer.say(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def tunnel(port: int, seen: list[bytes]) -> Callable[[Peer], None]:
    """A proxy that connects to ``port``, whatever it is told to connect to."""

    def serve(peer: Peer) -> None:
        seen.append(peer.head())
        peer.say(b"HTTP/1.1 200 Connection established\r\n\r\n")
        peer.relay("127.0.0.1", port)

    return serve


def test_a_target_with_tls_is_reached_by_connect(
    monkeypatch: pytest.MonkeyPatch, authority: Authority
) -> None:
    """The proxy learns the host and its own password; the connection through it is used again."""
    seen: list[bytes] = []
    with (
        raw_server(answer_all, authority.context(NAME)) as server,
        raw_server(tunnel(server.port, seen)) as forward,
    ):
        monkeypatch.setenv("HTTPS_PROXY", forward.url.replace("//", "//user:pass@"))
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
        with running_proxy(f"https://{NAME}/v1", tls=make_tls_context()) as proxy:
            for _ in range(2):
                assert proxy.ask(ASK).startswith(b"HTTP/1.1 200 OK")
            records = proxy.sink.wait_for(2)

    (head,) = seen
    assert head.startswith(b"CONNECT api.example.test:443 HTTP/1.1\r\n")
    assert b"Basic " + b64encode(b"user:pass") in head
    assert {record["base_url"] for record in records} == {f"https://{NAME}/v1/"}


def test_a_target_without_tls_is_asked_for_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy is told the whole URL, and its own user and password; the host stays that of the target."""
    seen: list[bytes] = []

    def serve(peer: Peer) -> None:
        seen.append(peer.request()[0])
        peer.answer(b"{}")

    with raw_server(serve) as forward:
        monkeypatch.setenv("http_proxy", forward.url.replace("//", "//user:pass@"))
        with running_proxy(f"http://{NAME}:8080/v1") as proxy:
            assert proxy.ask(ASK).startswith(b"HTTP/1.1 200 OK")
            (record,) = proxy.sink.wait_for()

    lines = seen[0].split(b"\r\n")
    assert lines[0] == b"POST http://api.example.test:8080/v1/chat/completions HTTP/1.1"
    assert b"Host: api.example.test:8080" in lines
    assert b"Proxy-Authorization: Basic " + b64encode(b"user:pass") in lines
    assert record["base_url"] == f"http://{NAME}:8080/v1/"


def test_a_socks_proxy_connects(monkeypatch: pytest.MonkeyPatch) -> None:
    """SOCKS 5 carries bytes, with TLS or without."""

    def socks(peer: Peer) -> None:
        peer.exactly(3)
        peer.say(b"\x05\x00")
        peer.exactly(4 + 1 + len(NAME) + 2)
        peer.say(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50")
        peer.relay("127.0.0.1", server.port)

    with raw_server(answer_all) as server, raw_server(socks) as forward:
        monkeypatch.setenv("ALL_PROXY", f"socks5://127.0.0.1:{forward.port}")
        with running_proxy(f"http://{NAME}/v1") as proxy:
            assert proxy.ask(ASK).startswith(b"HTTP/1.1 200 OK")


def test_a_host_that_no_proxy_lists_is_reached_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    """``NO_PROXY`` holds, and this machine is never asked for through a proxy."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.test:3128")
    monkeypatch.setenv("NO_PROXY", "example.test")

    assert find_route(parse_target(f"https://{NAME}/v1")).proxy is None
    assert find_route(parse_target("https://127.0.0.1:1/v1")).proxy is None
    assert find_route(parse_target("https://api.other.test/v1")).proxy is not None


def test_a_proxy_that_refuses_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client is told what the proxy said, without the password; the call is recorded as failed."""

    def refuse(peer: Peer) -> None:
        peer.head()
        peer.say(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    with raw_server(refuse) as forward:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:secret@127.0.0.1:{forward.port}")
        with running_proxy(f"https://{NAME}/v1", tls=ssl.create_default_context()) as proxy:
            error = check_bad_gateway(proxy, "upstream_unreachable")

    assert f"the proxy {forward.url} answers 407 Proxy Authentication Required" in error["message"]
    assert "secret" not in error["message"]


def test_a_proxy_that_is_down_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the proxy that cannot be reached, not the target."""
    with raw_server(answer_all) as forward:
        pass
    monkeypatch.setenv("HTTPS_PROXY", forward.url)
    with running_proxy(f"https://{NAME}/v1", tls=ssl.create_default_context()) as proxy:
        error = check_bad_gateway(proxy, "upstream_unreachable")

    assert f"the proxy {forward.url}: Connection refused" in error["message"]


def test_a_proxy_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the time that a connection may take."""
    with raw_server(lambda peer: peer.trickle(b"HTTP/1.1 100 Continue\r\n\r\n")) as forward:
        monkeypatch.setenv("HTTPS_PROXY", forward.url)
        tls = ssl.create_default_context()
        with running_proxy(f"https://{NAME}/v1", tls=tls, connect_timeout_s=0.2) as proxy:
            error = check_bad_gateway(proxy, "upstream_timeout")

    assert "0.2 s" in error["message"]


@pytest.mark.parametrize("url", ["https://proxy.example.test", "socks4://proxy.example.test", "http://:1"])
def test_a_proxy_of_another_kind_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """The message says what can be used instead."""
    monkeypatch.setenv("HTTPS_PROXY", url)

    with pytest.raises(SetupError, match="NO_PROXY"):
        find_route(parse_target(f"https://{NAME}/v1"))


@pytest.mark.parametrize("place", ["user:x9#y@proxy.example.test", "user:x9@[proxy.example.test"])
def test_a_proxy_whose_url_cannot_be_taken_apart(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """It is refused at the start, and its password not shown."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://{place}:3128")

    with pytest.raises(SetupError, match="cannot be used") as failed:
        find_route(parse_target(f"https://{NAME}/v1"))

    assert "x9" not in str(failed.value)


@pytest.mark.parametrize("wrong", ["other authority", "other name", "no TLS"])
def test_a_certificate_that_cannot_be_verified(tmp_path: Path, authority: Authority, wrong: str) -> None:
    """The client gets status 502 with the reason, and the call is recorded as failed."""
    names = ("127.0.0.1",) if wrong == "other authority" else ("other.example.test",)
    trusted = make_authority(tmp_path) if wrong == "other authority" else authority
    context = None if wrong == "no TLS" else authority.context(*names)
    with raw_server(answer_all if context else answer_without_tls, context) as server:
        to = f"https://127.0.0.1:{server.port}/v1"
        with running_proxy(to, tls=make_tls_context(trusted.file)) as proxy:
            error = check_bad_gateway(proxy, "upstream_tls")

    reason = {
        "other authority": "the server's certificate cannot be verified",
        "other name": "IP address mismatch, certificate is not valid for '127.0.0.1'",
        "no TLS": "no TLS connection came about (wrong version number)",
    }[wrong]
    assert f"No connection to {to}: " in error["message"]
    assert reason in error["message"]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio keeps no buffer for each connection yet")
def test_the_buffer_of_a_connection_with_tls_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asyncio takes the size that the proxy sets: a thousand streams would need 256 MiB otherwise."""
    monkeypatch.setattr(sslproto.SSLProtocol, "max_size", TLS_BUFFER_BYTES)
    loop = asyncio.new_event_loop()
    try:
        made: Any = sslproto.SSLProtocol(
            loop, asyncio.Protocol(), ssl.create_default_context(), None, server_hostname="a"
        )
        assert len(made._ssl_buffer) == TLS_BUFFER_BYTES
        made._get_app_transport().abort()
    finally:
        loop.close()
