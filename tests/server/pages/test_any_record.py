"""The law of pages: a record that the API takes makes no page, no twin of a page and no export fail."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from log10_trace.domain.keys import Scope
from log10_trace.server.app import create_app
from log10_trace.server.authentication.auth import Authenticator, Principal
from log10_trace.server.http.host_policy import host_policy_for
from log10_trace.server.pages.urls import call_path, compare_path, session_path
from log10_trace.server.store import open_store
from tests.rounds import rounds
from tests.server.pages.page_client import ORGANIZATION, PORT

ADMIN: Final = Principal("admin", ORGANIZATION, frozenset({Scope.ADMIN}))
OTHER_ID: Final = "other"
TWINS: Final = ("", ".json", ".md")
LATEST_ID: Final = "ffffffff-ffff-7fff-bfff-ffffffffffff"
"""A UUIDv7 of the year 10889."""
DEEP: Final = 120

NUMBERS: Final = (
    "0",
    "-1",
    "-0.0",
    "2.5",
    "-2.5",
    "1e400",
    "-1e400",
    "1e-400",
    "1e12",
    "9007199254740993",
    "7.0",
    "9" * 300,
    "-" + "9" * 400,
    "9" * 4200,
    "9" * 5000,
    "-" + "9" * 5000,
    "1e999999999",
)
TEXTS: Final = (
    '""',
    '"a"',
    r'"\ud800"',
    r'"\udc00\ud800"',
    r'"\u0000"',
    r'"\u202e\r\n\u2028"',
    '"9999-12-31T23:59:59-23:59"',
    '"0001-01-01T00:00:00+23:59"',
    '"1970-01-01T00:00:00Z"',
    '"10889-01-01T00:00:00Z"',
    '"data:image/png;base64,"',
    '"data:image/png;base64,AA=="',
    '"javascript:alert(1)"',
    '"NaN"',
    '"{"',
    r'"[[\"\ud800\",1e400]]"',
    '"é🙂"',
    json.dumps("[" * 2000),
    json.dumps("x" * 20_000),
    '"/"',
    '"finished"',
    '"tool_calls"',
)
ODD: Final = (
    "null",
    "true",
    "false",
    "[]",
    "{}",
    "[null]",
    "[[]]",
    "[{}]",
    '{"":""}',
    "[" * DEEP + "]" * DEEP,
    '{"a":' * DEEP + "1" + "}" * DEEP,
)
NAMES: Final = (
    "role",
    "content",
    "type",
    "text",
    "name",
    "function",
    "arguments",
    "input",
    "id",
    "refusal",
    "audio",
    "data",
    "transcript",
    "format",
    "image_url",
    "url",
    "detail",
    "file",
    "filename",
    "file_data",
    "tool_calls",
    "custom",
    "function_call",
    "tool_call_id",
    "reasoning",
    "reasoning_content",
    "thinking",
    "input_audio",
    "message",
    "messages",
    "prompt",
    "model",
    "tools",
    "functions",
    "description",
    "choices",
    "finish_reason",
    "index",
    "usage",
    "prompt_tokens",
    "completion_tokens",
    "input_tokens",
    "output_tokens",
    "prompt_tokens_details",
    "cached_tokens",
    "completion_tokens_details",
    "reasoning_tokens",
    "error",
    "logprobs",
    "output",
    "item",
    "lineno",
    "line",
    "",
    "\u2028",
    'a"b</script>',
    "é",
)
KINDS: Final = (
    "text",
    "input_text",
    "refusal",
    "thinking",
    "image_url",
    "input_image",
    "input_audio",
    "file",
    "input_file",
    "document_url",
    "function",
    "custom",
    "message",
    "nobody heard of",
)


def an_object(names: st.SearchStrategy[str], values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """The text of an object."""
    return st.dictionaries(names, values, max_size=6).map(
        lambda members: "{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in members.items()) + "}"
    )


def an_array(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """The text of an array."""
    return st.lists(values, max_size=4).map(lambda items: f"[{','.join(items)}]")


SCALARS: Final = st.sampled_from((*NUMBERS, *TEXTS, *ODD, *map(json.dumps, KINDS)))
ANYTHING: Final = st.recursive(
    SCALARS, lambda inner: an_array(inner) | an_object(st.sampled_from(NAMES), inner), max_leaves=12
)


def shaped(**members: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """An object with these members, each of its shape or anything else, and perhaps left out."""
    optional = {name: values | SCALARS for name, values in members.items()}
    return st.fixed_dictionaries({}, optional=optional).map(
        lambda given: "{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in given.items()) + "}"
    )


PART: Final = shaped(
    type=st.sampled_from(KINDS).map(json.dumps),
    text=SCALARS,
    image_url=ANYTHING,
    file=ANYTHING,
    input_audio=ANYTHING,
    refusal=SCALARS,
    detail=SCALARS,
)
CALL: Final = shaped(
    id=SCALARS, type=SCALARS, function=shaped(name=SCALARS, arguments=ANYTHING), custom=ANYTHING
)
MESSAGE: Final = shaped(
    role=SCALARS,
    content=an_array(PART) | ANYTHING,
    tool_calls=an_array(CALL),
    name=SCALARS,
    refusal=SCALARS,
    audio=ANYTHING,
    reasoning_content=SCALARS,
    tool_call_id=SCALARS,
    function_call=ANYTHING,
)
REQUEST: Final = shaped(
    model=SCALARS,
    messages=an_array(MESSAGE),
    prompt=ANYTHING,
    tools=an_array(ANYTHING),
    functions=ANYTHING,
    temperature=SCALARS,
    metadata=ANYTHING,
    input=ANYTHING,
)
USAGE: Final = shaped(
    prompt_tokens=SCALARS,
    completion_tokens=SCALARS,
    input_tokens=SCALARS,
    output_tokens=SCALARS,
    prompt_tokens_details=shaped(cached_tokens=SCALARS),
    completion_tokens_details=shaped(reasoning_tokens=SCALARS),
)
CHOICE: Final = shaped(message=MESSAGE, text=SCALARS, finish_reason=SCALARS, index=SCALARS, usage=ANYTHING)
RESPONSE: Final = shaped(
    model=SCALARS, choices=an_array(CHOICE), usage=USAGE, error=ANYTHING, output=ANYTHING
)
FRAME: Final = shaped(file=SCALARS, line=SCALARS, lineno=SCALARS, name=SCALARS)
IDS: Final = st.sampled_from(
    ("a/b", "..", ".", "a\\b", "~", "~x", "x.json", "%2F", "a?b#c", "é 🙂", "</a>", "x" * 512, LATEST_ID)
)
RECORD: Final = shaped(
    kind=st.sampled_from(('"chat"', '"prompt"', '"other"')),
    status=st.sampled_from(('"started"', '"finished"', '"failed"')),
    tags=st.lists(IDS).map(json.dumps),
    request=REQUEST | ANYTHING,
    response=RESPONSE | ANYTHING,
    native_request=ANYTHING,
    native_response=ANYTHING,
    stacktrace=an_array(FRAME),
    session_id=IDS.map(json.dumps),
    duration=SCALARS,
    failure_kind=SCALARS,
    failure_reason=SCALARS,
    created_at=SCALARS,
    time_to_first_token=SCALARS,
    endpoint=SCALARS,
    base_url=SCALARS,
    request_id=SCALARS,
    retries=SCALARS,
    interrupted=SCALARS,
    metadata=an_object(st.sampled_from(NAMES), SCALARS),
    source=SCALARS,
    sequence=SCALARS,
    trace_id=SCALARS,
    span_id=SCALARS,
    via=SCALARS,
    traced_by=SCALARS,
    service_tier=SCALARS,
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Somebody who may write, read and delete."""
    store = open_store(tmp_path_factory.mktemp("any") / "completions.db")
    app = create_app(
        store, host_policy_for("127.0.0.1", PORT), authenticator=Authenticator(store.keys, anonymous=ADMIN)
    )
    client = TestClient(app, base_url=f"http://127.0.0.1:{PORT}")
    assert put(client, '{"request":{"messages":[{"role":"user","content":"Hi"}]},"response":{}}', OTHER_ID)
    yield client
    store.close()


