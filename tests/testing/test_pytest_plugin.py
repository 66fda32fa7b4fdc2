"""The pytest plugin, in runs of pytest of its own: recordings, the fixture, and what is shown."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.model_answers import chat
from tests.model_endpoint import Endpoint, error_answer, json_answer

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = "log10_trace.testing.pytest_plugin"
QUIET = ("-W", "always", "-W", "ignore::pytest.PytestAssertRewriteWarning")
"""Warnings of the run alone: this one is of a plugin that is imported already, which depends on this run."""
KEY = "sk-s3cr3t-0123456789"

HEAD = """
import openai
import pytest

def ask(text, **options):
    with openai.OpenAI(max_retries=1) as client:
        messages = [{"role": "user", "content": text}]
        answer = client.chat.completions.create(model="gpt-4o", messages=messages, **options)
        return answer.choices[0].message.content
"""

Run = Callable[..., str]


class ModulesOfRuns:
    """Has pytester forget the modules in the folder of temporary files after a run, and no others.

    It forgets all that a run imports, and an HTTP library that is imported twice has each exception twice.
    """

    def __init__(self, folder: Path, **_more: object) -> None:
        self._folder = f"{folder}{os.sep}"

    def restore(self) -> None:
        """Called after a run."""
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", "")).startswith(self._folder):
                del sys.modules[name]


@pytest.fixture(autouse=True)
def kept_modules(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """In force before pytester begins, and until it has ended."""
    snapshot = partial(ModulesOfRuns, tmp_path_factory.getbasetemp())
    monkeypatch.setattr("_pytest.pytester.SysModulesSnapshot", snapshot)


@pytest.fixture
def run(pytester: pytest.Pytester, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs pytest in a folder of its own and gives what it prints; ``tests`` becomes the test file first.

    In this process, which has the SDK loaded; with pytest-xdist in others.
    """
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def run(*options: str, tests: str | None = None, online: bool = True) -> str:
        if tests is not None:
            pytester.path.joinpath("test_it.py").write_text(HEAD + tests, encoding="utf-8")
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url if online else "http://127.0.0.1:9/v1")
        if online:
            monkeypatch.setenv("OPENAI_API_KEY", KEY)
        else:
            monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        result = pytester.runpytest_inprocess("-p", PLUGIN, "-p", "no:cacheprovider", *QUIET, *options)
        return "\n".join([*result.outlines, *result.errlines])

    return run


def summary(output: str) -> str:
    """What the run says at its end, without its time."""
    return re.sub(r" in [\d.]+s.*", "", output.strip().splitlines()[-1]).strip("= ")


MANY = """
import asyncio
import unittest

pytestmark = pytest.mark.log10_replay

@pytest.fixture
def greeting():
    return ask("from a fixture")

def test_with_a_fixture(greeting, completions):
    assert ask("in the test") == greeting == "Hello there"
    assert [call.request.messages[0].content for call in completions] == ["in the test"]

@pytest.mark.parametrize("word", ["a/b", "a_b", "ü" * 200])
def test_of_a_word(word):
    assert ask(word)

@pytest.mark.asyncio
async def test_async():
    async with openai.AsyncOpenAI() as client:
        asked = (client.responses.create(model="gpt-4o", input=f"ask {number}") for number in range(2))
        assert len(await asyncio.gather(*asked)) == 2

class TestClass(unittest.TestCase):
    def setUp(self):
        ask("set up")

    def test_unit(self):
        ask("unit")

@pytest.mark.log10_replay(path="tapes/own.jsonl", strict=True)
def test_with_a_path():
    ask("own")
"""


def test_tests_are_recorded_and_served_by_several_workers(
    run: Run, endpoint: Endpoint, pytester: pytest.Pytester
) -> None:
    """Each test has its own file: plain, async, of a class, with parameters; with pytest-xdist too."""
    pytest.importorskip("pytest_asyncio")
    setting = ("-o", "asyncio_default_fixture_loop_scope=function")
    recorded = run("-p", "pytest_asyncio.plugin", *setting, "--log10-report", tests=MANY)
    assert summary(recorded) == "7 passed"
    received = len(endpoint.received)

    workers = ("-p", "pytest_asyncio.plugin", *setting, "-p", "xdist.plugin", "-n", "2", "--log10-report")
    served = run(*workers, "--log10-record=none", online=False)

    assert summary(served) == "7 passed"
    assert len(endpoint.received) == received == 10
    paths = list(pytester.path.rglob("*.jsonl"))
    files = sorted(str(path.relative_to(pytester.path)) for path in paths)
    assert "recordings/test_it/TestClass.test_unit.jsonl" in files
    assert "recordings/test_it/test_of_a_word[a_b].jsonl" in files
    assert "tapes/own.jsonl" in files
    assert len(files) == 7
    assert all(len(name.rpartition("/")[2].encode()) < 255 for name in files)
    assert not [path for path in paths if "s3cr3t" in path.read_text(encoding="utf-8")]
    assert "10 calls, 30 + 20 tokens, 10 without a price, in 7 of 7 tests" in recorded
    assert "10 calls, 10 requests served, 30 + 20 tokens" in served


FAILING = """
@pytest.mark.log10_replay
def test_that_asks():
    ask("What is the capital of {country}?")

@pytest.mark.log10_replay
def test_that_catches():
    ask("first")
    try:
        ask("second {country}")
    except Exception:
        pass

@pytest.mark.log10_replay
def test_that_asks_less():
    ask("one")
    if "{country}" == "France":
        ask("two")
"""


