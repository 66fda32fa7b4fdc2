"""``log10-trace proxy`` as a process: records reach the server, signals, keys, other languages."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest

from tests.completions_api import CompletionsAPI
from tests.model_answers import chat_chunks
from tests.model_endpoint import Endpoint, json_answer, sse, sse_answer
from tests.processes import DEADLINE_S, environment, program, until
from tests.raw_server import Peer, raw_server

pytestmark = pytest.mark.usefixtures("patient_ends")

KEY = "sk-proj-0123456789abcdefghijklmnopqrstuv"
ASKED: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Plan a trip to Tromsø."}]}
DELIVER = "import sys, log10_trace.cli; sys.argv[1:] = ['spool', 'flush']; log10_trace.cli.main()"


@dataclass
class Command:
    """The command while it runs."""

    process: subprocess.Popen[str]
    url: str
    log: Path

    def stop(self) -> int:
        """Send SIGTERM, and wait for its end."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_S)


@contextmanager
def command(home: Path, to: str, *arguments: str, **variables: str) -> Iterator[Command]:
    """``log10-trace proxy`` on a free port, in a process of its own, while the block runs."""
    line = [sys.executable, "-m", "log10_trace", "proxy", "--to", to, "--port", "0", *arguments]
    file = home.parent / "proxy.log"
    with file.open("w") as log:
        process = subprocess.Popen(
            line, stdout=subprocess.PIPE, stderr=log, text=True, env=environment(home, **variables)
        )
        with process:
            assert process.stdout is not None
            try:
                said = process.stdout.readline()
                assert "listening on" in said, file.read_text()
                yield Command(process, said.partition("listening on ")[2].partition(",")[0] + "/v1", file)
            finally:
                process.kill()


def client(url: str, **more: Any) -> openai.OpenAI:
    return openai.OpenAI(base_url=url, api_key=KEY, max_retries=0, **more)


def is_refused(url: str) -> bool:
    """Whether the proxy takes no connections any more."""
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), DEADLINE_S).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        pass  # it was in the queue of the listener, which closed just then
    return False


def test_records_reach_the_server(endpoint: Endpoint, private_home: Path) -> None:
    """A call made through the command is delivered; SIGTERM ends it with exit code 0."""
    with CompletionsAPI() as api:
        settings = {"LOG10_URL": api.url, "LOG10_TOKEN": "t", "LOG10_TAGS": "from-the-environment"}
        with command(private_home, endpoint.url, **settings) as running:
            with client(running.url) as sdk:
                answer = sdk.chat.completions.create(**ASKED)
            assert running.stop() == 0
        (record,) = api.stored

    assert record["response"]["id"] == answer.id
    assert record["tags"] == ["from-the-environment"]
    assert record["request"] == ASKED


def test_no_byte_of_a_key_is_kept(endpoint: Endpoint, private_home: Path) -> None:
    """Neither on disk nor in the log nor in what is delivered, wherever a client puts it."""
    repeated = f"Incorrect API key provided: {KEY}"
    headers = {"api-key": KEY, "X-Api-Key": KEY, "Cookie": f"session={KEY}", "X-Goog-Api-Key": KEY}
    with CompletionsAPI() as api:
        settings = {"LOG10_URL": api.url, "LOG10_TOKEN": "t", "LOG10_FLUSH_INTERVAL": "3600"}
        with command(private_home, endpoint.url, "--log-level", "debug", **settings) as running:
            with client(running.url, default_headers=headers, default_query={"key": KEY}) as sdk:
                sdk.chat.completions.create(**ASKED)
                list(sdk.chat.completions.create(stream=True, **ASKED))
                endpoint.script(json_answer({"error": {"message": repeated}}, status=401))
                with pytest.raises(openai.AuthenticationError, match=KEY):
                    sdk.chat.completions.create(**ASKED)
            written = [path.read_bytes() for path in private_home.rglob("*") if path.is_file()]
            assert running.stop() == 0
            log = running.log.read_bytes()
        delivered = json.dumps(api.stored)

    assert endpoint.received[0].headers["authorization"] == f"Bearer {KEY}"
    assert KEY in endpoint.received[0].path
    assert len(json.loads(delivered)) == 3
    assert any(b"Troms" in each for each in written)
    # Long enough to be no word of anything else.
    for part in (KEY[8:24], KEY[-16:]):
        assert not [each for each in (*written, log, delivered.encode()) if part.encode() in each]


