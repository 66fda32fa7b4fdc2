"""``replay`` and ``benchmark`` charge calls as the statistics do, with the table of the server."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from log10_trace import Log10
from log10_trace.cli.simulated_model import simulated_model
from log10_trace.errors import ConfigError, Log10Error
from log10_trace.questions.server_prices import prices_of
from tests.cli.conftest import Cli, call
from tests.processes import server
from tests.warm_commands import WarmCommands

M = 1_000_000
TABLE = {
    "models": {
        "our-model": {
            "input": 1.0,
            "cached_input": 0.25,
            "output": 2.0,
            "audio": {"input": 30, "output": 40},
        },
        "gpt-4o": {"input": 3.0, "output": 9.0, "tiers": {"flex": {"input": 1.5, "output": 4.5}}},
        "gpt-4.1": None,
    }
}


def answered(model: str, usage: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """The response of a chat call with a million tokens in and out."""
    tokens = {"prompt_tokens": M, "completion_tokens": M, **(usage or {})}
    return {"model": model, "choices": [{"message": {"content": "a"}}], "usage": tokens, **fields}


NATIVE = {
    "model": "gpt-4o",
    "service_tier": "flex",
    "output": [{"type": "message", "content": [{"type": "output_text", "text": "a"}]}],
    "usage": {"input_tokens": M, "output_tokens": M},
}
SOUND = {"prompt_tokens_details": {"audio_tokens": M}, "completion_tokens_details": {"audio_tokens": M}}
CASES: dict[str, tuple[dict[str, Any], float | None]] = {
    "a model of the server's table": ({"response": answered("our-model")}, 3.0),
    "cached": ({"response": answered("our-model", {"prompt_tokens_details": {"cached_tokens": M}})}, 2.25),
    "sound": ({"response": answered("our-model", SOUND)}, 70.0),
    "a tier": ({"response": answered("openai/gpt-4o-2024-08-06", service_tier="flex")}, 6.0),
    "a tier without a price": ({"response": answered("gpt-4o", service_tier="priority")}, None),
    "a model of the package's table alone": ({"response": answered("gpt-4o-mini")}, 0.75),
    "a model that has no price": ({"response": answered("gpt-4.1")}, None),
    "a model of another host": (
        {"base_url": "https://api.groq.com/openai/v1", "response": answered("llama-3.1-8b-instant")},
        0.13,
    ),
    "output alone": ({"response": {"model": "gpt-4o", "usage": {"completion_tokens": M}}}, 9.0),
    "the Responses API": (
        {
            "native_request": {"input": "hi"},
            "native_response": NATIVE,
            "response": answered("gpt-4o") | NATIVE,
        },
        6.0,
    ),
    "a failure": ({"response": None, "status": "failed", "failure_kind": "APITimeoutError"}, None),
}


@pytest.fixture(scope="module")
def priced(tmp_path_factory: pytest.TempPathFactory, warm: WarmCommands) -> Iterator[Cli]:
    """The command line of a server with a price table of its own and a call of each case."""
    folder = tmp_path_factory.mktemp("priced")
    table, home = folder / "prices.json", folder / "log10"
    table.write_text(json.dumps(TABLE))
    home.mkdir(mode=0o700)
    with server(home, "--prices", str(table)) as running:
        environ = {**os.environ, "LOG10_HOME": str(home), "PYTHONWARNINGS": "error"}
        cli = Cli(running.url, running.token or "", environ, warm=warm)
        with cli.client() as client:
            for number, (name, (fields, _)) in enumerate(CASES.items()):
                client.completions.create(completion=call(number, tags=[name]) | fields)
        yield cli


@pytest.fixture(scope="module")
def benchmarked(priced: Cli) -> dict[str, Any]:
    """What ``benchmark`` shows of each call as it was logged, by its id."""
    ids = ",".join(call(number)["id"] for number in range(len(CASES)))
    with simulated_model() as url:
        sdk = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "sk-test"}
        done = priced.run("benchmark", "--models", "m", "--ids", ids, "--json", **sdk)
    shown = [json.loads(line) for line in done.stdout.splitlines()]
    return {each["completion_id"]: each for each in shown if each["logged"]}


@pytest.mark.parametrize("number", range(len(CASES)), ids=list(CASES))
def test_replay_and_benchmark_charge_as_the_statistics_do(
    priced: Cli, benchmarked: dict[str, Any], number: int
) -> None:
    """A logged call costs the same wherever it is shown, with the table that the server has."""
    name, (_, expected) = list(CASES.items())[number]
    completion_id = call(number)["id"]
    with priced.client() as client:
        groups = client.completions.statistics(group_by="tag").statistics.groups
    costs = {group.key: group.cost for group in groups}
    with simulated_model() as url:
        sdk = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "sk-test"}
        replayed = priced.run("replay", completion_id, "--json", **sdk)

    shown = [json.loads(replayed.stdout.splitlines()[0]), benchmarked[completion_id]]
    assert [each["logged"] for each in shown] == [True, True]
    assert [each["cost"] for each in shown] == [costs[name]] * 2 == [expected] * 2


def test_a_session_costs_what_its_calls_do(priced: Cli) -> None:
    """The list of sessions charges with the same table."""
    with priced.client() as client:
        costs = [session.cost for session in client.sessions.list()]

    assert sum(cost or 0 for cost in costs) == sum(cost or 0 for _, cost in CASES.values())


def test_the_table_of_a_server_can_be_read(priced: Cli) -> None:
    """The table is an operation of the API, typed."""
    with priced.client() as client:
        table = client.completions.prices().prices

    assert table.models["our-model"].cached_input == 0.25
    assert table.models["our-model"].audio is not None
    assert (table.models["gpt-4o"].tiers or {})["flex"].output == 4.5
    assert "gpt-4.1" not in table.models
    assert table.own == TABLE
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", table.date or "")


def test_the_table_is_listed(priced: Cli) -> None:
    """``prices`` lists the models that match, the server's own file first, and names the day of the table."""
    shown = priced.run("prices", "groq/llama-3.1-8b")
    own = [json.loads(line) for line in priced.run("prices", "gpt-4.1", "--json").stdout.splitlines()]

    assert shown.stdout.decode().split("\t")[:4] == ["groq/llama-3.1-8b-instant", "0.05", "", "0.08"]
    said = shown.stderr.decode()
    assert re.search(r"Prices of \d{4}-\d{2}-\d{2}, from genai-prices .* own file wins", said)
    assert next(each for each in own if each["model"] == "gpt-4.1") == {
        "provider": None, "model": "gpt-4.1", "prices": None,
    }  # fmt: skip


