"""``log10-trace serve`` as a process: its first key, its refusals, its end."""

from __future__ import annotations

import gc
import json
import logging
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from log10_trace import local_server
from log10_trace.cli.app import run
from tests.processes import DEADLINE_S, environment, server, until


@contextmanager
def served(home: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """``serve`` with its first lines, while the block runs."""
    command = [sys.executable, "-m", "log10_trace", "serve", "--port", "0", *arguments]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(home)
    )
    try:
        assert process.stdout is not None
        yield process, [process.stdout.readline().strip() for _ in range(3)]
    finally:
        process.kill()
        process.communicate()


Refused = Callable[..., tuple[int, str]]


@pytest.fixture
def own_process_settings(unchanged_process: None) -> Iterator[None]:
    """What ``serve`` sets for its whole process holds for one test alone."""
    loggers = [logging.getLogger(name) for name in ("log10_trace", "uvicorn", "asyncio")]
    logged = [(logger.handlers.copy(), logger.level, logger.propagate) for logger in loggers]
    interval, threshold = sys.getswitchinterval(), gc.get_threshold()
    yield
    for logger, (handlers, level, propagate) in zip(loggers, logged, strict=True):
        logger.handlers[:], logger.propagate = handlers, propagate
        logger.setLevel(level)
    sys.setswitchinterval(interval)
    gc.set_threshold(*threshold)


@pytest.fixture
def refused(
    own_process_settings: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Refused:
    """The exit code and the words of a ``serve`` that does not start, run in this process."""

    def run_one(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["log10-trace", "serve", *arguments])
        code = run()
        said = capsys.readouterr()
        assert said.out == ""
        return code, said.err.strip()

    return run_one


def test_the_first_start_makes_a_key_that_the_users_programs_find(private_home: Path) -> None:
    """The key lies in files only the user can read; only its hash is in the database."""
    with server(private_home):
        found = local_server.discover()
        assert found is not None
        answer = httpx.get(
            f"{found.url}/api/v1/limits", headers={"X-Log10-Token": found.token}, timeout=DEADLINE_S
        )
        files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in private_home.iterdir()}
        kept = b"".join(path.read_bytes() for path in private_home.glob("completions.db*"))

    assert answer.status_code == 200
    assert set(files.values()) == {0o600}
    assert stat.S_IMODE(private_home.stat().st_mode) == 0o700
    assert found.token.split("_", 2)[2].encode() not in kept
    assert local_server.discover() is None


def test_the_key_outlives_a_restart(private_home: Path) -> None:
    """The second start takes the key of the first."""
    with server(private_home) as first:
        pass
    with server(private_home) as second:
        pass

    assert first.token == second.token


def test_the_one_time_address_opens_the_page_once(private_home: Path) -> None:
    """The printed address is exchanged for a cookie that scripts cannot read, and is then worth nothing."""
    with served(private_home) as (_, lines):
        address = re.search(r"http://\S+/login\?code=\S+", lines[2])
        assert address is not None
        with httpx.Client(follow_redirects=True, timeout=DEADLINE_S) as browser:
            answer = browser.get(address[0], headers={"Accept": "text/html"})
            cookie = answer.history[0].headers["set-cookie"].lower()
            again = httpx.get(address[0], timeout=DEADLINE_S)
            page = browser.get(f"{httpx.URL(address[0]).join('/')}", headers={"Accept": "text/html"})

    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert page.status_code == 200
    assert page.history == []
    assert again.status_code == 403
    assert "set-cookie" not in again.headers


def test_a_signal_prints_another_one_time_address(private_home: Path) -> None:
    """SIGUSR1 gives who runs the server another way in, without a restart."""
    with served(private_home) as (process, lines):
        process.send_signal(signal.SIGUSR1)
        assert process.stdout is not None
        another = process.stdout.readline().strip()
        address = re.search(r"http://\S+/login\?code=\S+", another)
        assert address is not None
        answer = httpx.get(address[0], timeout=DEADLINE_S)

    assert another != lines[2]
    assert answer.status_code == 303


