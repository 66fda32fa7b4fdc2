"""Connections that wait for their client: bounded in number and time, and quiet in the log."""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from log10_trace.server.http.limits import Limits
from log10_trace.server.running.log_setup import EVERY_S, OncePerMinute
from tests.processes import DEADLINE_S, environment
from tests.server.conftest import Server, running

BOUND = 4
BEGUN = b"GET /healthz HTTP/1.1\r\nHost: "


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that takes few connections that wait."""
    limits = Limits(half_open_connections=BOUND, idle_connections=BOUND)
    with running(tmp_path_factory.mktemp("narrow"), limits) as one:
        yield one


def connect(stack: ExitStack, server: Server, sent: bytes) -> socket.socket:
    """A connection on which ``sent`` was sent."""
    address = httpx.URL(server.url)
    connection = socket.create_connection((address.host, address.port or 0), timeout=DEADLINE_S)
    stack.enter_context(connection)
    connection.sendall(sent)
    return connection


def rest(server: Server) -> bytes:
    """What ``BEGUN`` lacks."""
    return f"{server.url.removeprefix('http://')}\r\n\r\n".encode()


def answer(connection: socket.socket) -> bytes:
    """An answer whose body is one JSON object without others in it."""
    received = b""
    while not received.endswith(b"}"):
        more = connection.recv(65_536)
        assert more, received
        received += more
    return received


def is_closed(connection: socket.socket) -> bool:
    """Whether the server closes it; waits until it does."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:  # what was sent had not been read
        return True


@pytest.mark.parametrize("begun", [b"", b"G", BEGUN])
def test_the_oldest_of_too_many_half_open_connections_is_closed(narrow: Server, begun: bytes) -> None:
    """Slow heads close each other; they keep nobody else out."""
    with ExitStack() as stack:
        slow = [connect(stack, narrow, begun) for _ in range(5 * BOUND)]
        answers = [httpx.get(f"{narrow.url}/healthz", timeout=DEADLINE_S).status_code for _ in range(3)]
        closed = [is_closed(connection) for connection in slow[:-BOUND]]
        finished = answer(connect(stack, narrow, BEGUN + rest(narrow)))

    assert answers == [200] * 3
    assert all(closed)
    assert finished.startswith(b"HTTP/1.1 200 ")


def test_a_head_that_was_begun_can_be_finished(narrow: Server) -> None:
    """A slow client is served as long as no more than the bound are as slow."""
    with ExitStack() as stack:
        slow = [connect(stack, narrow, BEGUN) for _ in range(BOUND)]
        for connection in slow:
            connection.sendall(rest(narrow))

        assert all(answer(connection).startswith(b"HTTP/1.1 200 ") for connection in slow)


def test_the_oldest_of_too_many_idle_connections_is_closed(narrow: Server) -> None:
    """Connections that are kept after their answer make room for others; requests in hand are left alone."""
    with ExitStack() as stack:
        idle = []
        for _ in range(2 * BOUND):
            idle.append(connect(stack, narrow, BEGUN + rest(narrow)))
            assert answer(idle[-1]).startswith(b"HTTP/1.1 200 ")
        closed = [is_closed(connection) for connection in idle[:BOUND]]
        idle[-1].sendall(BEGUN + rest(narrow))

        assert all(closed)
        assert answer(idle[-1]).startswith(b"HTTP/1.1 200 ")


def test_a_body_that_nobody_waits_for_counts_as_half_open(narrow: Server) -> None:
    """Answered before its body came, a request without a key holds no connection for long."""
    host = narrow.url.removeprefix("http://")
    head = f"POST /api/v1/completions HTTP/1.1\r\nHost: {host}\r\nContent-Length: 9999\r\n\r\n{{".encode()
    with ExitStack() as stack:
        slow = []
        for _ in range(2 * BOUND):
            slow.append(connect(stack, narrow, head))
            assert b" 401 " in answer(slow[-1])
        closed = [is_closed(connection) for connection in slow[:BOUND]]

    assert all(closed)


def test_a_head_has_less_time_than_a_body(tmp_path: Path) -> None:
    """A head that is not whole in time closes its connection, though the request may take longer."""
    with running(tmp_path, Limits(head_s=0.2, request_s=3600)) as server, ExitStack() as stack:
        assert is_closed(connect(stack, server, BEGUN))


def logged(filtered: OncePerMinute, message: str, *values: object) -> str | None:
    """What is written of a message; None when it is held back."""
    record = logging.LogRecord("uvicorn.error", logging.WARNING, __file__, 1, message, values, None)
    return record.getMessage() if filtered.filter(record) else None


def test_one_message_is_written_once_a_minute_with_the_number_held_back() -> None:
    """Other messages are not held back by it."""
    now = [0.0]
    filtered = OncePerMinute(lambda: now[0])
    said = [logged(filtered, "Invalid %s.", number) for number in range(10)]
    other = logged(filtered, "Other.")
    now[0] = EVERY_S
    later = logged(filtered, "Invalid %s.", 10)
    now[0] = 2 * EVERY_S
    last = logged(filtered, "Invalid %s.", 11)

    assert said == ["Invalid 0.", *[None] * 9]
    assert other == "Other."
    assert later == "Invalid 10. (9 more since the last line)"
    assert last == "Invalid 11."


MALFORMED = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
)


@pytest.mark.parametrize("request_bytes", MALFORMED)
def test_malformed_requests_are_logged_once_a_minute(private_home: Path, request_bytes: bytes) -> None:
    """A scanner does not fill the disk: many malformed requests are one line of the log for each message."""
    command = [sys.executable, "-m", "log10_trace", "serve", "--port", "0", "--log-level", "warning"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(private_home)
    )
    assert process.stdout is not None
    host, _, port = process.stdout.readline().rpartition("http://")[2].strip().partition(":")
    for _ in range(20):
        with socket.create_connection((host, int(port)), timeout=DEADLINE_S) as connection:
            connection.sendall(request_bytes)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65_536):
                pass
    process.terminate()
    _, log = process.communicate(timeout=DEADLINE_S)
    lines = [json.loads(line)["message"] for line in log.splitlines()]

    assert len(lines) == len(set(lines)) <= 2
