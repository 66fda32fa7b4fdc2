"""What nobody well-meaning sends: bombs, NUL, deep nesting, far too much, far too slowly."""

from __future__ import annotations

import contextlib
import gzip
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from log10_trace.domain.keys import Scope
from log10_trace.server.http.limits import Limits
from tests.processes import DEADLINE_S, until
from tests.server.conftest import JSON, Server, Tenant, running

MIB = 1024 * 1024
SMALL = Limits(
    body_bytes=MIB,
    batch_bytes=MIB,
    inflated_bytes=2 * MIB,
    form_bytes=10_000,
    request_s=1.0,
    requests_per_s=0,
)
NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that takes little, so that much need not be sent."""
    with running(tmp_path_factory.mktemp("small"), SMALL) as server:
        yield server


@pytest.fixture
def cramped(small: Server) -> Iterator[httpx.Client]:
    """A client of the server that takes little."""
    tenant = Tenant(small)
    with tenant.stack:
        yield tenant.client(Scope.ADMIN)


@pytest.mark.parametrize(
    "path", ["/api/v1/completions", "/api/v1/completions/x", "/api/v1/completions/batch"]
)
def test_a_decompression_bomb_is_refused(cramped: httpx.Client, path: str) -> None:
    """A small body that inflates past the bound is a 413."""
    bomb = gzip.compress(b'{"id":"' + b"\0" * (64 * MIB))
    answer = cramped.post(path, content=bomb, headers={**JSON, "Content-Encoding": "gzip"})

    assert len(bomb) < MIB
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_bomb_in_the_sign_in_form_is_refused(small: Server) -> None:
    """Nobody needs a key to send this one, so it may not grow at all."""
    bomb = gzip.compress(b"token=" + b"a" * 50_000)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": "gzip"}

    assert (
        httpx.post(f"{small.url}/login", content=bomb, headers=headers, timeout=DEADLINE_S).status_code == 413
    )


@pytest.mark.parametrize(
    "path", ["/api/v1/completions", "/api/v1/completions/batch", "/api/v1/feedback", "/api/completions/x"]
)
def test_a_body_that_is_too_large_is_refused_by_its_length(cramped: httpx.Client, path: str) -> None:
    """A hundred megabytes are refused, and the connection's next request is answered."""
    answer = cramped.post(path, content=b" " * (100 * MIB), headers=JSON)

    assert answer.status_code == 413
    assert cramped.get("/healthz").status_code == 200