def test_the_first_line_says_where_it_listens(private_home: Path) -> None:
    """A program that starts the server reads its address from the first line."""
    with served(private_home) as (_, lines):
        where = re.fullmatch(r"log10-trace: listening on (http://127\.0\.0\.1:\d+)", lines[0])
        assert where is not None
        assert httpx.get(f"{where[1]}/healthz", timeout=DEADLINE_S).json() == {"status": "ok"}
        assert str(private_home / "completions.db") in lines[1]


@pytest.mark.parametrize("streams", [">&-", "<&- >&- 2>&-", ">/dev/full"])
def test_it_serves_where_no_line_can_be_written(private_home: Path, streams: str) -> None:
    """What started it may have closed its standard streams, or its disk is full: nobody reads the address."""
    with server(private_home, redirections=streams) as here:
        assert httpx.get(here.url, timeout=DEADLINE_S).status_code == httpx.codes.UNAUTHORIZED


def test_a_port_in_use_is_one_sentence(refused: Refused) -> None:
    """The message names the port, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, said = refused("--port", port)

    assert code == 1
    assert f"Port {port}" in said
    assert "--port 0" in said
    assert "\n" not in said


def test_a_database_of_another_program_is_left_alone(refused: Refused, tmp_path: Path) -> None:
    """A SQLite file that is not ours is refused by name, and not a byte of it changes."""
    foreign = tmp_path / "photos.db"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE photos (name TEXT)")
    connection.close()
    before = foreign.read_bytes()

    code, said = refused("--port", "0", "--database", str(foreign))

    assert (code, foreign.read_bytes()) == (1, before)
    assert "photos.db" in said
    assert "\n" not in said


def test_a_file_that_is_no_database_is_refused(refused: Refused, tmp_path: Path) -> None:
    """So is any other file."""
    foreign = tmp_path / "letter.txt"
    foreign.write_text("Dear reader, this is no database at all." * 100)

    code, said = refused("--port", "0", "--database", str(foreign))

    assert code == 1
    assert "letter.txt" in said


def test_a_home_that_cannot_be_written_is_one_sentence(
    refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A LOG10_HOME that is no folder is named in the message, whatever database is used."""
    file = tmp_path / "file"
    file.write_text("not a folder")
    monkeypatch.setenv("LOG10_HOME", str(file / "home"))

    for database in ((), ("--database", str(tmp_path / "elsewhere.db"))):
        code, said = refused("--port", "0", *database)
        assert code == 1
        assert str(file / "home") in said
        assert "\n" not in said


def test_a_second_server_on_the_same_file_is_refused(refused: Refused, private_home: Path) -> None:
    """Two servers never share one SQLite file, by whatever name it is called."""
    with server(private_home):
        link = private_home.parent / "link.db"
        link.symlink_to(private_home / "completions.db")
        for name in (private_home / "completions.db", link):
            code, said = refused("--port", "0", "--database", str(name))
            assert code == 1
            assert "Another log10-trace serve" in said


def test_a_server_that_others_could_reach_needs_a_key(refused: Refused) -> None:
    """Beyond the loopback the server does not start without a key, and says how to make one."""
    code, said = refused("--host", "0.0.0.0", "--port", "0")

    assert code == 1
    assert "log10-trace keys create" in said
    assert "--insecure" in said


def test_with_a_key_others_may_reach_it(private_home: Path) -> None:
    """A key made beforehand gives access, by address and not by a foreign name."""
    made = subprocess.run(
        [sys.executable, "-m", "log10_trace", "keys", "create", "--scope", "read"],
        capture_output=True,
        text=True,
        env=environment(private_home),
        check=True,
    )
    with server(private_home, "--host", "0.0.0.0") as running:
        token = {"X-Log10-Token": made.stdout.strip()}
        assert (
            httpx.get(f"{running.url}/api/v1/completions", headers=token, timeout=DEADLINE_S).status_code
            == 200
        )
        assert httpx.get(f"{running.url}/api/v1/completions", timeout=DEADLINE_S).status_code == 401
        assert (
            httpx.get(
                f"{running.url}/healthz", headers={"Host": "evil.example"}, timeout=DEADLINE_S
            ).status_code
            == 421
        )