def test_a_killed_proxy_loses_nothing_that_a_client_has_seen(endpoint: Endpoint, private_home: Path) -> None:
    """After ``kill -9``, what was answered is whole, and a stream that had begun has its request."""
    held = threading.Event()
    with CompletionsAPI() as api:
        settings = {"LOG10_URL": api.url, "LOG10_TOKEN": "t", "LOG10_FLUSH_INTERVAL": "3600"}
        with command(private_home, endpoint.url, **settings) as running, client(running.url) as sdk:
            answer = sdk.chat.completions.create(**ASKED)
            endpoint.script(sse_answer(*sse(*chat_chunks("Hello"))[:2], held))
            stream = iter(sdk.chat.completions.create(stream=True, **ASKED))
            next(stream)
            running.process.kill()
            running.process.wait(DEADLINE_S)
            held.set()
        assert api.stored == []
        done = program(private_home, DELIVER, **settings)
        assert done.returncode == 0, done.stderr
        whole, begun = sorted(api.rows().values(), key=lambda record: record["created_at"])

    assert (whole["status"], whole["response"]["id"]) == ("finished", answer.id)
    assert (begun["status"], begun["failure_kind"]) == ("failed", "ProcessDied")
    assert (begun["request"], begun["via"]) == ({**ASKED, "stream": True}, "proxy")


def test_streams_under_way_end_before_the_proxy_does(endpoint: Endpoint, private_home: Path) -> None:
    """After SIGTERM no connection is taken, an open stream goes on to its end, and its record is whole."""
    held = threading.Event()
    endpoint.script(sse_answer(*sse(*chat_chunks("Hello"))[:2], held, *sse(*chat_chunks(" there"))[1:]))
    with CompletionsAPI() as api:
        settings = {"LOG10_URL": api.url, "LOG10_TOKEN": "t"}
        with (
            command(private_home, endpoint.url, "--stop-timeout", "120", **settings) as running,
            client(running.url) as sdk,
        ):
            stream = iter(sdk.chat.completions.create(stream=True, **ASKED))
            words = [next(stream).choices[0].delta.content]
            running.process.send_signal(signal.SIGTERM)
            until(lambda: is_refused(running.url), "connections are refused")
            held.set()
            words += [chunk.choices[0].delta.content for chunk in stream if chunk.choices]
            assert running.process.wait(DEADLINE_S) == 0
        (record,) = api.rows().values()

    assert "".join(filter(None, words)) == "Hello there"
    assert record["status"] == "finished"
    assert "interrupted" not in record


def test_streams_that_do_not_end_are_cut(endpoint: Endpoint, private_home: Path) -> None:
    """After ``--stop-timeout`` seconds; their records have what was received."""
    held = threading.Event()
    endpoint.script(sse_answer(*sse(*chat_chunks("Hello"))[:2], held))
    with CompletionsAPI() as api:
        settings = {"LOG10_URL": api.url, "LOG10_TOKEN": "t"}
        with (
            command(private_home, endpoint.url, "--stop-timeout", "0", **settings) as running,
            client(running.url) as sdk,
        ):
            stream = iter(sdk.chat.completions.create(stream=True, **ASKED))
            next(stream)
            next(stream)
            assert running.stop() == 0
            with pytest.raises(Exception, match=r"(?i)peer|closed|reset|incomplete|connection"):
                list(stream)
            held.set()
        (record,) = api.rows().values()

    assert (record["status"], record["interrupted"]) == ("finished", True)
    assert record["response"]["choices"][0]["message"]["content"] == "Hello"


def test_without_recording_everything_passes(endpoint: Endpoint, private_home: Path) -> None:
    """``LOG10_DISABLED`` holds for the proxy as for ``patch()``."""
    with command(private_home, endpoint.url, LOG10_DISABLED="1") as running:
        with client(running.url) as sdk:
            assert sdk.chat.completions.create(**ASKED).choices
        assert running.stop() == 0

    assert not (private_home / "spool").exists()


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (["--to", "nonsense"], "--to nonsense cannot be used", 1),
        ([], "Missing option", 2),
        (["--to", "https://127.0.0.1:1", "--ca", "/nowhere.pem"], "/nowhere.pem", 2),
    ],
)
def test_a_usage_error_is_one_sentence(
    private_home: Path, arguments: list[str], message: str, code: int
) -> None:
    """It names what cannot be used."""
    done = subprocess.run(
        [sys.executable, "-m", "log10_trace", "proxy", "--port", "0", *arguments],
        capture_output=True,
        text=True,
        env=environment(private_home, NO_COLOR="1", COLUMNS="200"),
        timeout=DEADLINE_S,
        check=False,
    )

    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_proxy_does_not_pass_to_itself(private_home: Path) -> None:
    """It would call itself without end."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    line = [sys.executable, "-m", "log10_trace", "proxy", "--to", f"http://localhost:{port}", "--port", port]
    done = subprocess.run(
        line, capture_output=True, text=True, env=environment(private_home), timeout=DEADLINE_S, check=False
    )

    assert done.returncode == 1
    assert "the proxy itself" in done.stderr


def test_a_large_upload_does_not_gather_in_the_proxy(private_home: Path) -> None:
    """A file of 100 MB passes; the process has not grown by a third of it."""
    size, piece = 100 << 20, bytes(1 << 20)
    got: list[int] = []

    def serve(peer: Peer) -> None:
        peer.head()
        total = 0
        while total < size:
            total += len(peer.connection.recv(1 << 20))
        got.append(total)
        peer.answer(b"{}")

    with raw_server(serve) as server, command(private_home, server.url, LOG10_URL="") as running:
        address = urlsplit(running.url)
        before = peak_kib(running.process.pid)
        with socket.create_connection((address.hostname or "", address.port or 0), DEADLINE_S) as connection:
            connection.sendall(b"POST /v1/files HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
            for _ in range(size // len(piece)):
                connection.sendall(piece)
            assert connection.recv(12) == b"HTTP/1.1 200"
        grown = peak_kib(running.process.pid) - before

    assert got == [size]
    assert grown < size // 1024 // 3


def peak_kib(pid: int) -> int:
    """The most memory that a process has had in use."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("streamed", [False, True])
