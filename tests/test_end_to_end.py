"""From ``patch()`` to the database: the whole way, with real processes, real HTTP and real signals."""

from __future__ import annotations

import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from log10_trace.cli.simulated_model import MODEL, simulated_model
from log10_trace.client import Log10
from log10_trace.local_server import LocalServer
from log10_trace.models.components import Completion
from tests import model_answers
from tests.cli.conftest import Cli
from tests.model_endpoint import json_answer, model_endpoint, sse, sse_answer
from tests.processes import environment, program, server, until

CALLS = """
import log10_trace, openai
log10_trace.patch(tags=["program"])
client = openai.OpenAI(api_key="sk-secret-of-the-test")
with log10_trace.session(tags=["inside"]) as session:
    for number in range(5):
        client.chat.completions.create(
            model="simulated-model", messages=[{"role": "user", "content": f"question {number}"}])
    for chunk in client.chat.completions.create(
            model="simulated-model", messages=[{"role": "user", "content": "streamed"}], stream=True):
        pass
print(session.id, flush=True)
"""
KILLED = CALLS + "import os, signal; os.kill(os.getpid(), signal.SIGKILL)\n"


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A model endpoint that programs started by the test call."""
    with simulated_model() as base_url:
        monkeypatch.setenv("OPENAI_BASE_URL", base_url)
        yield base_url


@pytest.fixture
def home(private_home: Path, patient_ends: None) -> Path:
    """The folder of the user's own things, there already."""
    private_home.mkdir(mode=0o700)
    return private_home


def records_of(ours: LocalServer, **filters: object) -> list[Completion]:
    with Log10(server_url=ours.url, log10_token=ours.token) as client:
        return list(client.completions.list(view="full", **filters))


PRICED = """
import log10_trace, openai
log10_trace.patch()
client = openai.OpenAI(api_key="k")
asked = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
with log10_trace.tags("chat"):
    client.chat.completions.create(**asked)
with log10_trace.tags("chat stream"):
    list(client.chat.completions.create(**asked, stream=True))
if hasattr(client, "responses"):
    with log10_trace.tags("responses"):
        client.responses.create(model="gpt-4o", input="hi")
    with log10_trace.tags("responses stream"):
        list(client.responses.create(model="gpt-4o", input="hi", stream=True))
assert log10_trace.flush(60)
"""


def served_flexibly(body: dict[str, Any]) -> dict[str, Any]:
    """A body, chunk or event as another model gives it in the flex tier, with a million and a half tokens."""
    changed = {name: served_flexibly(value) if name == "response" else value for name, value in body.items()}
    if "model" in body:
        changed |= {"model": "gpt-5-nano-2025-08-07", "service_tier": "flex"}
    if body.get("usage"):
        counts = {"input_tokens": 1_000_000, "output_tokens": 500_000, "total_tokens": 1_500_000}
        if "output" not in body:
            counts = {"prompt_tokens": 1_000_000, "completion_tokens": 500_000, "total_tokens": 1_500_000}
        changed["usage"] = body["usage"] | counts
    return changed


