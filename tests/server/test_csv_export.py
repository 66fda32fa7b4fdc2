"""The table of completions: what a person asks of a call, and nothing that a spreadsheet runs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from log10_trace.domain.csv_lines import csv_line, literal
from log10_trace.domain.prices import Prices
from log10_trace.table_files.rows import read_call

Keep = Callable[..., dict[str, Any]]


def table(client: httpx.Client, query: str = "") -> list[dict[str, str]]:
    """The rows of the CSV export."""
    answer = client.get(f"/api/v1/completions?format=csv&order=oldest{query}")
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def test_a_row_has_what_is_asked_of_a_call(client: httpx.Client, keep: Keep) -> None:
    """Model, tokens, cost, question, answer and the calling line stand in columns of their own."""
    keep(
        id="c1",
        request={"model": "gpt-4o", "messages": [{"role": "user", "content": "What is\na bee?"}]},
        response={
            "model": "gpt-4o-2024-08-06",
            "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "An insect."}}],
            "usage": {
                "prompt_tokens": 1000,
                "completion_tokens": 100,
                "prompt_tokens_details": {"cached_tokens": 400},
            },
        },
        stacktrace=[
            {"file": "/app/start.py", "line": "main()", "lineno": 1, "name": "<module>"},
            {"file": "/app/bees.py", "line": "ask()", "lineno": 7, "name": "ask"},
        ],
        tags=["a", "b"],
    )

    (row,) = table(client)

    total = client.get("/api/v1/statistics").json()["groups"][0]
    assert {name: row[name] for name in ("input_tokens", "cached_tokens", "output_tokens")} == {
        "input_tokens": "1000",
        "cached_tokens": "400",
        "output_tokens": "100",
    }
    assert float(row["cost"]) == pytest.approx(total["cost"])
    assert (row["model"], row["question"], row["answer"]) == ("gpt-4o", "What is\na bee?", "An insect.")
    assert (row["file"], row["line"], row["function"]) == ("/app/bees.py", "7", "ask")
    assert json.loads(row["tags"]) == ["a", "b"]


def test_the_question_is_that_of_the_files_of_tables(client: httpx.Client, keep: Keep) -> None:
    """Of the last message of the user, also where a tool has answered since; or the prompt."""
    tool_call = {"id": "t", "type": "function", "function": {"name": "find", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "Where is the bee?"},
        {"role": "assistant", "content": None, "tool_calls": [tool_call]},
        {"role": "tool", "tool_call_id": "t", "content": "In the garden."},
    ]
    kept = (
        keep(id="c1", created_at="2026-01-01T00:00:01Z", request={"model": "m", "messages": messages}),
        keep(id="c2", created_at="2026-01-01T00:00:02Z", request={"model": "m", "prompt": "What is a bee?"}),
        keep(id="c3", created_at="2026-01-01T00:00:03Z", request={"model": "m", "messages": []}),
    )

    questions = [row["question"] for row in table(client)]

    assert questions == ["Where is the bee?", "What is a bee?", ""]
    assert questions == [read_call(json.dumps(each), Prices.load()).call.question or "" for each in kept]


def test_the_bodies_come_when_they_are_asked_for(client: httpx.Client, keep: Keep) -> None:
    """JSON bodies and the stack are no columns of the table, unless the request says so."""
    made = keep(id="c1", raw_response='{"n": NaN}')

    (short,) = table(client)
    (long,) = table(client, "&bodies=true")

    assert not {"request", "response", "stacktrace", "native_request"} & short.keys()
    assert json.loads(long["request"]) == made["request"]
    assert long["raw_response"] == '{"n": NaN}'
    assert {**long, **short} == long


def test_what_a_call_does_not_have_is_an_empty_cell(client: httpx.Client, keep: Keep) -> None:
    """A call that is running has no tokens, no cost and no answer, and is a row all the same."""
    keep(id="c1", status="started", response=None)
    keep(id="c2", response={"choices": [], "usage": {"prompt_tokens": 1}}, request={"model": "unheard"})

    running, unpriced = table(client)

    assert [running[name] for name in ("input_tokens", "cached_tokens", "cost", "answer", "line")] == [""] * 5
    assert (unpriced["input_tokens"], unpriced["cost"]) == ("1", "")


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
@pytest.mark.parametrize("before", ["", "\n", "\r\n", "\t", " ", " \n ", "\u3000", "\ufeff"], ids=ascii)
def test_no_cell_is_a_formula(client: httpx.Client, keep: Keep, before: str, sign: str) -> None:
    """A sign that begins a formula is defused behind every space, in every column that holds text."""
    text = f"{before}{sign}HYPERLINK(1)"
    keep(
        id=f"{sign}c1",
        status="failed",
        failure_reason=text,
        request={"model": text, "messages": [{"role": "user", "content": text}]},
        response={"choices": [{"message": {"role": "assistant", "content": text}}]},
        stacktrace=[{"file": text, "line": "", "lineno": 1, "name": text}],
    )

    (row,) = table(client)

    assert row["id"] == f"'{sign}c1"
    for name in ("failure_reason", "question", "answer", "model", "file", "function"):
        assert row[name] == f"'{text}", name


@pytest.mark.parametrize("text", ["a=1", "5 - 3", "me@example.org", "", "'=1", "\u2026"])
def test_other_text_stays_as_it_is(text: str) -> None:
    """Only what begins as a formula is changed."""
    assert literal(text) == text


def test_cells_are_quoted() -> None:
    """No separator of any country parts a cell, so that no formula begins within one."""
    assert csv_line(["a;=1", 'b"', ""]) == b'"a;=1","b""",""\r\n'
