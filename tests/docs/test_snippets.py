"""Every snippet of the documentation runs, against a model endpoint and a server of the test's own."""

from __future__ import annotations

import importlib
import importlib.util
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.generate import find_command
from log10_trace.local_server import LocalServer
from tests.docs.pages import ALL_PAGES, ROOT, Snippet, snippets
from tests.model_endpoint import model_endpoint
from tests.processes import PATIENT, environment, server

PYTEST = """
import os, pytest
if __name__ == "__main__":
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    raise SystemExit(pytest.main(["-q", "-p", "log10_trace.testing.pytest_plugin", "--noconftest", __file__]))
"""
DRIVERS = {
    "fastapi": """
from starlette.testclient import TestClient
answer = TestClient(app).get("/joke", params={"about": "snow"})
assert answer.json() and answer.headers["x-session-id"]
""",
    "flask": """
assert app.test_client().get("/joke?about=snow").text
""",
    "celery": """
app.conf.task_always_eager = True
assert summarize.delay("a long text").get()
""",
    "lambda": """
assert handler({"question": "Is it raining?"}, None)["answer"]
""",
    "fixture": PYTEST,
    "mark": PYTEST,
    "options": """
assert log10_replay_options
""",
    "capture": """
test_the_model_is_asked(openai.OpenAI())
""",
}
"""What uses the objects that a snippet makes."""

NEEDS = (
    "fastapi",
    "flask",
    "celery",
    "pandas",
    "duckdb",
    "pyarrow",
    "datasets",
    "presidio_analyzer",
    "litellm",
)
"""Snippets that need the library of their name."""

CALL = """
import log10_trace, openai
log10_trace.patch(tags=["good"])
openai.OpenAI().chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
"""

FILES = {
    "calls.csv": ["completions", "export", "--format", "csv", "-o", "calls.csv"],
    "calls.parquet": ["completions", "export", "--format", "parquet", "-o", "calls.parquet"],
    "calls.jsonl": ["completions", "export", "-o", "calls.jsonl"],
    "chats.jsonl": ["completions", "export", "--format", "chat", "-o", "chats.jsonl"],
}
"""The files that recipes read, and the command that writes each."""

PYTHON = [each for page in ALL_PAGES for each in snippets(page, "python")]
SHELL = [each for page in ALL_PAGES for language in ("sh", "") for each in snippets(page, language)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str], LocalServer]]:
    """A folder to run in, variables, and a server that has a few calls."""
    folder = tmp_path_factory.mktemp("snippets")
    home = folder / "home"
    home.mkdir()
    with model_endpoint() as endpoint, server(home) as running:
        variables = environment(home, OPENAI_BASE_URL=endpoint.url, OPENAI_API_KEY="sk-none", **PATIENT)
        yield folder, variables, running


def run(place: tuple[Path, dict[str, str], LocalServer], *command: str) -> None:
    folder, variables, _ = place
    done = subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("snippet", PYTHON, ids=str)
def test_a_python_snippet_runs(place: tuple[Path, dict[str, str], LocalServer], snippet: Snippet) -> None:
    """Each block is a whole program; one that makes an application or a handler is used once."""
    compile(snippet.text, str(snippet), "exec")
    if snippet.name in NEEDS and importlib.util.find_spec(snippet.name) is None:
        pytest.skip(f"{snippet.name} is not installed")
    if any(name in snippet.text for name in FILES):
        run(place, sys.executable, "-c", CALL)
    for name, command in FILES.items():
        if name in snippet.text:
            run(place, sys.executable, "-m", "log10_trace", *command, "--force")
    program = place[0] / "snippet.py"
    program.write_text(snippet.text + DRIVERS.get(snippet.name, ""), encoding="utf-8")

    run(place, sys.executable, str(program))


def commands() -> list[str]:
    """Every command line of ours in the documentation, without its comment."""
    lines = {
        line.strip().removeprefix("$ ").removeprefix(".venv/bin/").partition("  #")[0].strip()
        for each in SHELL
        for line in each.text.splitlines()
    }
    return sorted(line for line in lines if line.startswith("log10-trace "))


@pytest.mark.parametrize("line", commands())
def test_a_command_line_is_understood(line: str) -> None:
    """The command exists, and has each option that is named."""
    words = shlex.split(line)[1:]
    command, rest = find_command(words)
    options = {name for each in command.params for name in (*each.opts, *each.secondary_opts)}

    # Of "-", a file, and "-2", the call before the newest, neither is an option.
    assert {word.partition("=")[0] for word in rest if re.match(r"-[^\d]", word)} <= options


def scripts() -> list[str]:
    """Every command line of the documentation that runs a script or a module of the repository."""
    lines = {line.partition("  #")[0].strip() for each in SHELL for line in each.text.splitlines()}
    found = (
        re.search(r"python3? ((?:-m )?(?:benchmarks|docs|tests|examples|scripts)\b.*)", line)
        for line in lines
    )
    return sorted(each[1] for each in found if each)


@pytest.mark.parametrize("line", scripts())
def test_a_script_that_is_named_exists(line: str) -> None:
    """The file is there, and knows each option that is named."""
    words = shlex.split(line.removeprefix("-m "))
    name = words[0] if words[0].endswith(".py") else words[0].replace(".", "/") + ".py"
    script = ROOT / name

    assert script.exists()
    for option in (word for word in words[1:] if word.startswith("--")):
        assert f'"{option}"' in script.read_text(encoding="utf-8")