def test_a_body_of_unknown_length_is_cut_off_at_the_bound(cramped: httpx.Client) -> None:
    """A chunked body without a length is refused as soon as it passes the bound."""
    chunks = (b" " * 65_536 for _ in range(100))

    assert cramped.post("/api/v1/completions", content=chunks, headers=JSON).status_code == 413


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"request":[', b'[{"a":['])
def test_ten_thousand_levels_are_refused(client: httpx.Client, opening: bytes) -> None:
    """JSON nested 10,000 deep is a refusal of one clear sentence, on every route that reads JSON."""
    for path in (
        "completions",
        "completions/x",
        "completions/batch",
        "feedback",
        "feedback_task",
        "sessions",
    ):
        answer = client.post(f"/api/v1/{path}", content=opening * 10_000, headers=JSON)
        assert answer.status_code in (400, 422), path

    assert client.post("/api/completions/x", json={"request": "[" * 10_000}).status_code == 200


def test_depth_is_counted_outside_strings(client: httpx.Client) -> None:
    """Brackets inside a string are text."""
    record = {"id": "brackets", "request": {"messages": ["[{" * 10_000, 'quoted "[[[[ \\" [[[']}}

    assert client.post("/api/v1/completions", json=record).status_code == 201
    assert client.get("/api/v1/completions/brackets").json()["request"] == record["request"]


@pytest.mark.parametrize(
    "body",
    [
        '{"id":"a\\u0000b"}',
        '{"tags":["a\\u0000b"]}',
        '{"session_id":"\\u0000"}',
        '{"a\\u0000b":1}',
        '{"id":"x\\ud800"}',
        '{"id":"x\\ny"}',
        '{"id":"one","id":"two"}',
        '{"tags":["a"],"tags":["b"]}',
        '{"organization_id":"other\\u0000"}',
    ],
)
def test_what_two_readers_could_read_differently_is_refused(client: httpx.Client, body: str) -> None:
    """NUL and control characters in ids, tags and keys, and a key given twice, are refused."""
    assert client.post("/api/v1/completions", content=body.encode(), headers=JSON).status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b'{"id":"a"} x',
        b'{"id":"a"}{}',
        b"{'id':1}",
        b'{"duration":NaN}',
        b'{"duration":Infinity}',
        b'{"duration":1e400}',
        b'{"duration":-1}',
        b'{"duration":"1"}',
        b'{"duration":1' + b"0" * 400 + b"}",
        b'{"sequence":1' + b"0" * 5000 + b"}",
        b'{"status":"done"}',
        b'{"tags":"a"}',
        b'{"tags":[1]}',
        b'{"id":""}',
        b'{"id":7}',
        b'{"stacktrace":{}}',
        b"\xff\xfe{}",
        b'{"id":"\xff"}',
        b"\x1f\x8b{}",
    ],
)
def test_what_is_no_record_is_refused(client: httpx.Client, body: bytes) -> None:
    """Text that is no Completion is a 400 or a 422, never a fault of the server."""
    answer = client.post("/api/v1/completions", content=body, headers=JSON)

    assert answer.status_code in (400, 422)
    assert answer.json()["message"]


def test_an_integer_of_many_digits_is_kept_to_the_last(client: httpx.Client) -> None:
    """A number that Python would refuse to convert is somebody's data, and comes back digit for digit."""
    digits = b"9" * 6000
    record = b'{"id":"%b","request":{"n":' + digits + b"}}"
    client.post("/api/v1/completions", content=record % b"one", headers=JSON)
    client.post(
        "/api/v1/completions/batch", content=b'{"completions":[' + record % b"two" + b"]}", headers=JSON
    )
    client.post("/api/v1/completions/batch", content=record % b"three", headers=NDJSON)

    for name in ("one", "two", "three"):
        assert digits in client.get(f"/api/v1/completions/{name}").content


def test_a_sender_that_dribbles_is_cut_off(small: Server) -> None:
    """A connection whose request is not whole after the time for it is closed; others go on meanwhile."""
    address = httpx.URL(small.url)
    for begun in (
        b"",
        b"POST /api/v1/completions HTTP/1.1\r\nHost: x",
        _head(small, b"Content-Length: 50\r\n") + b"{",
    ):
        with socket.create_connection((address.host, address.port or 0), timeout=DEADLINE_S) as slow:
            slow.sendall(begun)
            with httpx.Client(base_url=small.url, timeout=DEADLINE_S) as other:
                assert other.get("/healthz").status_code == 200
            received = slow.recv(65_536)
            while received and (more := slow.recv(65_536)):
                received += more

        assert received == b"" or b" 401 " in received or b" 400 " in received


def test_a_sender_that_goes_away_leaves_nothing(small: Server, cramped: httpx.Client) -> None:
    """A record that was only half sent is not kept."""
    address = httpx.URL(small.url)
    head = _head(
        small, f"X-Log10-Token: {cramped.headers['X-Log10-Token']}\r\nContent-Length: 50\r\n".encode()
    )
    with socket.create_connection((address.host, address.port or 0), timeout=DEADLINE_S) as gone:
        gone.sendall(head + b'{"id":"half"')

    assert cramped.get("/api/v1/completions").json()["completions"] == []
    assert cramped.get("/api/v1/completions/half").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/completions/a%2Fb",
        "/api/v1/completions/a%2fb",
        "/api/v1/completions/a%00b",
        "/api/v1/completions/..%2f..%2fetc%2fpasswd",
        "/api/v1/completions/a%5Cb",
        "/static/any/..%2fpage.css",
    ],
)
def test_an_encoded_slash_or_nul_in_a_path_is_refused(client: httpx.Client, path: str) -> None:
    """No path means one thing before decoding and another after."""
    assert client.get(path).status_code == 400


