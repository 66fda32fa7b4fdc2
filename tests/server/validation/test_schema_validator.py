"""Schemas that would keep a server busy for ever are given up, and nobody else waits for them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.server.conftest import JSON

Keep = Callable[..., dict[str, Any]]

DOUBLING = {
    "$defs": {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(60)} | {"d60": {}},
    "$ref": "#/$defs/d0",
}
BACKTRACKING = {"properties": {"a": {"pattern": "^(a+)+$"}}}
ESCAPED = json.dumps(BACKTRACKING).replace("pattern", r"\u0070attern")


def made(client: httpx.Client, schema_text: str) -> str:
    """The id of a task with this schema."""
    answer = client.post("/api/v1/feedback_task", content=f'{{"json_schema": {schema_text}}}', headers=JSON)
    assert answer.status_code == 200, answer.text
    task_id: str = answer.json()["id"]
    return task_id


def given(client: httpx.Client, task_id: str, values: Any) -> httpx.Response:
    """The answer to feedback of these values about ``c1``."""
    body = {"task_id": task_id, "json_values": values, "completion_ids": ["c1"]}
    return client.post("/api/v1/feedback", json=body)


@pytest.mark.parametrize("schema_text", [json.dumps(BACKTRACKING), ESCAPED, json.dumps(DOUBLING)])
def test_feedback_that_takes_for_ever_to_check_is_refused(
    client: httpx.Client, keep: Keep, schema_text: str
) -> None:
    """A regular expression or references without end cost a refusal, while others are answered."""
    keep(id="c1")
    task_id = made(client, schema_text)
    answers: list[httpx.Response] = []
    hostile = threading.Thread(
        target=lambda: answers.append(given(client, task_id, {"a": "a" * 40 + "!"})), daemon=True
    )
    hostile.start()
    while hostile.is_alive():
        assert client.get("/api/v1/completions/c1").status_code == 200

    assert (answers[0].status_code, answers[0].json()["field"]) == (422, "json_values")


def test_a_pattern_is_applied(client: httpx.Client, keep: Keep) -> None:
    """Values are held against regular expressions and references as against everything else."""
    keep(id="c1")
    task_id = made(
        client, '{"$defs": {"w": {"pattern": "^b+$"}}, "properties": {"a": {"$ref": "#/$defs/w"}}}'
    )

    assert given(client, task_id, {"a": "bbb"}).status_code == 200
    refused = given(client, task_id, {"a": "secret"})
    assert (refused.status_code, refused.json()["field"]) == (422, "json_values")
    assert "secret" not in refused.text


def test_a_long_schema_is_checked(client: httpx.Client) -> None:
    """Size alone is no reason to refuse a schema, nor to take one that is none."""
    long = {"properties": {f"p{n}": {"type": "string"} for n in range(1_000)}}
    made(client, json.dumps(long))

    wrong = {**long, "type": "nonsense"}
    refused = client.post("/api/v1/feedback_task", json={"json_schema": wrong})
    assert (refused.status_code, refused.json()["field"]) == (422, "json_schema")
