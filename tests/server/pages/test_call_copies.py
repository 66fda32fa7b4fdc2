"""The request as something to run: what a record holds stays data, in a shell and in Python."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest

from log10_trace.server.pages.call.request_code import write_curl, write_python
from tests.server.pages.page_client import Site, completion
from tests.server.pages.test_hostile import HOSTILE

TRICKS = [
    *HOSTILE.values(),
    "$(touch gone) `touch gone` $OPENAI_API_KEY ' \" \\ !! ; & | \n\nEND_OF_REQUEST\ntouch gone",
    "''' + __import__('os').system('touch gone') + '''\\",
]
FAKE_CURL = '#!/bin/sh\nprintf "%s\\n" "$@" > arguments\ncat > body\n'


def fields_of(request: str, **fields: Any) -> dict[str, str]:
    return {"request": request, **{name: json.dumps(value) for name, value in fields.items()}}


def run_curl(command: str, folder: Path) -> tuple[list[str], str]:
    """What a shell gives to curl: its arguments, and its input."""
    curl = folder / "curl"
    curl.write_text(FAKE_CURL)
    curl.chmod(0o700)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "OPENAI_API_KEY": "sk-mine"}
    subprocess.run(["/bin/sh", "-c", command], cwd=folder, env=environment, check=True)
    assert not (folder / "gone").exists()
    return (folder / "arguments").read_text().splitlines(), (folder / "body").read_text()


@pytest.mark.parametrize("text", TRICKS)
def test_the_shell_hands_the_request_to_curl_unchanged(text: str, tmp_path: Path) -> None:
    """Whatever a message holds, curl's input is the same JSON; the key comes from the environment."""
    request = {"model": text, "messages": [{"role": text, "content": text}]}
    raw = json.dumps(request, ensure_ascii=False) if text.isprintable() else json.dumps(request)

    arguments, body = run_curl(
        write_curl(fields_of(raw, endpoint="/chat/completions", base_url=text)), tmp_path
    )

    assert json.loads(body) == request
    assert arguments[:4] == [
        "--url", "https://api.openai.com/v1/chat/completions", "--header", "Authorization: Bearer sk-mine"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        (
            {"base_url": "http://127.0.0.1:8000/v1/", "endpoint": "/completions"},
            "http://127.0.0.1:8000/v1/completions",
        ),
        ({"base_url": "file:///etc"}, "https://api.openai.com/v1/chat/completions"),
        ({"native_request": {"input": "x"}}, "https://api.openai.com/v1/responses"),
        ({"endpoint": "/../admin"}, "https://api.openai.com/v1/chat/completions"),
    ],
)
def test_the_request_goes_where_it_went(fields: dict[str, Any], url: str) -> None:
    """To the recorded base URL and endpoint, where they are a web address and an endpoint of models."""
    assert write_curl(fields_of('{"messages":[]}', **fields)).splitlines()[0] == f"curl --url {url} \\"


class Provider(BaseHTTPRequestHandler):
    """Answers everything, and keeps what it was sent."""

    seen: ClassVar[list[tuple[str, str]]] = []

    def do_POST(self) -> None:
        """Keep the body."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.seen.append((self.path, body))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"id":"x","object":"x","choices":[],"output":[]}')

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """The base URL of a model's provider."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()
    thread.join()


def run_python(program: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Any]:
    """The path and the JSON that the program sends."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine")
    Provider.seen.clear()
    exec(compile(program, "copied", "exec"), {})
    ((path, body),) = Provider.seen
    return path, json.loads(body, parse_int=str, parse_float=str)


@pytest.mark.parametrize("text", TRICKS)
def test_python_sends_the_same_request(
    text: str,
    provider: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The program runs as it is, and sends what the record holds; a lone half of a pair no SDK can send."""
    text = text.encode("utf-8", "replace").decode()
    request = {"model": text, "messages": [{"role": "user", "content": text}], text: {text: [text]}}

    path, sent = run_python(write_python(fields_of(json.dumps(request), base_url=provider)), monkeypatch)

    assert (path, sent) == ("/v1/chat/completions", request)
    assert not Path("gone").exists()
    assert capsys.readouterr().out


@pytest.mark.parametrize(
    ("endpoint", "asked"),
    [
        ("/chat/completions", '"messages":[]'),
        ("/completions", '"prompt":"x"'),
        ("/responses", '"input":"x","messages":[]'),
    ],
)
def test_python_keeps_numbers_and_unknown_parameters(
    endpoint: str, asked: str, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers are spelled as they were, and what the SDK's method does not name goes into its extra body."""
    request = f'{{"model":"m",{asked},"temperature":0.25,"k":12345678901234567890123,"x":[true,null,{{}}]}}'
    fields = fields_of(request, base_url=provider, endpoint=endpoint)

    assert run_python(write_python(fields), monkeypatch) == (
        f"/v1{endpoint}",
        json.loads(request, parse_int=str, parse_float=str),
    )
    assert "1e400," in write_python(fields_of('{"seed":1e400}'))


def test_a_large_request_is_not_read_value_by_value(
    site: Site, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program for a million characters parses their text; the messages are cut out of it as they stand."""
    messages = "[" + ", ".join('{"role": "user", "content": "\\u0041\'"}' for _ in range(30_000)) + "]"
    request = f'{{"n": [1, {{"messages": 2}}], "messages": {messages}, "x": 1}}'
    call_id = site.keep(f'{{"id": "large", "base_url": "{provider}", "request": {request}}}')

    program = site.browser.get(f"/completions/{call_id}/request.py").text

    path, sent = run_python(program, monkeypatch)
    assert (path, sent["messages"]) == ("/v1/chat/completions", json.loads(messages))
    assert site.browser.get(f"/completions/{call_id}/messages.json").text == messages


def test_the_page_offers_what_can_be_run(site: Site) -> None:
    """Command, program and messages have addresses; without a request there are none."""
    messages = '[{"role": "user",  "content": "x"}]'
    call_id = site.keep(f'{{"id": "a", "request": {{"messages": {messages}}}}}')
    empty = site.keep(completion(id="b", request=None))

    page = site.page(f"/completions/{call_id}")

    for name, kind in (
        ("request.sh", "text/plain"),
        ("request.py", "text/plain"),
        ("messages.json", "application/json"),
    ):
        assert f'href="/completions/{call_id}/{name}"' in page
        assert site.browser.get(f"/completions/{call_id}/{name}").headers["content-type"].startswith(kind)
        assert site.browser.get(f"/completions/{empty}/{name}").status_code == 404
        assert name not in site.page(f"/completions/{empty}")
    assert site.browser.get(f"/completions/{call_id}/messages.json").text == messages
    assert "log10-trace replay a</pre>" in page


def test_a_message_of_anthropics_is_sent_as_it_was(
    provider: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By Anthropic's SDK and with its key; curl names the version of the API."""
    pytest.importorskip("anthropic", reason="anthropic is not installed")
    request = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}], "x": ["y"]}
    fields = fields_of("{}", native_request=request, endpoint="/messages", base_url=provider)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-mine")

    path, sent = run_python(write_python(fields), monkeypatch)
    arguments, body = run_curl(write_curl(fields | {"base_url": '"x"'}), tmp_path)

    assert (path, sent) == ("/v1/messages", request | {"max_tokens": "5"})
    assert arguments[:2] == ["--url", "https://api.anthropic.com/v1/messages"]
    assert arguments[2].startswith("--header")
    assert arguments[3].startswith("x-api-key: ")
    assert arguments[5] == "anthropic-version: 2023-06-01"
    assert json.loads(body) == request
    assert capsys.readouterr().out