def test_a_call_costs_the_same_by_whichever_method(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamed or not, chat or Responses, a call costs what the model and the tier that answered do."""
    whole = [model_answers.chat(), model_answers.chat_chunks(), model_answers.response()]
    answers = [
        sse_answer(*sse(*map(served_flexibly, body)))
        if isinstance(body, list)
        else json_answer(served_flexibly(body))
        for body in (*whole, model_answers.response_events())
    ]
    with model_endpoint() as endpoint, server(home) as ours:
        endpoint.script(*answers)
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
        done = program(home, PRICED)
        assert done.returncode == 0, done.stderr
        with Log10(server_url=ours.url, log10_token=ours.token) as client:
            groups = client.completions.statistics(group_by="tag").statistics.groups

    assert {"chat", "chat stream"} <= {group.key for group in groups}
    assert {group.key: group.cost for group in groups} == {
        group.key: pytest.approx(0.025 + 0.1) for group in groups
    }


def test_a_program_killed_after_its_last_call_loses_nothing(home: Path, model: str) -> None:
    """``kill -9`` right after the last call, then the server and a second run: all of the first, once."""
    killed = program(home, KILLED)
    assert killed.returncode == -signal.SIGKILL
    first = killed.stdout.strip()

    with server(home) as ours:
        second = program(home, CALLS)
        assert second.returncode == 0, second.stderr
        records = until(
            lambda: (found := records_of(ours, session_id=first)) and len(found) >= 6 and found,
            "the killed program's records arrive",
        )

        again = records_of(ours)

    assert len(records) == 6
    assert Counter(record.session_id for record in again) == {first: 6, second.stdout.strip(): 6}
    assert len({record.id for record in again}) == 12


def test_a_record_is_what_happened(home: Path, model: str) -> None:
    """Request, response, duration, stack, tags and session of a call, as the server gives them back."""
    with server(home) as ours:
        done = program(home, CALLS)
        records = records_of(ours, tag=["inside"], order="oldest")

    assert [record.request.messages[0].content for record in records] == [  # type: ignore[union-attr]
        *(f"question {number}" for number in range(5)),
        "streamed",
    ]
    for record in records:
        assert record.status == "finished"
        assert record.kind == "chat"
        assert record.tags == ["program", "inside"]
        assert record.session_id == done.stdout.strip()
        assert record.request.model == MODEL  # type: ignore[union-attr]
        assert record.response.object == "chat.completion"  # type: ignore[union-attr]
        assert "No model was asked." in record.response.choices[0].message.content  # type: ignore[union-attr]
        assert 0 < float(record.duration or 0) < 60
        assert record.stacktrace is not None
        assert record.stacktrace[-1].file == "<string>"
        assert record.sequence is not None
    assert "stream" not in records[0].request.model_fields_set  # type: ignore[union-attr]


def test_no_secret_is_stored_anywhere(home: Path, model: str) -> None:
    """The API key is in no byte of anything that was written."""
    with server(home):
        assert program(home, CALLS).returncode == 0

    written = [path for path in home.rglob("*") if path.is_file()]
    assert written
    assert not [path for path in written if b"sk-secret-of-the-test" in path.read_bytes()]


def test_the_demo_stores_every_call_it_makes(home: Path) -> None:
    """``log10-trace demo --once`` stores six records, and shows each one's line and outcome in 80 columns."""
    done = Cli("", "", environment(home)).screen("demo", "--once", width=80)

    lines = [line.rstrip() for line in done.text.splitlines()]
    assert done.returncode == 0, done.text
    assert max(map(len, lines)) <= 80
    rows = [line.split("  ")[0] for line in lines if re.search(r" demo_calls\.py:\d+  demo, six-calls", line)]
    assert rows == ["plain", "streamed", "async", "tools", "text completion", "failing"]
    assert "A simulated answer to 7 words. No model was asked." in done.text
    assert "NotFoundError: Error code: 404 - The model 'no-such-model' does not exist" in done.text
    with sqlite3.connect(home / "demo" / "completions.db") as database:
        assert database.execute("SELECT count(*) FROM completions").fetchone() == (6,)


def test_an_unusable_address_is_named_at_patch(home: Path) -> None:
    """A bad LOG10_URL is one sentence from ``patch()``, naming the variable and its value."""
    done = program(home, "import log10_trace; log10_trace.patch()", LOG10_URL="localhost:4680")

    assert done.returncode == 1
    assert "LOG10_URL='localhost:4680' cannot be used" in done.stderr.strip().splitlines()[-1]


def test_an_unwritable_spool_folder_loses_nothing(home: Path, model: str) -> None:
    """When the spool cannot be written the program is told once, and the records arrive all the same."""
    home.mkdir(exist_ok=True)
    (home / "spool").write_text("in the way")

    with server(home) as ours:
        done = program(home, "import logging; logging.basicConfig()\n" + CALLS)
        records = records_of(ours)

    assert done.returncode == 0, done.stderr
    assert done.stderr.count(str(home / "spool")) == 1
    assert len(records) == 6


def test_a_spool_folder_that_cannot_be_made_is_named_at_patch(home: Path) -> None:
    """One that was named and cannot be is a mistake, as an unusable address is."""
    done = program(home, "import log10_trace; log10_trace.patch()", LOG10_SPOOL_DIR="/proc/x")

    assert done.returncode == 1
    assert "LOG10_SPOOL_DIR='/proc/x' cannot be used" in done.stderr.strip().splitlines()[-1]


def test_a_refused_token_keeps_every_record(home: Path, model: str) -> None:
    """With a token that the server refuses the program is told, and its records wait for a better one."""
    with server(home) as ours:
        refused = program(
            home,
            "import logging; logging.basicConfig()\n" + CALLS,
            LOG10_URL=ours.url,
            LOG10_TOKEN="l10_wrong",
        )
        assert refused.returncode == 0
        assert "token" in refused.stderr.lower()

        right = program(home, CALLS, LOG10_URL=ours.url, LOG10_TOKEN=ours.token)
        assert right.returncode == 0
        records = until(
            lambda: (found := records_of(ours)) and len(found) >= 12 and found,
            "the refused records arrive with the right token",
        )

    assert len(records) == 12


def serve_fails(home: Path, *arguments: str) -> str:
    """What ``serve`` says when it cannot start; one sentence, no traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "log10_trace", "serve", *arguments],
        capture_output=True,
        text=True,
        env=environment(home),
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.strip()


def test_a_port_in_use_is_named(home: Path) -> None:
    """Starting on a port that is taken says which port, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        assert port in serve_fails(home, "--port", port)


def test_another_programs_database_is_left_alone(home: Path) -> None:
    """A database file of another program is refused by name, and not changed."""
    foreign = home / "foreign.db"
    with sqlite3.connect(foreign) as database:
        database.execute("CREATE TABLE theirs (id INTEGER)")
    before = foreign.read_bytes()

    said = serve_fails(home, "--port", "0", "--database", str(foreign))

    assert str(foreign) in said
    assert foreign.read_bytes() == before


def test_a_text_file_is_no_database(home: Path) -> None:
    """A file that is no database at all is refused in the same way."""
    text = home / "notes.txt"
    text.write_text("not a database, but long enough to be taken for one " * 50)

    assert str(text) in serve_fails(home, "--port", "0", "--database", str(text))


def test_a_demo_that_is_ended_leaves_no_server_behind(home: Path) -> None:
    """SIGTERM ends the demo and the server that it started."""
    command = [sys.executable, "-m", "log10_trace", "demo"]
    with (home / "out").open("w") as out:
        demo = subprocess.Popen(command, stdout=out, stderr=out, env=environment(home))
        try:
            until(lambda: "Ctrl-C ends the demo" in (home / "out").read_text(), "the demo waits")
            announced = home / "demo" / "server.json"
            assert announced.exists()
        finally:
            demo.terminate()

        assert demo.wait(120) == 128 + signal.SIGTERM
    assert not announced.exists()