def test_curl_gets_the_bytes_of_a_direct_call(endpoint: Endpoint, private_home: Path, streamed: bool) -> None:
    """Status, headers and body, plain and streamed, the large upload with ``Expect`` included."""
    body = private_home.parent / "body.json"
    body.write_text(json.dumps({**ASKED, "stream": streamed, "user": "x" * 2_000_000}))

    def curl(url: str) -> bytes:
        line = ["curl", "-sS", "-i", f"{url}/chat/completions", "-H", "Authorization: Bearer sk-1"]
        line += ["-H", "Expect: 100-continue", "--expect100-timeout", "0.01", "--data-binary", f"@{body}"]
        done = subprocess.run(line, capture_output=True, timeout=DEADLINE_S, check=True)
        ignored = (b"date:", b"x-request-id:")
        return b"\n".join(each for each in done.stdout.split(b"\n") if not each.lower().startswith(ignored))

    direct = curl(endpoint.url)
    with command(private_home, endpoint.url) as running:
        through = curl(running.url)
        running.stop()

    assert through == direct
    assert endpoint.received[0].body == endpoint.received[1].body == body.read_bytes()


NODE = """
const { OpenAI } = require("openai");
async function main(baseURL) {
  const client = new OpenAI({ baseURL, apiKey: "sk-of-node-0123456789", maxRetries: 0,
    defaultHeaders: { "X-Log10-Tags": "node" } });
  const messages = [{ role: "user", content: "Plan a trip to Troms\\u00f8." }];
  const said = [await client.chat.completions.create({ model: "m", messages })];
  for await (const chunk of await client.chat.completions.create({ model: "m", messages, stream: true }))
    said.push(chunk);
  for await (const event of await client.responses.create({ model: "m", input: "i", stream: true }))
    said.push(event);
  const failing = { headers: { "x-answer": "error" } };
  try { await client.chat.completions.create({ model: "m", messages }, failing); }
  catch (error) { said.push([error.constructor.name, error.message]); }
  console.log(JSON.stringify(said));
}
main(process.argv[2]);
"""


def test_the_sdk_of_node_gets_what_it_gets_directly(endpoint: Endpoint, private_home: Path) -> None:
    """Objects, events and errors of openai's Node SDK are the same, and its calls are recorded."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    found = subprocess.run(
        [node, "-e", "require('openai')"], capture_output=True, timeout=DEADLINE_S, check=False
    )
    if found.returncode:
        pytest.skip("the package openai of npm is not found: name its node_modules in NODE_PATH")
    script = private_home.parent / "program.cjs"
    script.write_text(NODE)

    def run(url: str) -> list[Any]:
        endpoint.script(json_answer({"error": {"message": "slow down"}}, status=429), name="error")
        done = subprocess.run(
            [node, str(script), url], capture_output=True, text=True, timeout=DEADLINE_S, check=True,
            env=dict(os.environ),
        )  # fmt: skip
        said: list[Any] = json.loads(done.stdout)
        return said

    direct = run(endpoint.url)
    with CompletionsAPI() as api:
        settings = {"LOG10_URL": api.url, "LOG10_TOKEN": "t"}
        with command(private_home, endpoint.url, **settings) as running:
            through = run(running.url)
            assert running.stop() == 0
        records = sorted(api.rows().values(), key=lambda record: record["sequence"])

    assert through == direct
    assert [each.body for each in endpoint.received[:4]] == [each.body for each in endpoint.received[4:]]
    assert [record["status"] for record in records] == ["finished", "finished", "finished", "failed"]
    assert {tuple(record["tags"]) for record in records} == {("node",)}