def test_insecure_asks_for_no_key(private_home: Path) -> None:
    """Told so, the server lets everybody in; other sites' pages still not."""
    with server(private_home, "--insecure") as running:
        assert httpx.get(f"{running.url}/api/v1/completions", timeout=DEADLINE_S).status_code == 200
        rebound = httpx.get(
            f"{running.url}/api/v1/completions", headers={"Host": "evil.example"}, timeout=DEADLINE_S
        )
        assert rebound.status_code == 421


@pytest.mark.parametrize(
    "arguments", [("--port", "70000"), ("--port", "x"), ("--log-level", "loud"), ("--nonsense",)]
)
def test_an_option_that_means_nothing_is_not_understood(refused: Refused, arguments: tuple[str, ...]) -> None:
    """A wrong option ends with exit code 2, and names itself."""
    code, said = refused(*arguments)

    assert code == 2
    assert arguments[0] in said


def test_an_address_that_is_not_this_machines_is_one_sentence(refused: Refused) -> None:
    """Listening on somebody else's address fails with the address in the message."""
    code, said = refused("--host", "192.0.2.1", "--port", "0", "--insecure")

    assert code == 1
    assert "192.0.2.1" in said


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_after_what_it_accepted(private_home: Path, how: signal.Signals) -> None:
    """Everything acknowledged before and during the end is there after a restart; the exit code is 0."""
    acknowledged: list[str] = []
    with served(private_home) as (process, lines):
        url = lines[0].rpartition(" ")[2]
        found = local_server.discover()
        assert found is not None
        threads = [
            threading.Thread(target=_post_until_it_ends, args=(url, found.token, name, acknowledged))
            for name in range(4)
        ]
        for thread in threads:
            thread.start()
        until(lambda: len(acknowledged) > 40, "some records are acknowledged")
        process.send_signal(how)
        code = process.wait(DEADLINE_S)
        for thread in threads:
            thread.join()

    with server(private_home) as again:
        lines = httpx.get(
            f"{again.url}/api/v1/completions?format=jsonl",
            headers={"X-Log10-Token": again.token},
            timeout=DEADLINE_S,
        ).text.splitlines()
    assert code == 0
    assert set(acknowledged) <= {json.loads(line)["id"] for line in lines}


def test_the_log_is_json_lines(private_home: Path) -> None:
    """Each request is one JSON object on the standard error, without its query."""
    with served(private_home) as (process, lines):
        url = lines[0].rpartition(" ")[2]
        httpx.get(f"{url}/api/v1/completions?q=private", timeout=DEADLINE_S)
        process.terminate()
        _, logged = process.communicate(timeout=DEADLINE_S)

    entries = [json.loads(line) for line in logged.splitlines()]
    assert {"route": "/api/v1/completions", "status": 401, "method": "GET"}.items() <= entries[0].items()
    assert "private" not in logged


def test_it_starts_quickly_and_stays_small(private_home: Path) -> None:
    """At rest it holds less than 80 MB, and it never loads the SDK."""
    with server(private_home) as running:
        status = Path(f"/proc/{running.pid}/status").read_text()
        maps = Path(f"/proc/{running.pid}/maps").read_text()

    resident_kb = int(re.search(r"VmRSS:\s+(\d+)", status)[1])  # type: ignore[index]
    assert resident_kb < 80 * 1024
    assert "jiter" not in maps


def _post_until_it_ends(url: str, token: str, name: int, acknowledged: list[str]) -> None:
    with httpx.Client(base_url=url, headers={"X-Log10-Token": token}, timeout=DEADLINE_S) as client:
        for number in range(100_000):
            record_id = f"{name}-{number}"
            try:
                answer = client.post("/api/v1/completions", json={"id": record_id, "status": "finished"})
            except httpx.TransportError:
                return
            if answer.status_code == 201:
                acknowledged.append(record_id)
