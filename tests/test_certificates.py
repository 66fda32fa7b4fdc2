"""A server with a certificate of one's own authority: what each client of ours trusts, and what it says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

import log10_trace
from log10_trace import errors
from tests.certificates import Authority, make_authority
from tests.processes import program, server
from tests.raw_server import Peer, RawServer, raw_server

SENDS = """
import logging
from tests.export.factories import config, keep
from log10_trace.export import Delivery

logging.basicConfig()
made = Delivery(config(token={token!r}))
keep(made, 1)
print(made.flush(2), made.stats().delivered)
"""


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return make_authority(tmp_path)


@pytest.fixture
def front(private_home: Path, authority: Authority) -> Iterator[RawServer]:
    """A real server of ours, with TLS in front of it."""
    with server(private_home, "--allow-host", "localhost") as ours:
        port = int(ours.url.rsplit(":", 1)[1])
        with raw_server(lambda peer: peer.relay("127.0.0.1", port), authority.context("localhost")) as front:
            yield front


def command(home: Path, *words: str, **variables: str) -> tuple[int, str]:
    """The exit code of a command of ours, and what it says."""
    call = f"sys.argv = {['log10-trace', *words]!r}; sys.exit(main())"
    ended = program(home, f"import sys; from log10_trace.cli import main; {call}", **variables)
    return ended.returncode, " ".join((ended.stdout + ended.stderr).split())


@pytest.mark.parametrize("key", ["LOG10_CA_FILE", "SSL_CERT_FILE"])
def test_every_client_trusts_the_authority_that_is_named(
    private_home: Path, front: RawServer, authority: Authority, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """Delivery, client, awaited client, command line, doctor; also for a server on this machine."""
    token = json.loads((private_home / "server.json").read_text())["token"]
    for name, value in {
        "LOG10_URL": f"https://localhost:{front.port}", "LOG10_TOKEN": token, key: str(authority.file),
        "LOG10_HOME": str(private_home.parent / "other"),
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    other = private_home.parent / "other"

    assert program(other, SENDS.format(token=token)).stdout.strip() == "True 1"
    with log10_trace.Log10() as client:
        assert len(list(client.completions.list())) == 1
    assert asyncio.run(listed()) == 1
    assert command(other, "completions", "list")[0] == 0
    assert command(other, "completions", "export", "-o", str(other / "all.jsonl"))[0] == 0
    assert command(other, "completions", "import", str(other / "all.jsonl"))[0] == 0
    code, said = command(other, "doctor")
    assert code == 0, said


async def listed() -> int:
    """How many records an awaited client finds."""
    async with log10_trace.AsyncLog10() as client:
        return len([each async for each in client.completions.list()])


def silent(peer: Peer) -> None:
    peer.closing.wait()


UNTRUSTED = "the server's certificate cannot be verified"


@pytest.mark.parametrize(
    ("name", "reason", "remedy"),
    [
        ("localhost", "unable to get local issuer certificate", "LOG10_CA_FILE"),
        ("other.test", "Hostname mismatch", "a name that the certificate is for"),
        ("localhost", "certificate has expired", "Renew"),
    ],
)
def test_an_error_of_the_certificate_is_told_as_such(
    private_home: Path, authority: Authority, *, name: str, reason: str, remedy: str
) -> None:
    """By the log line of delivery, by doctor, by the command line and the client; with what to do."""
    past = {"not_after": datetime(2020, 1, 1, tzinfo=timezone.utc)} if "expired" in reason else {}
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        raw_server(silent, authority.context(name, **past)) as untrusted,
    ):
        monkeypatch.setenv("LOG10_URL", f"https://localhost:{untrusted.port}")
        if "issuer" not in reason:
            monkeypatch.setenv("LOG10_CA_FILE", str(authority.file))
        delivered = program(private_home, SENDS.format(token="k"))
        doctor = command(private_home, "doctor")
        listing = command(private_home, "completions", "list")
        with log10_trace.Log10() as client, pytest.raises(errors.APIConnectionError) as caught:
            client.completions.limits()

    assert delivered.stdout.strip() == "False 0"
    for said in (delivered.stderr, doctor[1], listing[1], str(caught.value)):
        assert f"{UNTRUSTED} ({reason}" in said
        assert remedy in said
    assert doctor[0] != 0
    assert listing[0] != 0


def test_a_server_without_tls_is_told_as_such(private_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``https://`` in the address of a server that speaks plain HTTP."""
    with raw_server(lambda peer: peer.answer(b"no", status=b"400 Bad Request")) as plain:
        monkeypatch.setenv("LOG10_URL", f"https://localhost:{plain.port}")
        _, said = command(private_home, "doctor")

    assert "no TLS connection came about" in said
    assert "write http:// in LOG10_URL" in said


def test_doctor_asks_no_proxy_about_this_machine(private_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor do delivery, client and command line."""
    asked: list[bytes] = []
    monkeypatch.setenv("NO_PROXY", "")
    with raw_server(lambda peer: asked.append(peer.head())) as proxy, server(private_home) as ours:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert command(private_home, "doctor")[0] == 0
        assert command(private_home, "completions", "list")[0] == 0
        assert program(private_home, SENDS.format(token=ours.token)).stdout.strip() == "True 1"

    assert asked == []


def test_doctor_names_a_proxy_that_refuses(private_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than the server, which it never reached."""
    with raw_server(
        lambda peer: (peer.head(), peer.answer(b"", status=b"407 Proxy Authentication Required"))
    ) as proxy:
        monkeypatch.setenv("LOG10_URL", "https://log.example.test")
        monkeypatch.setenv("https_proxy", proxy.url)
        _, said = command(private_home, "doctor")

    assert f"proxy ProxyError: the proxy {proxy.url} answers 407" in said
    assert "no_proxy" in said


def test_doctor_names_a_file_of_certificates_that_is_missing(
    private_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SSL_CERT_FILE is not ours, and stands in the way all the same."""
    monkeypatch.setenv("LOG10_URL", "https://localhost:9")
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such.pem")
    with raw_server(silent) as quiet:
        monkeypatch.setenv("LOG10_URL", f"https://localhost:{quiet.port}")
        _, said = command(private_home, "doctor")
        _, listing = command(private_home, "completions", "list")

    for each in (said, listing):
        assert "SSL_CERT_FILE='/no/such.pem' cannot be used: it cannot be read" in each
