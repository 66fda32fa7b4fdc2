"""The examples run as they are, and what they are to show arrives."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from log10_trace.cli.simulated_model import MODEL, simulated_model
from log10_trace.client import Log10
from log10_trace.local_server import LocalServer
from log10_trace.models.components import CompletionSummary
from tests import model_answers
from tests.docs.pages import PAGES
from tests.model_endpoint import json_answer, model_endpoint
from tests.processes import DEADLINE_S, environment, server, until
from tests.server.postgres_cluster import empty_postgres_url, postgres_server

__all__ = ["empty_postgres_url", "postgres_server"]

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
pytestmark = pytest.mark.usefixtures("patient_ends")
SCRIPTS = sorted(EXAMPLES.glob("*.py"))


class Place(NamedTuple):
    """A folder with a server's home, the server, and a model."""

    home: Path
    server: LocalServer
    model_url: str


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One server for all examples: each has tags of its own."""
    home = tmp_path_factory.mktemp("examples") / "home"
    with simulated_model() as model_url, server(home) as running:
        yield Place(home, running, model_url)


def run_example(home: Path, name: str, *arguments: str, **variables: str) -> str:
    """What an example prints, run in the folder of ``home``."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py"), *arguments],
        capture_output=True,
        text=True,
        env=environment(home, OPENAI_API_KEY="sk-none", **variables),
        cwd=home.parent,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def records(running: LocalServer, tag: str) -> list[CompletionSummary]:
    """The records with this tag, whole, the oldest first."""
    with Log10(server_url=running.url, log10_token=running.token) as client:
        return list(client.completions.list(tag=[tag], view="full", order="oldest"))


CASES = [
    ("quickstart", 1, "quickstart"),
    ("streaming", 1, "streaming"),
    ("async_tags", 3, "summarize"),
    ("tools", 2, "tools"),
    ("agent", 4, "agent"),
    ("redaction", 1, "redaction"),
]


@pytest.mark.parametrize(("name", "calls", "tag"), CASES)
def test_an_example_runs_and_its_calls_are_kept(place: Place, name: str, calls: int, tag: str) -> None:
    """Each example ends well against OPENAI_BASE_URL, and its calls are stored with their line."""
    printed = run_example(place.home, name, OPENAI_BASE_URL=place.model_url, OPENAI_MODEL=MODEL)

    kept = records(place.server, tag)
    assert len(kept) == calls
    for record in kept:
        assert record.status == "finished"
        assert record.response is not None
        assert record.stacktrace is not None
        assert record.stacktrace[-1].file == str(EXAMPLES / f"{name}.py")
        assert "create(" in record.stacktrace[-1].line
    assert printed.strip()
    if check := CHECKS.get(name):
        check(kept, printed)


def check_agent(kept: list[CompletionSummary], printed: str) -> None:
    """Two questions are two sessions of two steps, whose figures the example reads back."""
    first, second = dict.fromkeys(str(record.session_id) for record in kept)
    assert [record.tags for record in kept] == [["agent", "step-1"], ["agent", "step-2"]] * 2
    assert re.findall(r"2 calls, \d+ tokens in, \d+ out: (\S+)", printed) == [first, second]


def check_redaction(kept: list[CompletionSummary], printed: str) -> None:
    """Mail address, telephone number, customer number and user are marks in the record."""
    stored = kept[0].to_json()
    assert "[customer] to [redacted], or call [redacted]" in stored
    assert "[customer] to [redacted], or call [redacted]" in printed
    assert not re.search(r"CUST-|@example|170 1234567|\"ada\"", stored)


CHECKS = {"agent": check_agent, "redaction": check_redaction}
"""What an example is to show, beyond calls that are stored."""