def test_a_call_that_is_not_recorded_fails_the_test(run: Run, endpoint: Endpoint) -> None:
    """With the difference and the command; also where it was caught. What was not asked is a warning."""
    assert summary(run(tests=FAILING.format(country="France"))) == "3 passed"
    received = len(endpoint.received)

    output = run(tests=FAILING.format(country="Spain"), online=False)

    assert summary(output) == "2 failed, 1 passed, 1 warning"
    assert len(endpoint.received) == received
    asks, catches = output.split("test_that_catches ___")
    assert "is not recorded (recordings/test_it/test_that_asks.jsonl)" in asks
    assert 'made:     "What is the capital of Spain?"' in asks
    assert "To record it: pytest test_it.py::test_that_asks --log10-record=new" in asks
    assert "site-packages/openai" not in asks
    assert '    made:     "second Spain"' in catches
    assert "asked: second Spain" in catches
    assert re.search(r"test_it\.py:\d+: UnusedRecordingWarning: recordings/test_it/test_that_asks_l", catches)
    assert "1 recorded call was not made (POST /chat/completions of line 4)" in catches

    assert summary(run("--log10-record=new")) == "3 passed, 3 warnings"
    assert summary(run("--log10-record=all")) == "3 passed"
    assert summary(run("--log10-record=none", online=False)) == "3 passed"


MISTAKES = """
@pytest.mark.log10_replay(path="damaged.jsonl")
def test_damaged():
    pass

@pytest.mark.log10_replay(mode="once")
def test_argument():
    pass

@pytest.mark.log10_replay(record="twice")
def test_mode():
    pass

@pytest.mark.log10_replay
def test_half():
    ask("x")
    assert 0
"""


def test_mistakes_are_told_without_a_traceback(run: Run, pytester: pytest.Pytester) -> None:
    """A damaged file, an unknown argument, an unknown mode; and why no file was written."""
    (pytester.path / "damaged.jsonl").write_text('{"format": 7}\n')

    output = run(tests=MISTAKES)

    assert summary(output) == "1 failed, 3 errors"
    assert "damaged.jsonl, line 1: the recording has format 7" in output
    assert "the mark log10_replay takes headers, path, record, redact, strict, and not mode" in output
    assert "record='twice' cannot be used: it is one of once, none, new, all" in output
    assert "test_half.jsonl was not written: the test failed" in output
    assert "File " not in output
    assert not (pytester.path / "recordings").exists()


SHOWN = """
def test_fails(completions):
    ask("Tell me of snow." * 100)
    with pytest.raises(openai.RateLimitError):
        ask("Again.\\033[31m")
    assert completions == []

def test_many(completions):
    for number in range(23):
        ask(f"question {number}")
    assert 0

def test_without():
    pass
"""


def test_the_calls_of_a_failed_test_are_shown(run: Run, endpoint: Endpoint) -> None:
    """Model, question, answer, failure and call site; bounded, and without a key."""
    slow = error_answer(429, f"Too many requests with {KEY}.")
    endpoint.script(json_answer(chat("Snow is white.")), slow, slow)

    output = run("--log10-report", tests=SHOWN)

    assert summary(output) == "2 failed, 1 passed"
    assert re.search(
        r"1\. gpt-4o, finished in .*, 3 \+ 2 tokens\n   test_it\.py:8 in ask\n   asked: Tell", output
    )
    assert "answered: Snow is white." in output
    assert "failed: RateLimitError: Error code: 429" in output
    assert "3 earlier calls" in output
    assert "asked: question 2\n" not in output
    assert KEY not in output
    assert "\x1b[31m" not in output
    assert "25 calls, 1 failed, 72 + 48 tokens, 25 without a price, in 2 of 3 tests" in output
    assert "  test_it.py::test_fails: 2 calls, 1 failed" in output


CONFTEST = """
import pytest
import log10_trace

@pytest.fixture(scope="session")
def log10_replay_options():
    return {"redact": log10_trace.redact.patterns("[0-9]+", replacement="<number>"), "strict": True}

@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.log10_replay)
"""


def test_options_of_a_conftest_hold_for_every_mark(run: Run, pytester: pytest.Pytester) -> None:
    """Also for marks that a hook adds; the folder is a setting."""
    (pytester.path / "conftest.py").write_text(CONFTEST)
    tests = "def test_changing():\n    import time\n    ask(f'Now it is {time.time_ns()}')\n"

    assert summary(run("-o", "log10_recordings=tapes", tests=tests)) == "1 passed"
    assert summary(run("-o", "log10_recordings=tapes", "--log10-record=none", online=False)) == "1 passed"

    (recording,) = (pytester.path / "tapes" / "test_it").iterdir()
    assert "Now it is <number>" in recording.read_text(encoding="utf-8")


def test_a_run_that_does_not_use_it_loads_nothing(pytester: pytest.Pytester) -> None:
    """Neither the SDK nor pydantic nor an HTTP library: every run of every project imports the plugin."""
    pytester.makepyfile("def test_nothing(): pass")
    script = (
        f"import sys, pytest\n"
        f"assert pytest.main(['-p', '{PLUGIN}']) == 0\n"
        "print(sorted({'openai', 'pydantic', 'wrapt', 'httpx', 'log10_trace.runtime'} & set(sys.modules)))\n"
    )
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)}

    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines()[-1] == "[]"


def test_the_plugin_is_found_by_its_entry_point() -> None:
    """Pytest loads what stands there in the project's metadata."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

    assert f'[project.entry-points.pytest11]\nlog10_trace = "{PLUGIN}"' in project