def test_what_is_no_http_is_refused(small: Server) -> None:
    """Bytes that are no HTTP request get a 400, and the server goes on."""
    address = httpx.URL(small.url)
    with socket.create_connection((address.host, address.port or 0), timeout=DEADLINE_S) as raw:
        raw.sendall(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")
        assert b" 400 " in raw.recv(65_536)

    assert httpx.get(f"{small.url}/healthz", timeout=DEADLINE_S).status_code == 200


@pytest.mark.parametrize("begun", [b"X-First: 1\r\n", b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n"])
def test_headers_without_end_are_cut_off(tmp_path: Path, begun: bytes) -> None:
    """What stands before a body and behind it is bounded; who sends more of it is not waited for."""
    with running(tmp_path, Limits()) as server:
        address = httpx.URL(server.url)
        with socket.create_connection((address.host, address.port or 0), timeout=DEADLINE_S) as endless:
            endless.sendall(_head(server, b"").removesuffix(b"\r\n") + begun)
            with contextlib.suppress(ConnectionError):
                for number in range(10_000):
                    endless.sendall(b"X-Header-%d: %s\r\n" % (number, b"x" * 1_000))
                while endless.recv(65_536):
                    pass

        assert httpx.get(f"{server.url}/healthz", timeout=DEADLINE_S).status_code == 200


def test_a_key_that_asks_too_often_is_told_so(tmp_path: Path) -> None:
    """Beyond its rate a key gets 429 and a Retry-After."""
    with running(tmp_path, Limits(requests_per_s=1)) as server:
        tenant = Tenant(server)
        with tenant.stack:
            client = tenant.client(Scope.READ)
            answers = [client.get("/api/v1/limits") for _ in range(10)]

    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) >= 7
    assert int(refused[0].headers["Retry-After"]) >= 1


def _head(server: Server, more: bytes) -> bytes:
    host = httpx.URL(server.url).netloc
    return (
        b"POST /api/v1/completions HTTP/1.1\r\nHost: "
        + host
        + b"\r\nContent-Type: application/json\r\n"
        + more
        + b"\r\n"
    )


def test_more_than_the_server_can_hold_is_refused_for_now(tmp_path: Path) -> None:
    """While the bodies in hand fill the bound, another is a 503; once they are done, it is taken."""
    limits = Limits(in_flight_bytes=200_000)
    with running(tmp_path, limits) as server:
        tenant = Tenant(server)
        with tenant.stack:
            client = tenant.client(Scope.ADMIN)
            token = client.headers["X-Log10-Token"]
            head = _head(server, f"X-Log10-Token: {token}\r\nContent-Length: 190000\r\n".encode())
            address = httpx.URL(server.url)
            with socket.create_connection((address.host, address.port or 0), timeout=DEADLINE_S) as slow:
                slow.sendall(head + b" " * 189_000)
                until(lambda: _in_hand(client) >= 189_000, "the slow body is in hand")
                record = {"id": "other", "request": "x" * 50_000}
                refused = client.post("/api/v1/completions", json=record)
                slow.sendall(b" " * 998 + b"{}")
                assert b" 201 " in slow.recv(65_536)[:20]
            answer = client.post("/api/v1/completions", json=record)

    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert answer.status_code == 201


def _in_hand(client: httpx.Client) -> float:
    found = re.search(r"^log10_body_bytes_in_hand (\S+)$", client.get("/metrics").text, re.MULTILINE)
    return float(found[1]) if found else 0
