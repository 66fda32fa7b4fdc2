"""The tools that list calls and sum them: the questions of the command line, in bounded answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from log10_trace.domain.filters import FILTERS
from log10_trace.mcp.arguments import FILTER_ARGUMENTS
from log10_trace.mcp.tools import TOOLS
from tests.cli.conftest import Cli, call, calls
from tests.mcp.conftest import Asked

__all__ = ["calls"]

Ask = Callable[..., Asked]


def ids_of(asked: Asked) -> list[int]:
    """The numbers of the calls that an answer lists."""
    return [int(row["id"][-12:]) for row in asked.recorded.get("calls", [])]


def test_a_tool_takes_every_filter_of_a_list() -> None:
    """The arguments come from the table of filters, each with the choices and the sentence of its row."""
    rows = {row.name: row for row in FILTERS}

    assert [argument.name for argument in FILTER_ARGUMENTS] == list(rows)
    for argument in FILTER_ARGUMENTS:
        row = rows[argument.name]
        assert argument.schema["description"]
        assert argument.schema.get("enum", []) == (list(row.values) if row.type == "choice" else [])
    for name in ("search_calls", "get_statistics"):
        assert rows.keys() <= TOOLS[name].schema["properties"].keys()


def test_a_list_says_how_many_match_and_where_the_next_page_begins(ask: Ask, calls: list[Any]) -> None:
    """The pages of a list, followed by what each says, hold every call once."""
    seen: list[int] = []
    arguments: dict[str, Any] = {"limit": 4}
    while arguments:
        asked = ask("search_calls", **arguments)
        assert asked.structured["summary"].startswith("6 calls match;")
        seen += ids_of(asked)
        arguments = asked.structured["next"]

    assert seen == [5, 4, 3, 2, 1, 0]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"tag": ["odd"]}, [5, 3, 1]),
        ({"tag": "odd"}, [5, 3, 1]),
        ({"tag": ["odd"], "tag_match": "none"}, [4, 2, 0]),
        ({"tag_match": "none"}, [5, 4, 3, 2, 1, 0]),
        ({"session_id": "session-1"}, [4, 1]),
        ({"q": '"question 3"'}, [3]),
        ({"q": "answer in:response", "order": "oldest"}, [0, 1, 2, 3, 4, 5]),
        ({"since": "2026-01-01T00:00:04Z"}, [5, 4]),
        ({"until": "2026-01-01T00:00:02Z"}, [1, 0]),
        ({"until": "2026-01-01", "limit": "1"}, [5]),
        ({"since": "1h"}, []),
        ({"status": "failed"}, []),
        ({"model": "gpt-4o-mini", "min_tokens": 15, "max_duration": 0.25, "limit": 2}, [5, 4]),
        ({"file": "/app/main.py", "function": "main", "limit": 2.0}, [5, 4]),
        ({"model": None, "limit": None}, [5, 4, 3, 2, 1, 0]),
    ],
)
def test_the_filters_are_those_of_the_command_line(
    ask: Ask, calls: list[Any], arguments: dict[str, Any], expected: list[int]
) -> None:
    """Calls are found by every filter, in the spellings that the command line takes."""
    asked = ask("search_calls", **arguments)

    assert ids_of(asked) == expected


@pytest.mark.parametrize("metadata", [{"user": 42}, {"user": "42"}, ["user=42"], "user=42"])
def test_calls_are_found_by_their_metadata(ask: Ask, cli: Cli, metadata: Any) -> None:
    """Metadata is an object of keys and values, or the command line's KEY=VALUE."""
    with cli.client() as client:
        client.completions.batch(completions=[call(1, metadata={"user": 42}), call(2)])

    assert ids_of(ask("search_calls", metadata=metadata)) == [1]


def test_a_search_shows_the_passage_that_was_found(ask: Ask, calls: list[Any]) -> None:
    """Where the words occur stands beside the call."""
    (row,) = ask("search_calls", q='"answer 2"').recorded["calls"]

    assert {"field": "response", "passage": "answer 2"} in row["found_in"]


def test_the_page_of_a_list_has_the_same_filters(ask: Ask, cli: Cli, calls: list[Any]) -> None:
    """A person who opens the address sees the calls that were listed; times are moments in it."""
    page = ask("search_calls", tag=["odd", "a b"], q="a&b", since="2026-01-01T00:00:01Z").structured["page"]

    assert page == f"{cli.url}/?tag=odd&tag=a+b&since=2026-01-01T00%3A00%3A01.000Z&q=a%26b"