def put(browser: TestClient, record: str, completion_id: str) -> bool:
    """Send the record; whether it was taken. It is never a fault of the server."""
    body = f'{{"id":{json.dumps(completion_id)}{"," if record != "{}" else ""}{record[1:]}'
    answer = browser.post("/api/v1/completions", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (200, 201, 400, 422), (answer.text, body)
    return answer.is_success


def addresses(completion_id: str, session_id: Any) -> Iterator[str]:
    """Everything that shows the record."""
    path = call_path(completion_id)
    yield from ("/", "/sessions", path, f"{path}?show=all&view=rendered", f"{path}.json", f"{path}.md")
    yield from (f"{path}/request.sh", f"{path}/request.py", f"{path}/messages.json")
    yield from (compare_path(completion_id, OTHER_ID).replace("?", f"{twin}?") for twin in TWINS)
    yield from (f"/api/v1/completions?{query}" for query in ("", "view=full", "format=jsonl", "format=csv"))
    yield from ("/api/v1/sessions", "/api/v1/statistics", "/api/v1/sources", "/api/completions")
    yield from (
        "/?q=hi",
        "/sessions?q=hi",
        "/calls/figures",
        "/completions.md",
        "/overview",
        "/overview.md",
        "/settings",
    )
    if isinstance(session_id, str) and session_id:
        yield from (
            f"{session_path(session_id)}{ending}" for ending in ("", ".json", ".jsonl", ".md", "?at=end")
        )


@pytest.mark.slow
@settings(max_examples=rounds(40, thorough=150), deadline=None, suppress_health_check=list(HealthCheck))
@given(record=RECORD, completion_id=IDS | st.uuids().map(str))
@example(record='{"time_to_first_token":1e400}', completion_id="ttft")
@example(record=f'{{"time_to_first_token":{"9" * 400}}}', completion_id="ttft")
@example(record='{"status":"started"}', completion_id=LATEST_ID)
@example(record='{"status":"started","session_id":"s"}', completion_id=LATEST_ID)
@example(
    record=f'{{"retries":{"9" * 4300},"response":{{"usage":{{"prompt_tokens":{"9" * 4300}}}}}}}',
    completion_id="int",
)
@example(record=f'{{"created_at":{"9" * 5000}}}', completion_id="date")
@example(
    record=f'{{"stacktrace":[{{"file":"a.py","lineno":{"9" * 5000},"name":"f"}}]}}',
    completion_id="n",
)
@example(record='{"status":"finished","session_id":"."}', completion_id="a/b")
@example(record='{"status":"finished"}', completion_id="x.json")
@example(record=f'{{"request":{{"messages":[],"seed":{"9" * 5000}}},"duration":1e400}}', completion_id="x.md")
def test_no_record_that_is_taken_makes_a_page_fail(
    browser: TestClient, record: str, completion_id: str
) -> None:
    """Whatever stands in a record, every page that shows it, its twins and the exports are answered."""
    if not put(browser, record, completion_id):
        return
    stored = browser.get(f"{call_path(completion_id)}.json")
    session_id = json.loads(stored.text, parse_int=str).get("session_id") if stored.is_success else None
    for address in addresses(completion_id, session_id):
        answer = browser.get(address, headers={"Accept": "text/html, */*"})
        is_absent = answer.status_code == 404 and re.search(r"/(request\.\w+|messages\.json)$", address)
        assert answer.status_code == 200 or is_absent, (address, answer.status_code, record)
