"""``replay`` and ``benchmark``: logged requests through the real SDK to a model over HTTP, side by side."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from log10_trace.cli.conversation import first_answer_text
from log10_trace.cli.model_calls import ModelAnswer, ProviderError, read_logged_answer, replay_call
from log10_trace.cli.report import csv_text, json_lines, markdown
from log10_trace.cli.simulated_model import MODEL, simulated_model
from log10_trace.domain.prices import Prices
from log10_trace.errors import Log10Error
from tests.cli.conftest import Cli, call

Calls = list[dict[str, Any]]
PRICES = Prices({"models": {"m": {"input": 1.0, "output": 2.0}}})


@pytest.fixture
def sdk() -> Iterator[dict[str, str]]:
    """The environment of a user whose SDK is set up."""
    with simulated_model() as url:
        yield {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "sk-test"}


def test_replay_asks_another_model(cli: Cli, calls: Calls, sdk: dict[str, str]) -> None:
    """The logged answer and the new one stand side by side, with tokens and time."""
    words = ("replay", "latest", "--model", MODEL, "--set", "temperature=0")

    logged, new = cli.rows(*words, "--json", **sdk)

    assert (logged["model"], logged["text"], logged["logged"]) == ("gpt-4o-mini-2024-07-18", "answer 5", True)
    assert (new["model"], new["logged"], new["error"]) == (MODEL, False, None)
    assert new["text"]
    assert new["seconds"] > 0
    assert "gpt-4o-mini-2024-07-18 (logged)" in cli.screen(*words, **sdk).text


def test_a_replay_that_is_saved_can_be_compared(cli: Cli, calls: Calls, sdk: dict[str, str]) -> None:
    """With --save the new calls are stored, failed ones too, and the links lead to their comparison."""
    words = ("replay", "latest", "--model", f"{MODEL},unheard-of", "--set", "temperature=0.5")
    done = cli.run(*words, "--save", **sdk)

    links = re.findall(r"Compare: (\S+)/compare\?a=(\S+)&b=(\S+)", done.stderr.decode())
    with cli.client() as client:
        stored = [client.completions.get(completion_id=found[2]).completion for found in links]
    told = json.loads(cli.text("completions", "diff", *links[0][1:], "--json"))

    assert [(url, a) for url, a, _ in links] == [(cli.url, calls[5]["id"])] * 2
    assert [(call.status, call.tags, call.metadata) for call in stored] == [
        ("finished", ["replay"], {"replay_of": calls[5]["id"]}),
        ("failed", ["replay"], {"replay_of": calls[5]["id"]}),
    ]
    assert stored[1].failure_kind == "NotFoundError"
    assert [row["title"] for row in told["parameters"]] == ["temperature"]
    assert [row["equal"] for row in told["messages"]] == [True]


def test_a_dry_run_shows_the_requests_and_sends_none(cli: Cli, calls: Calls) -> None:
    """--dry-run shows method, address and body of each request with the changes, and needs no key."""
    environ = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1/"}
    words = ("replay", "latest", "--model", "one,two", "--set", "temperature=0", "--dry-run")

    told = cli.rows(*words, "--json", **environ)
    done = cli.run(*words, **environ)
    shown = done.stdout.decode()

    url = "http://127.0.0.1:9/v1/chat/completions"
    messages = calls[5]["request"]["messages"]
    assert told == [
        {
            "method": "POST",
            "url": url,
            "model": model,
            "body": {"model": model, "messages": messages, "temperature": 0},
        }
        for model in ("one", "two")
    ]
    assert shown.count(f"POST {url}\n") == 2
    assert json.loads(shown.split("model: two\n")[1]) == told[1]["body"]
    assert done.stderr.decode() == "Dry run: nothing was sent. To send it, set OPENAI_API_KEY.\n"
    with cli.client() as client:
        assert len(list(client.completions.list())) == len(calls)


def test_a_dry_run_asks_the_model_that_a_replay_asks(cli: Cli, calls: Calls, sdk: dict[str, str]) -> None:
    """Without --model it is the model that answered, as a replay has it; --save has nothing to store."""
    (told,) = cli.rows("replay", "latest", "--dry-run", "--json", **sdk)
    refused = cli.run("replay", "latest", "--dry-run", "--save", **sdk)
    unusable = cli.run("replay", "latest", "--dry-run", OPENAI_BASE_URL="http://127.0.0.1:port")

    assert told["model"] == "gpt-4o-mini-2024-07-18"
    assert (refused.returncode, b"--save" in refused.stderr) == (2, True)
    assert (unusable.returncode, b"OPENAI_" in unusable.stderr) == (1, True)
    assert b"Traceback" not in unusable.stderr


def test_replay_that_the_provider_refuses_fails(cli: Cli, calls: Calls, sdk: dict[str, str]) -> None:
    """The provider's error stands in the answer's place, and when there is no answer at all the exit is 1."""
    done = cli.run("replay", "latest", "--model", "unheard-of", **sdk)

    assert done.returncode == 1
    assert b"NotFoundError" in done.stdout


def test_benchmark_writes_a_report(cli: Cli, calls: Calls, sdk: dict[str, str], tmp_path: Path) -> None:
    """Several calls go to several models; the report has a section for each call."""
    report = tmp_path / "report.md"

    done = cli.run(
        "benchmark", "--models", f"{MODEL},unheard-of", "--tag", "even", "-n", "2", "-o", str(report), **sdk
    )

    text = report.read_text()
    assert done.returncode == 0
    assert f"## {calls[4]['id']}" in text
    assert f"## {calls[2]['id']}" in text
    assert f"| {MODEL} | 2 | 0 |" in text
    assert "| unheard-of | 2 | 2 |" in text


def test_replayed_request_is_the_logged_one() -> None:
    """What is sent is the request as it was, with the model and the parameters changed, and unstreamed."""
    sent: list[Any] = []

    def send(endpoint: str, body: dict[str, Any]) -> Any:
        sent.append((endpoint, body))
        return {"choices": [{"text": "x"}], "usage": {"prompt_tokens": 1_000_000, "completion_tokens": 1}}

    ticks = iter([10.0, 12.5])
    logged = call(1, request={"model": "old", "prompt": "p", "stream": True, "unheard": [1.5]})
    answer = replay_call(logged, "m", send, PRICES, changes={"top_p": 1}, clock=lambda: next(ticks))

    assert sent == [("/completions", {"model": "m", "prompt": "p", "unheard": [1.5], "top_p": 1})]
    assert (answer.text, answer.seconds, answer.cost) == ("x", 2.5, 1.000002)


def test_a_new_answer_costs_what_answered() -> None:
    """A new answer is charged by the model and tier that its response names, not by those it was asked of."""
    flex = {"input": 0.5, "output": 0.5, "cached_input": 0.1}
    table = {"m": {"input": 9, "output": 9}, "m-2": {"input": 1, "output": 1, "tiers": {"flex": flex}}}
    usage = {"prompt_tokens": 1_000_000, "prompt_tokens_details": {"cached_tokens": 500_000}}
    answered = {"model": "openai/m-2", "service_tier": "flex", "usage": usage}

    answer = replay_call(call(1), "m", lambda _endpoint, _body: answered, Prices({"models": table}))

    assert (answer.model, answer.cost) == ("m", pytest.approx(0.3))


def test_responses_calls_go_where_they_came_from() -> None:
    """A call of the Responses API is replayed there, with its own request."""
    sent: list[str] = []

    def send(endpoint: str, body: dict[str, Any]) -> Any:
        sent.append(endpoint)
        return {"output": [{"type": "message", "content": [{"type": "output_text", "text": body["input"]}]}]}

    answer = replay_call(call(1, native_request={"input": "hi"}), "m", send, PRICES)

    assert (sent, answer.text) == (["/responses"], "hi")


@pytest.mark.parametrize(
    ("omitted", "says"), [("all", "without contents"), ("large", "without its large contents")]
)
def test_a_request_that_was_not_kept_is_not_sent(omitted: str, says: str) -> None:
    """Marks in the place of contents are nothing to ask a model."""
    sent: list[Any] = []

    with pytest.raises(Log10Error, match=f"{says}, so its request cannot be sent again"):
        replay_call(call(1, content_omitted=omitted), "m", lambda *given: sent.append(given), PRICES)
    assert not sent


def test_an_error_is_an_answer_too() -> None:
    """What the provider says instead of answering is kept with its time."""

    def send(endpoint: str, body: dict[str, Any]) -> Any:
        message = "RateLimitError: later"
        raise ProviderError(message)

    answer = replay_call(call(1), "m", send, PRICES)

    assert (answer.error, answer.text, answer.cost) == ("RateLimitError: later", "", None)


def test_a_failed_call_is_shown_with_its_failure() -> None:
    """The logged side of a failed call is its failure."""
    failed = call(1, failure_kind="APITimeoutError", failure_reason="slow", response=None)

    assert read_logged_answer(failed, PRICES).error == "APITimeoutError: slow"


@pytest.mark.parametrize(
    ("response", "text"),
    [
        (None, ""),
        ("<html>", "<html>"),
        ({"choices": "nonsense"}, ""),
        (
            {"choices": [{"message": {"content": [{"text": "a"}, {"type": "image_url"}, 3]}}]},
            "a\n[image_url]\n3",
        ),
        (
            {"choices": [{"message": {"tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}}]},
            "f({})",
        ),
        ({"choices": [{"message": {"refusal": "no"}}]}, "no"),
        ({"error": {"code": 1}}, '{"code": 1}'),
        ({"output": [{"type": "function_call", "name": "f", "arguments": "{}"}]}, "f({})"),
    ],
    ids=str,
)
def test_any_answer_has_a_text(response: Any, text: str) -> None:
    """Whatever a provider answers can be shown as text."""
    assert first_answer_text(response) == text


ANSWERS = [
    ModelAnswer(
        completion_id="c", model="m", text="=1|<b>\n", input_tokens=1, output_tokens=2, seconds=0.5, cost=None
    )
]


def test_reports_are_inert() -> None:
    """An answer cannot break the table of a Markdown report, nor become a formula in a spreadsheet."""
    assert r"=1\|&lt;b><br>" in markdown(ANSWERS)
    assert next(csv.DictReader(io.StringIO(csv_text(ANSWERS))))["text"] == "'=1|<b>\n"
    assert json.loads(json_lines(ANSWERS))["text"] == "=1|<b>\n"