def test_running_calls_stand_with_their_age(ask: Ask, cli: Cli) -> None:
    """The longest-running call is first, and says for how long it runs."""
    now = datetime.now(timezone.utc)
    running = [
        call(number, status="started", response=None, created_at=(now - age).isoformat())
        for number, age in ((1, timedelta(minutes=2)), (2, timedelta(hours=2)))
    ]
    with cli.client() as client:
        client.completions.batch(completions=[*running, call(3)])

    asked = ask("list_running_calls")

    assert ids_of(asked) == [2, 1]
    assert asked.recorded["calls"][0]["running_for_seconds"] >= 7_200
    assert asked.recorded["calls"][0]["status"] == "running"
    assert asked.structured["page"] == f"{cli.url}/?status=started"
    assert asked.structured["summary"].startswith("Running now, as far as the server knows: 2 calls;")


def spend(number: int, model: str, days: float, **fields: Any) -> dict[str, Any]:
    """A call of so many days ago that cost something."""
    moment = datetime.now(timezone.utc) - timedelta(days=days)
    response = {"model": model, "choices": [], "usage": {"prompt_tokens": 1000, "completion_tokens": 500}}
    request = {"model": model, "messages": [{"role": "user", "content": "?"}]}
    return call(number, created_at=moment.isoformat(), request=request, response=response, **fields)


@pytest.fixture
def spent(cli: Cli) -> Cli:
    """An organization with calls of this week and of the week before."""
    site = [{"file": "/srv/shop.py", "line": "ask()", "lineno": 7, "name": "summarize"}]
    records = [spend(1, "gpt-4o", 1, stacktrace=site), spend(2, "gpt-4o-mini", 2), spend(3, "gpt-4o-mini", 9)]
    records.append(spend(4, "o3-mini", 10, status="failed", failure_kind="RateLimitError"))
    with cli.client() as client:
        client.completions.batch(completions=records)
    return cli


def test_groups_stand_with_their_figures_the_dearest_first(ask: Ask, spent: Cli) -> None:
    """The questions of stats: by model, by the line of the program, by kind of failure, with their pages."""
    models = ask("get_statistics", since="7d")
    sites = ask("get_statistics", by="call-site", since="7d")
    failures = ask("get_statistics", by="failure", status="failed")

    assert [group["key"] for group in models.recorded["groups"]] == ["gpt-4o", "gpt-4o-mini"]
    first = models.recorded["groups"][0]
    assert (first["calls"], first["input_tokens"], first["output_tokens"]) == (1, 1000, 500)
    assert first["dollars"] > models.recorded["groups"][1]["dollars"] > 0
    assert sites.recorded["groups"][0]["key"] == "/srv/shop.py:summarize"
    assert [group["key"] for group in failures.recorded["groups"]] == ["RateLimitError"]
    assert "/overview?since=" in sites.structured["page"]
    assert sites.structured["page"].endswith("&by=call_site")
    assert failures.structured["page"] == f"{spent.url}/?status=failed"


def test_groups_stand_beside_those_of_the_span_before(ask: Ask, spent: Cli) -> None:
    """Compare gives the figures of the last days and of as many days before, also of groups that are gone."""
    groups = {group["key"]: group for group in ask("get_statistics", compare="7d").recorded["groups"]}

    assert groups["gpt-4o"]["had_calls_before"] is False
    assert groups["gpt-4o-mini"]["before"]["calls"] == 1
    assert groups["o3-mini"]["calls"] == 0
    assert groups["o3-mini"]["before"]["failed"] == 1


def test_figures_over_time_end_with_the_latest_step(ask: Ask, spent: Cli) -> None:
    """Of many steps of time the latest are shown, and the answer says how many there are."""
    asked = ask("get_statistics", over="day", since="30d", limit=2)

    steps = asked.recorded["steps"]
    assert len(steps) == 2
    assert steps[-1]["from"] > steps[0]["from"]
    assert (
        sum(
            step["calls"]
            for step in ask("get_statistics", over="day", since="30d", limit=100).recorded["steps"]
        )
        == 4
    )
    assert "4 calls. 2 of 4 steps are below." in asked.text
