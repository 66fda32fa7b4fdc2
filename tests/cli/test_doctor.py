"""``doctor`` says what is wrong on the way to the server, and whose fault it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from log10_trace.server.http.limits import Limits
from tests.processes import program
from tests.raw_server import Peer, raw_server

DOCTOR = """
import sys
from log10_trace.cli import main

sys.argv = ["log10-trace", "doctor", "--json"]
sys.exit(main())
"""


def findings(home: Path, url: str) -> dict[str, dict[str, Any]]:
    """What doctor finds, by what it looked at."""
    ended = program(home, DOCTOR, LOG10_URL=url, LOG10_TOKEN="our-key")
    assert "Traceback" not in ended.stderr, ended.stderr
    return {each["what"]: each for each in map(json.loads, ended.stdout.splitlines())}


@pytest.mark.parametrize(
    ("status", "body", "what", "remedy"),
    [
        ("200 OK", b"<html>Sign in</html>", "API", "LOG10_URL leads to something else"),
        ("200 OK", b'{"ok": true}', "API", "LOG10_URL leads to something else"),
        ("200 OK", b"{}", "API", "LOG10_URL leads to something else"),
        ("204 No Content", b"", "API", "LOG10_URL leads to something else"),
        ("401 Unauthorized", b'{"code": "unauthorized", "message": "no"}', "token", "LOG10_TOKEN"),
        ("403 Forbidden", b'{"code": "forbidden", "message": "no"}', "token", "LOG10_TOKEN"),
        ("403 Forbidden", b"<html>Blocked by policy</html>", "API", "proxy and firewall"),
        ("404 Not Found", b"nginx", "API", "LOG10_URL leads to something else"),
        ("405 Method Not Allowed", b"", "API", "LOG10_URL leads to something else"),
        ("407 Proxy Authentication Required", b"", "API", "a user and a password"),
        ("415 Unsupported Media Type", b"", "API", "proxy and firewall"),
        ("421 Misdirected Request", b'{"code": "x", "message": "no"}', "API", "--allow-host"),
        ("451 Unavailable For Legal Reasons", b"", "API", "proxy and firewall"),
        ("502 Bad Gateway", b"", "API", "records are kept"),
    ],
)
def test_whoever_refuses_is_named(
    private_home: Path, *, status: str, body: bytes, what: str, remedy: str
) -> None:
    """Key, address, or something in between: the key is blamed only by an API that does not take it."""

    def serve(peer: Peer) -> None:
        while head := peer.head():
            is_health = b"GET /healthz" in head
            peer.answer(b"{}" if is_health else body, status=b"200 OK" if is_health else status.encode())

    with raw_server(serve) as server:
        found = findings(private_home, server.url)

    assert found["server"]["ok"]
    assert remedy in found[what]["remedy"]
    assert ("token" in found) is (what == "token")


def test_a_server_that_is_not_well_is_not_said_to_be_in_order(private_home: Path) -> None:
    """A 503 to the question for its health is no answer that is fine."""
    with raw_server(lambda peer: (peer.head(), peer.answer(b"", status=b"503 Unavailable"))) as server:
        found = findings(private_home, server.url)

    assert not found["server"]["ok"]
    assert found["server"]["found"] == f"{server.url} answers 503"


@pytest.mark.parametrize(
    ("date", "found"),
    [
        (b"Date: Thu, 01 Jan 1970 00:00:00 GMT", "s from the server's"),
        (b"Server: none", "the server does not say what time it is"),
    ],
    ids=["another time", "none"],
)
def test_the_clocks_are_compared(private_home: Path, date: bytes, found: str) -> None:
    """A clock that is wrong is told, for records are sorted by it; whatever the spelling of the header."""
    with raw_server(lambda peer: (peer.head(), peer.answer(b"{}", date))) as server:
        clock = findings(private_home, server.url)["clock"]

    assert found in clock["found"]
    assert ("Set this machine's clock" in clock["remedy"]) is (date[:4] == b"Date")


def test_a_redirect_is_named(private_home: Path) -> None:
    """Deliveries follow none, for they carry the key; its address shows where to go, without its query."""
    location = b"Location: https://sso.example.test/login?state=secret"
    with raw_server(lambda peer: (peer.head(), peer.answer(b"", location, status=b"302 Found"))) as server:
        found = findings(private_home, server.url)

    assert "https://sso.example.test/login:" in found["server"]["remedy"]
    assert "secret" not in json.dumps(found)


LIMITS = json.dumps(Limits().as_dict()).encode()


@pytest.mark.parametrize(
    ("status", "body", "found", "remedy"),
    [
        ("200 OK", b"<html>Sign in</html>", "answers, but is no completions API", "leads to something else"),
        ("200 OK", b'{"ok": true}', "answers, but is no completions API", "leads to something else"),
        ("204 No Content", b"", "answers, but is no completions API", "leads to something else"),
        ("301 Moved Permanently", b"", "answered with 301", "leads to something else"),
        ("401 Unauthorized", b"", "answered with 401", "LOG10_TOKEN"),
        ("403 Forbidden", b'{"code": "wrong_scope", "message": "no"}', "answered with 403 no", "may write"),
        ("403 Forbidden", b"<html>Blocked</html>", "answered with 403", "proxy and firewall"),
        ("415 Unsupported Media Type", b"", "answered with 415", "proxy and firewall"),
        ("421 Misdirected Request", b"", "answered with 421", "--allow-host"),
        ("503 Unavailable", b"", "answered with 503", "records are kept"),
        ("200 OK", b'{"results": []}', "takes records", ""),
        ("404 Not Found", b"", "takes records", ""),
    ],
)
def test_what_lets_reads_pass_and_no_deliveries_is_named(
    private_home: Path, *, status: str, body: bytes, found: str, remedy: str
) -> None:
    """The key may be taken and the posts not: doctor makes a delivery without records."""

    def serve(peer: Peer) -> None:
        while head := peer.head():
            if head.startswith(b"POST"):
                peer.answer(body, status=status.encode())
            else:
                peer.answer(b"{}" if b"/healthz" in head else LIMITS)

    with raw_server(serve) as server:
        delivery = findings(private_home, server.url)["delivery"]

    assert found in delivery["found"]
    assert remedy in delivery["remedy"]
    assert delivery["ok"] is (not remedy)
