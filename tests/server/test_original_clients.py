"""Programs written for the original clients: their requests, exactly as they send them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from log10_trace.domain.keys import Scope
from tests.processes import DEADLINE_S
from tests.server.conftest import Tenant

STACK = [{"file": "app.py", "line": "chat()", "lineno": 7, "name": "main"}]


@pytest.fixture
def python(tenant: Tenant) -> Iterator[httpx.Client]:
    """A client with the headers of the original Python client's first form."""
    token, _ = tenant.server.key(tenant.organization_id, Scope.ADMIN)
    headers = {"x-log10-token": token, "Content-Type": "application/json"}
    with httpx.Client(base_url=tenant.server.url, headers=headers, timeout=DEADLINE_S) as client:
        yield client


@pytest.fixture
def hooks(tenant: Tenant) -> Iterator[httpx.Client]:
    """A client with the headers of the original Python client's later form."""
    token, _ = tenant.server.key(tenant.organization_id, Scope.ADMIN)
    headers = {
        "x-log10-token": token,
        "x-log10-organization-id": tenant.organization_id,
        "Content-Type": "application/json",
    }
    with httpx.Client(base_url=tenant.server.url, headers=headers, timeout=DEADLINE_S) as client:
        yield client


def test_a_chat_call_of_the_python_client(tenant: Tenant, python: httpx.Client) -> None:
    """Create, start, finish: strings, milliseconds and all become one record in the API's own form."""
    org = {"organization_id": tenant.organization_id}
    session = python.post("/api/sessions", json=org).json()["sessionID"]
    created = python.post("/api/completions", json=org)
    completion_id = created.json()["completionID"]
    request = {"model": "gpt-4o", "messages": [{"role": "user", "content": "caf\u00e9?"}], "temperature": 1.0}
    started = {
        "status": "started",
        "tags": ["a", "b"],
        "session_id": session,
        "orig_module": "openai.api_resources.chat_completion",
        "orig_qualname": "ChatCompletion.create",
        "kind": "chat",
        "request": json.dumps(request),
    }
    python.post(f"/api/completions/{completion_id}", json={**started, **org}).raise_for_status()
    response = {"choices": [{"message": {"content": "yes"}}]}
    finished = {
        "status": "finished",
        "response": json.dumps(response),
        "duration": 1234,
        "stacktrace": json.dumps(STACK),
    }
    python.post(f"/api/completions/{completion_id}", json={**started, **finished, **org}).raise_for_status()

    record = python.get(f"/api/v1/completions/{completion_id}").json()
    assert created.json()["organizationSlug"]
    assert (record["request"], record["response"], record["stacktrace"]) == (request, response, STACK)
    assert (record["status"], record["kind"], record["duration"]) == ("finished", "chat", 1.234)
    assert (record["session_id"], record["tags"]) == (session, ["a", "b"])
    assert record["orig_qualname"] == "ChatCompletion.create"


def test_a_text_completion_of_the_python_client(tenant: Tenant, python: httpx.Client) -> None:
    """Its kind ``completion`` is the API's ``prompt``, and comes back to that client as it was."""
    body = {"kind": "completion", "request": '{"prompt": "Once"}', "duration": 0, "status": "finished"}
    python.post("/api/completions/legacy-1", json={**body, "organization_id": tenant.organization_id})

    assert python.get("/api/v1/completions/legacy-1").json()["kind"] == "prompt"
    older = python.get(f"/api/completions/legacy-1?organization_id={tenant.organization_id}").json()["data"]
    assert (older["kind"], older["duration"], older["request"]) == ("completion", 0, {"prompt": "Once"})


def test_the_text_inside_the_strings_is_kept_exactly(python: httpx.Client) -> None:
    """The JSON inside a string is kept as it was written, to the last digit and blank."""
    inner = '{"n": 123456789012345678901234567890, "t": 1.10,  "s": "\\ud800 \\u0000"}'
    python.post("/api/completions/exact-1", json={"request": inner, "response": "not JSON"})

    content = python.get("/api/v1/completions/exact-1").text
    assert f'"request":{inner}' in content
    assert '"response":"not JSON"' in content


def test_a_failed_call_of_the_python_client(hooks: httpx.Client, tenant: Tenant) -> None:
    """The asynchronous client makes its ids itself and never asks for one."""
    row = {
        "status": "failed",
        "failure_kind": "APIError",
        "failure_reason": "500",
        "kind": "chat",
        "request": "{}",
    }
    answer = hooks.post(
        "/api/completions/made-there", json={**row, "organization_id": tenant.organization_id}
    )

    assert answer.status_code == 200
    assert hooks.get("/api/v1/completions/made-there").json()["failure_kind"] == "APIError"


