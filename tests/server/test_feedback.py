"""Feedback: tasks, uploads in both forms, lists, and what nobody has graded yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.server.conftest import JSON

Keep = Callable[..., dict[str, Any]]

SCHEMA = {
    "type": "object",
    "properties": {"grade": {"type": "integer", "minimum": 1, "maximum": 5}},
    "required": ["grade"],
}


@pytest.fixture
def task(client: httpx.Client) -> dict[str, Any]:
    """A task that asks for a grade of whatever is tagged ``grade-me``."""
    answer = client.post(
        "/api/v1/feedback_task",
        json={
            "name": "grades",
            "instruction": "How good is it?",
            "json_schema": SCHEMA,
            "completion_tags_selector": ["grade-me"],
        },
    )
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


def upload(client: httpx.Client, task: dict[str, Any], **fields: Any) -> httpx.Response:
    body = {"task_id": task["id"], "json_values": {"grade": 4}, "comment": "fine", **fields}
    return client.post("/api/v1/feedback", json=body)


def test_a_task_is_kept_and_given_back(client: httpx.Client, task: dict[str, Any]) -> None:
    """A task comes back by id and in the list, with its schema as it was."""
    assert client.get(f"/api/v1/feedback_task/{task['id']}").json() == task
    assert client.get("/api/v1/feedback_task").json() == [task]
    assert task["json_schema"] == SCHEMA
    assert client.get("/api/v1/feedback_task/other").status_code == 404


def test_feedback_about_named_completions(client: httpx.Client, task: dict[str, Any], keep: Keep) -> None:
    """Feedback names its completions, and is found by id, by task and by completion."""
    keep(id="c1")
    made = upload(client, task, completion_ids=["c1"]).json()

    assert (made["matched_completion_ids"], made["json_values"], made["comment"]) == (
        ["c1"],
        {"grade": 4},
        "fine",
    )
    assert client.get(f"/api/v1/feedback/{made['id']}").json() == made
    for params in ({}, {"task_id": task["id"]}, {"completion_id": "c1"}):
        assert client.get("/api/v1/feedback", params=params).json() == {"feedback": [made], "total": 1}
    assert client.get("/api/v1/feedback?completion_id=c2").json()["feedback"] == []


def test_the_filters_of_the_feedback_list_may_stand_in_the_body(
    client: httpx.Client, task: dict[str, Any], keep: Keep
) -> None:
    """The original API has the filters in the body of a GET."""
    keep(id="c1")
    made = [upload(client, task, completion_ids=["c1"]).json()["id"] for _ in range(3)]

    answer = client.request("GET", "/api/v1/feedback", json={"offset": 1, "limit": 1, "task_id": task["id"]})

    assert [each["id"] for each in answer.json()["feedback"]] == [made[1]]
    assert answer.json()["total"] == 3


def test_feedback_about_everything_that_carries_the_tags(
    client: httpx.Client, task: dict[str, Any], keep: Keep
) -> None:
    """A selector matches the completions that carry all its tags."""
    keep(id="both", tags=["a", "b"])
    keep(id="one", tags=["a"])

    made = upload(client, task, completion_tags_selector=["a", "b"]).json()

    assert made["matched_completion_ids"] == ["both"]


def test_feedback_that_matches_nothing_needs_leave_to(client: httpx.Client, task: dict[str, Any]) -> None:
    """Without a match feedback is refused, unless the request allows it."""
    refused = upload(client, task, completion_tags_selector=["nobody"])
    allowed = upload(client, task, completion_tags_selector=["nobody"], allow_unmatched_feedback=True)

    assert (refused.status_code, refused.json()["field"]) == (409, "completion_tags_selector")
    assert allowed.json()["matched_completion_ids"] == []


def test_feedback_that_matches_too_much_is_refused(
    client: httpx.Client, task: dict[str, Any], keep: Keep
) -> None:
    """Beyond max_matched_completions nothing is kept."""
    for number in range(3):
        keep(id=f"m{number}", tags=["many"])

    refused = upload(client, task, completion_tags_selector=["many"], max_matched_completions=2)
    taken = upload(client, task, completion_tags_selector=["many"], max_matched_completions=3.0)

    assert refused.status_code == 409
    assert len(taken.json()["matched_completion_ids"]) == 3
    assert client.get("/api/v1/feedback").json()["total"] == 1


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"json_values": {"grade": 9}, "completion_ids": ["c1"]}, (422, "json_values")),
        ({"json_values": "x", "completion_ids": ["c1"]}, (422, "json_values")),
        ({"completion_ids": ["unknown"]}, (409, "completion_ids")),
        ({}, (422, "completion_ids")),
        ({"completion_ids": ["c1"], "completion_tags_selector": ["a"]}, (422, "completion_ids")),
        ({"completion_ids": "c1"}, (422, "completion_ids")),
        ({"completion_ids": [None]}, (422, "completion_ids")),
        ({"completion_ids": ["c1"], "comment": "a\0b"}, (422, "comment")),
        ({"completion_ids": ["c1"], "comment": 7}, (422, "comment")),
        ({"completion_ids": ["c1"], "task_id": "other"}, (404, None)),
        ({"completion_ids": ["c1"], "organization_id": "other"}, (403, "organization_id")),
        ({"completion_tags_selector": ["a"], "max_matched_completions": 0}, (422, "max_matched_completions")),
        (
            {"completion_tags_selector": ["a"], "allow_unmatched_feedback": 1},
            (422, "allow_unmatched_feedback"),
        ),
    ],
)
def test_feedback_that_means_nothing_names_what_is_wrong(
    client: httpx.Client,
    task: dict[str, Any],
    keep: Keep,
    fields: dict[str, Any],
    expected: tuple[int, str | None],
) -> None:
    """Each mistake in feedback is an error of its own."""
    keep(id="c1", tags=["a"])
    answer = upload(client, task, **fields)

    assert (answer.status_code, answer.json()["field"]) == expected


def test_the_ungraded_are_what_a_task_selects_and_nobody_graded(
    client: httpx.Client, task: dict[str, Any], keep: Keep
) -> None:
    """A completion leaves the list with its first feedback for the task."""
    keep(id="g1", tags=["grade-me"])
    keep(id="g2", tags=["grade-me", "x"])
    keep(id="g3", tags=["x"])
    upload(client, task, completion_ids=["g1"])

    for params in ({"task_id": task["id"]}, {}):
        found = client.get("/api/v1/completions/ungraded", params=params).json()["completions"]
        assert [each["id"] for each in found] == ["g2"]
    assert found[0]["request"]["model"] == "gpt-4o"
    assert client.get("/api/v1/completions/ungraded?task_id=other").status_code == 404


def test_a_number_of_thousands_of_digits_is_refused(client: httpx.Client, task: dict[str, Any]) -> None:
    """What could not be read back is not taken, in values and in schemas."""
    number = '{"grade": 1' + "0" * 5000 + "}"
    values = f'{{"task_id": "{task["id"]}", "json_values": {number}, "completion_ids": ["x"]}}'

    for path, body in (("feedback", values), ("feedback_task", f'{{"json_schema": {number}}}')):
        assert client.post(f"/api/v1/{path}", content=body, headers=JSON).status_code == 422
    assert client.get("/api/v1/feedback_task").json() == [task]