@contextmanager
def service(home: Path, name: str, **variables: str) -> Iterator[str]:
    """The URL of an example's application under uvicorn while the block runs."""
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(EXAMPLES), "--port", "0", f"{name}:app"]
    variables = environment(home, OPENAI_API_KEY="sk-none", **variables)
    with (home.parent / "uvicorn.log").open("w+") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=variables)

        def url() -> str | None:
            text = Path(log.name).read_text()
            assert process.poll() is None, text
            found = re.search(r"running on (http://\S+)", text)
            return found and found[1]

        try:
            yield until(url, "the service listens")
        finally:
            process.terminate()
            process.wait(DEADLINE_S)


def test_the_fastapi_example_joins_a_conversation_s_requests(place: Place) -> None:
    """Two requests of one conversation are streamed, and are one session with the whole history."""
    pytest.importorskip("fastapi")
    with service(place.home, "fastapi_service", OPENAI_BASE_URL=place.model_url, OPENAI_MODEL=MODEL) as url:
        for question in ("Hello?", "Is it raining?"):
            answered = httpx.post(f"{url}/chats/ada-1", json={"question": question}, timeout=DEADLINE_S)
            assert "simulated answer" in answered.text

    first, second = records(place.server, "chat-service")
    assert first.session_id == second.session_id == "ada-1"
    assert second.request is not None
    assert second.request.messages is not None
    assert [message.role for message in second.request.messages] == ["user", "assistant", "user"]


def test_the_postgresql_example_reads_from_the_second_server(place: Place, empty_postgres_url: str) -> None:
    """The call that the first server stored is printed by way of the second."""
    variables = {"LOG10_DATABASE": empty_postgres_url, "OPENAI_MODEL": MODEL}
    printed = run_example(place.home, "postgresql", OPENAI_BASE_URL=place.model_url, **variables)

    assert re.fullmatch(rf"\S+Z {MODEL} A simulated answer to 5 words.*\n", printed)


def test_the_fine_tuning_example_trains_with_the_right_answers(place: Place) -> None:
    """Of three answers the two right ones are exported, and the file is uploaded and trained with."""
    answers = [model_answers.chat(word) for word in ("delivery", "return", "other")]
    uploaded = {"id": "file-1", "object": "file", "purpose": "fine-tune"}
    job = {"id": "ftjob-1", "object": "fine_tuning.job"}
    with model_endpoint() as endpoint:
        endpoint.script(*map(json_answer, [*answers, uploaded, job]))
        printed = run_example(place.home, "fine_tuning", "--train", OPENAI_BASE_URL=endpoint.url)

    *_, upload, train = endpoint.received
    written = (place.home.parent / "training.jsonl").read_text()
    examples = [json.loads(line)["messages"] for line in written.splitlines()]
    assert "2 of 3 answers were right; training.jsonl has 2 examples\ntraining ftjob-1" in printed
    assert {messages[-1]["content"] for messages in examples} == {"delivery", "return"}
    assert written.encode() in upload.body
    assert train.json["training_file"] == "file-1"


def test_the_grading_example_leaves_one_call_to_people(place: Place) -> None:
    """Two of three calls are graded by the model, whose grades hold to the task's schema."""
    explained = [model_answers.chat(f"Because {word}.") for word in ("light", "salt", "joy")]
    grades = [model_answers.chat(json.dumps({"score": score, "reason": "short"})) for score in (4, 5)]
    with model_endpoint() as endpoint:
        endpoint.script(*map(json_answer, [*explained, *grades]))
        printed = run_example(place.home, "grading", OPENAI_BASE_URL=endpoint.url)

    assert printed == "2 grades, mean score 4.5; the newest call waits for people\n"
    assert endpoint.received[-1].json["response_format"]["json_schema"]["name"] == "grade"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_an_example_is_short_and_linked(script: Path) -> None:
    """At most 60 lines, said of in the documentation, and run by a test of this file."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)

    assert len(script.read_text(encoding="utf-8").splitlines()) <= 60
    assert f"](../examples/{script.name})" in text
    assert f'"{script.stem}"' in Path(__file__).read_text(encoding="utf-8")