def test_the_python_clients_command_line_lists_and_filters(tenant: Tenant, hooks: httpx.Client) -> None:
    """Its list resolves tags to ids first, joins them by commas, and pages by offset."""
    org = tenant.organization_id
    for number in range(4):
        tags = ["even, or so"] if number % 2 == 0 else ["odd"]
        hooks.post(f"/api/completions/l{number}", json={"tags": tags, "kind": "chat", "status": "finished"})
    found = hooks.get(f"/api/tags/search?organization_id={org}&query=even, or so").json()["data"]

    url = (
        f"/api/completions?organization_id={org}&offset=1&limit=5&tagFilter={found[0]['id']}"
        f"&createdFilter={quote(json.dumps({}))}&sort=created_at&desc=true&ids="
    )
    listed = hooks.get(url).json()["data"]

    assert [each["id"] for each in listed] == ["l0"]
    assert listed[0]["tagResolved"] == found
    span = json.dumps({"from": "2001-01-01T08:00:00.000Z", "to": "2001-01-02T08:00:00.000Z"})
    assert hooks.get("/api/completions", params={"createdFilter": span}).json() == {"data": []}
    assert hooks.get("/api/completions", params={"createdFilter": "[" * 4000}).status_code == 422


RECORDS: dict[str, dict[str, Any]] = {
    "without a time": {"status": "finished", "kind": "chat"},
    "with nothing": {},
    "that waits": {"status": "started", "kind": "chat", "request": "{}", "response": None},
    "that failed": {"failure_kind": "APIError", "created_at": None},
    "with a time": {"status": "finished", "kind": "chat", "created_at": "2026-03-01T12:00:00.123456Z"},
    "with a time that is none": {"status": "finished", "kind": "chat", "created_at": 17},
}


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_the_python_clients_command_line_shows_every_record(
    hooks: httpx.Client, record: dict[str, Any]
) -> None:
    """It reads time, kind and status of each record, and looks into bodies that are there."""
    hooks.post("/api/completions/shown", json=record).raise_for_status()

    (shown,) = hooks.get("/api/completions?offset=0&limit=5").json()["data"]
    one = hooks.get("/api/completions/shown").json()["data"]

    assert shown == one
    assert datetime.fromisoformat(shown["created_at"]) <= datetime.now(timezone.utc)
    assert shown["created_at"].endswith("+00:00")
    assert shown["kind"] in ("chat", None)
    assert shown["status"] in ("started", "finished", "failed")
    assert shown.get("request", {}).get("messages", []) == []
    assert shown.get("response", {}).get("choices", []) == []


def test_a_record_of_the_python_client_has_the_time_it_arrived(python: httpx.Client) -> None:
    """The client states no time: the record has that of its first arrival, in every form it is read in."""
    before = datetime.now(timezone.utc).replace(microsecond=0)
    python.post("/api/completions/timed", json={"status": "started", "kind": "chat"})
    first = python.get("/api/v1/completions/timed").json()["created_at"]
    python.post("/api/completions/timed", json={"status": "finished", "response": '{"choices": []}'})
    updated = python.post("/api/v1/completions/timed", json={"tags": ["x"]}).json()["created_at"]

    listed = python.get("/api/v1/completions").json()["completions"][0]["created_at"]
    exported = json.loads(python.get("/api/v1/completions?format=jsonl").text)["created_at"]
    older = python.get("/api/completions/timed").json()["data"]["created_at"]

    assert {first, updated, listed, exported, older.replace("+00:00", "Z")} == {first}
    assert before <= datetime.fromisoformat(first.replace("Z", "+00:00")) <= datetime.now(timezone.utc)


