"""Cassettes of vcrpy, made by vcrpy, become recordings that are served."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import vcr

from log10_trace.testing import replay
from log10_trace.testing.convert_cassette import main
from tests.instrument.programs import CHAT
from tests.model_answers import chat, chat_chunks
from tests.model_endpoint import Endpoint, error_answer, json_answer, sse, sse_answer
from tests.testing.conftest import KEY


def calls(client: openai.OpenAI) -> list[Any]:
    """An answer, a stream and a failure, as a test sees them."""
    seen: list[Any] = [
        client.chat.completions.create(**CHAT),
        list(client.chat.completions.create(**CHAT, stream=True)),
    ]
    with pytest.raises(openai.RateLimitError) as caught:
        client.completions.create(model="m", prompt="x")
    return [*seen, str(caught.value)]


@pytest.mark.parametrize("serializer", ["yaml", "json"])
def test_a_cassette_becomes_a_recording(
    endpoint: Endpoint, tmp_path: Path, serializer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same answers, and no key in the file."""
    cassette, recording = tmp_path / "cassette", tmp_path / "folder" / "calls.jsonl"
    with (
        vcr.use_cassette(str(cassette), serializer=serializer),
        httpx.Client() as http,
        openai.OpenAI(base_url=endpoint.url, api_key=KEY, http_client=http, max_retries=0) as client,
    ):
        endpoint.script(*_answers())
        recorded = calls(client)
    assert KEY in cassette.read_text(encoding="utf-8")

    assert main([str(cassette), str(recording)]) == 0

    with replay(recording, "none", strict=True), openai.OpenAI(base_url="http://127.0.0.1:9/v1") as client:
        assert calls(client) == recorded
    assert KEY not in recording.read_text(encoding="utf-8")
    assert capsys.readouterr().out == f"{recording}: 3 calls\n"
    lines = [json.loads(line) for line in recording.read_text(encoding="utf-8").splitlines()]
    assert lines[1]["request"] == "POST /chat/completions"


def _answers() -> list[Any]:
    return [json_answer(chat("Hello")), sse_answer(*sse(*chat_chunks("Good", " day"))), error_answer(429)]


def test_what_is_no_cassette_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing is written; nor over a file that is there."""
    wrong, recording = tmp_path / "wrong.yaml", tmp_path / "calls.jsonl"
    wrong.write_text("interactions: [{}]")

    assert main([str(wrong), str(recording)]) == 1
    assert f"{wrong}: it is no cassette of vcrpy (KeyError: 'request')" in capsys.readouterr().err
    assert main([str(tmp_path / "none.yaml"), str(recording)]) == 1
    assert not recording.exists()
    recording.write_text("")
    assert main([str(wrong), str(recording)]) == 1
    assert "exists already" in capsys.readouterr().err


def test_it_is_a_command() -> None:
    """As the documentation says."""
    command = [sys.executable, "-m", "log10_trace.testing.convert_cassette", "--help"]

    assert "cassette" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