@contextmanager
def client_of(status: int, body: Any) -> Iterator[Log10]:
    """A client of a server that answers everything alike."""
    transport = httpx.MockTransport(lambda _: httpx.Response(status, json=body))
    with (
        httpx.Client(transport=transport) as http,
        Log10("key", "http://127.0.0.1", http_client=http) as client,
    ):
        yield client


def test_without_a_table_of_the_server_the_users_own_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that has no such operation leaves the file of LOG10_PRICES, and else the package's table."""
    file = tmp_path / "prices.json"
    file.write_text(json.dumps(TABLE))
    with client_of(404, {"code": "not_found", "message": "no"}) as client:
        monkeypatch.delenv("LOG10_PRICES", raising=False)
        assert prices_of(client).cost("gpt-4o", M, 0) == 2.5
        monkeypatch.setenv("LOG10_PRICES", str(file))
        assert prices_of(client).cost("gpt-4o", M, 0) == 3.0
        file.write_text("{}")
        with pytest.raises(ConfigError, match=r"prices\.json"):
            prices_of(client)


def test_a_table_that_cannot_be_read_is_said_to_be_the_servers() -> None:
    """A table with a price that is none is the server's mistake, and named as such."""
    with (
        client_of(200, {"models": {"m": {"input": 1, "output": -1}}}) as client,
        pytest.raises(Log10Error, match="server's price table"),
    ):
        prices_of(client)