def test_the_python_clients_feedback(tenant: Tenant, hooks: httpx.Client) -> None:
    """Tasks and feedback, with the organization in body and query, and lists under ``data``."""
    org = tenant.organization_id
    hooks.post("/api/completions/f1", json={"tags": ["t"], "status": "finished"})
    task = hooks.post(
        "/api/v1/feedback_task",
        json={
            "json_schema": {"type": "object", "required": ["Coverage"]},
            "name": "TLDR",
            "completion_tags_selector": ["t"],
            "organization_id": org,
        },
    ).json()
    given = hooks.post(
        "/api/v1/feedback",
        json={
            "task_id": task["id"],
            "json_values": {"Coverage": 5},
            "completion_tags_selector": ["t"],
            "comment": None,
            "organization_id": org,
        },
    ).json()

    tasks = hooks.get(f"/api/v1/feedback_task?organization_id={org}&offset=0&limit=25").json()
    listed = hooks.get(f"/api/v1/feedback?organization_id={org}&offset=0&limit=25&task_id=").json()
    assert tasks["data"] == [task]
    assert listed == {"data": [{**given, "task_name": "TLDR"}], "total": 1}
    assert hooks.get(f"/api/v1/feedback/{given['id']}?organization_id={org}").json() == given


def test_a_call_of_the_typescript_client(tenant: Tenant) -> None:
    """Its headers, its required fields, its session answer, its feedback form."""
    token, _ = tenant.server.key(tenant.organization_id, Scope.ADMIN)
    headers = {
        "x-log10-token": token,
        "x-log10-organization": tenant.organization_id,
        "content-type": "application/json",
        "accept": "application/json",
        "user-agent": "speakeasy-sdk/typescript 0.1.0 2.361.10 1.0.0 log10ts",
        "sec-fetch-mode": "cors",
    }
    completion: dict[str, Any] = {
        "organization_id": tenant.organization_id,
        "kind": "chat",
        "request": {"messages": [{"role": "user", "content": "hi"}], "model": "gpt-4-turbo", "n": 1},
        "response": {
            "id": "x",
            "choices": [],
            "created": 1,
            "model": "gpt-4-turbo",
            "object": "chat.completion",
        },
    }
    with httpx.Client(base_url=tenant.server.url, headers=headers, timeout=DEADLINE_S) as client:
        created = client.post("/api/v1/completions", json=completion)
        session = client.post("/api/v1/sessions")
        updated = client.post(
            f"/api/v1/completions/{created.json()['id']}", json={**completion, "tags": ["t"], "duration": 0.5}
        )
        ungraded = client.get("/api/v1/completions/ungraded")
        listed = client.request("GET", "/api/v1/feedback", json={"offset": 0, "limit": 10})

    assert created.status_code == 201
    assert session.json()["session"]["id"]
    assert (updated.status_code, updated.json()["tags"]) == (200, ["t"])
    assert ungraded.json()["completions"] == []
    assert listed.json()["feedback"] == []


@pytest.mark.parametrize("text", ['1,"x":2', '{"a":1},"held":2', "[1] // no", "", "NaN", "{'a':1}"])
def test_a_string_that_is_no_json_stays_a_string(python: httpx.Client, text: str) -> None:
    """What is not JSON through and through is kept as the text it is."""
    python.post("/api/completions/odd-text", json={"request": text})

    assert python.get("/api/v1/completions/odd-text").json()["request"] == text


@pytest.mark.parametrize("name", ["request", "response"])
def test_a_string_with_nan_is_an_object(python: httpx.Client, name: str) -> None:
    """Python's writer puts NaN into the string; the record has the object, and the text as it was."""
    text = '{"choices": [{"logprobs": [-Infinity, NaN]}], "s": "\u00e9 NaN", "usage": {"prompt_tokens": 7}}'
    python.post("/api/completions/nan", json={name: text, "status": "finished"}).raise_for_status()

    record = python.get("/api/v1/completions/nan").json()
    listed = python.get("/api/v1/completions").json()["completions"][0]

    assert record[name]["choices"] == [{"logprobs": ["-Infinity", "NaN"]}]
    assert record[f"raw_{name}"] == text
    if name == "response":
        assert listed["usage"]["input_tokens"] == 7


@pytest.mark.parametrize("duration", [-1, 10**400, "1", [], 1e300])
def test_a_duration_that_is_none_is_refused(python: httpx.Client, duration: Any) -> None:
    """Milliseconds that cannot be are an error of the sender's."""
    assert python.post("/api/completions/odd-time", json={"duration": duration}).status_code == 422


@pytest.mark.parametrize("stack", ["not JSON", "", '"text"', '[{"a": ]', "[1, 2]", "{}"])
def test_a_stack_that_cannot_be_read_costs_no_record(python: httpx.Client, stack: str) -> None:
    """What stands where a stack should is kept aside, and the record is taken."""
    answer = python.post("/api/completions/odd-stack", json={"stacktrace": stack, "status": "finished"})

    assert answer.status_code == 200
    assert python.get("/api/v1/completions/odd-stack").json()["status"] == "finished"
