"""``capture_content=False``: what stays of a record, and that no word of its contents does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from log10_trace.models.components import Completion
from log10_trace.record.call import Call
from log10_trace.record.completion_model import to_model
from log10_trace.redact.content_mask import mask_contents, mask_text
from tests import completions_api as does
from tests.completions_api import CompletionsAPI
from tests.export.factories import begun, delivery, segments
from tests.processes import until

SECRET = "xylophonewords"
"""Stands in every content that the tests make; no field of the API has this name."""

words = st.text(max_size=12).map(lambda text: f"{text}{SECRET}{text}")
names = words.map(lambda text: f"{text} in a name")
"""A name that is one word stays where the API defines the fields: a provider may have added it."""
anything = st.recursive(
    words | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
FIELDS = """
    content input output text arguments instructions reasoning summary prompt message messages choices
    tool_calls function tools parameters schema response_format logprobs top_logprobs error metadata audio
    image_url refusal detail format user annotations x_provider usage token_logprobs properties description
    enum
"""
bodies = st.recursive(
    anything,
    lambda inner: (
        st.dictionaries(st.sampled_from(FIELDS.split()), inner, max_size=5)
        | st.lists(inner, min_size=1, max_size=3)
    ),
    max_leaves=12,
)


def ended(endpoint: str, request: Any, response: bytes, **more: Any) -> Call:
    """A call with these bodies."""
    call = begun()
    call.endpoint, call.request, call.chunks = endpoint, json.dumps(request).encode(), [response]
    call.status, call.status_code, call.content_type = "finished", 200, "application/json"
    for name, value in more.items():
        setattr(call, name, value)
    return call


def mask(call: Call) -> dict[str, Any]:
    """The record of a call as it is kept without contents."""
    return json.loads(mask_contents(to_model(call)).to_json())  # type: ignore[no-any-return]


@given(
    endpoint=st.sampled_from(["/chat/completions", "/completions", "/responses"]),
    request=bodies,
    response=bodies,
    reason=words,
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_no_word_of_any_body_is_left(endpoint: str, request: Any, response: Any, reason: str) -> None:
    """Wherever a word stands, known field, unknown field or name of a field, it is not in the record."""
    call = ended(endpoint, request, json.dumps(response).encode(), failure_kind="X", failure_reason=reason)

    assert SECRET not in json.dumps(mask(call))


STREAM = "".join(
    f"data: {json.dumps(event)}\n\n"
    for event in (
        {
            "id": "c",
            "model": "m",
            "choices": [{"index": 0, "delta": {"role": "assistant", "content": SECRET}}],
        },
        {
            "choices": [
                {
                    "index": 0,
                    "delta": {
                        "tool_calls": [
                            {"index": 0, "id": "t", "function": {"name": "find", "arguments": SECRET}}
                        ]
                    },
                    "finish_reason": "tool_calls",
                }
            ]
        },
        {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 5}},
    )
)


def test_a_stream_keeps_its_shape_and_no_word() -> None:
    """Roles, tool names, finish reason and usage stay; the text and the arguments do not."""
    made = mask(ended("/chat/completions", {"model": "m", "stream": True}, STREAM.encode(), streamed=True))

    choice = made["response"]["choices"][0]
    assert SECRET not in json.dumps(made)
    assert choice["message"]["content"] == "[masked: 14 characters]"
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["tool_calls"][0]["function"]["name"] == "find"
    assert choice["finish_reason"] == "tool_calls"
    assert made["response"]["usage"] == {"prompt_tokens": 3, "completion_tokens": 5}
    assert made["content_omitted"] == "all"


def test_the_span_of_the_call_stays() -> None:
    """Its ids lead from a tracing tool to the record, and say nothing of the contents."""
    ids = {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "4111111111111111"}

    made = mask(ended("/chat/completions", {"model": "m"}, b"{}", **ids))

    assert {name: made[name] for name in ids} == ids


REQUEST = {
    "model": "gpt-4o",
    "temperature": 0.2,
    "service_tier": "default",
    "user": SECRET,
    "stop": [SECRET],
    "logit_bias": {"50256": -100},
    "metadata": {SECRET: SECRET},
    "messages": [
        {"role": "system", "content": SECRET},
        {"role": "user", "name": SECRET, "content": [
            {"type": "text", "text": SECRET},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJDRA==", "detail": "low"}},
            {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}},
        ]},
        {"role": "tool", "name": "find", "tool_call_id": "call_1", "content": SECRET},
    ],
    "tools": [{"type": "function", "function": {
        "name": "find", "description": SECRET, "strict": True,
        "parameters": {"type": "object", "required": [SECRET], "properties": {
            SECRET: {"type": ["string", "null"], "enum": [SECRET], "maxLength": 9, "description": SECRET}}},
    }}],
    "response_format": {
        "type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}},
    },
    "vendor_map": {SECRET: {"one": 1, SECRET: [True, 7]}},
}  # fmt: skip


def test_parameters_roles_and_the_forms_of_schemas_stay() -> None:
    """What is not a word of the contents is as it was sent."""
    made = mask(ended("/chat/completions", REQUEST, b'{"model": "gpt-4o-2024-08-06", "choices": []}'))

    request = made["request"]
    assert SECRET not in json.dumps(made)
    assert {name: request[name] for name in ("model", "temperature", "service_tier")} == {
        "model": "gpt-4o", "temperature": 0.2, "service_tier": "default",
    }  # fmt: skip
    assert [each["role"] for each in request["messages"]] == ["system", "user", "tool"]
    assert request["messages"][1]["content"] == [
        {"type": "text", "text": "[masked: 14 characters]"},
        {"type": "image_url", "image_url": {"url": "[masked: image/png, 4 bytes]", "detail": "low"}},
        {"type": "input_audio", "input_audio": {"data": "[masked: 4 characters]", "format": "wav"}},
    ]
    assert request["messages"][2]["name"] == "find"
    assert request["messages"][2]["tool_call_id"] == "call_1"
    function = request["tools"][0]["function"]
    (name,) = function["parameters"]["required"]
    assert function["name"] == "find"
    assert function["strict"] is True
    assert re.fullmatch(r"name_\d+", name)
    assert function["parameters"]["properties"][name] == {
        "type": ["string", "null"], "enum": ["[masked: 14 characters]"], "maxLength": 9,
        "description": "[masked: 14 characters]",
    }  # fmt: skip
    (inner,) = request["vendor_map"].values()
    assert list(inner.values()) == [0, [True, 0]]
    assert list(request["logit_bias"].values()) == [0]
    assert request["response_format"]["json_schema"] == {"name": "answer", "schema": {"type": "object"}}
    assert made["response"]["model"] == "gpt-4o-2024-08-06"


def test_tokens_and_bytes_are_words_too() -> None:
    """Lists of numbers and maps of tokens spell the words out; logarithms and usage do not."""
    token = {"token": SECRET, "bytes": [120, 121], "logprob": -0.5, "top_logprobs": []}
    chat = mask(
        ended(
            "/chat/completions",
            {"model": "m"},
            json.dumps({"choices": [{"logprobs": {"content": [token]}}]}).encode(),
        )
    )
    legacy = {
        "tokens": ["Paris"],
        "token_logprobs": [-0.1],
        "top_logprobs": [{"Paris": -0.1}],
        "text_offset": [4],
    }
    text = mask(
        ended(
            "/completions",
            {"model": "m", "prompt": [1, 2]},
            json.dumps({"object": "text_completion", "choices": [{"logprobs": legacy}]}).encode(),
        )
    )

    assert chat["response"]["choices"][0]["logprobs"]["content"] == [
        {"token": "[masked: 14 characters]", "bytes": [0, 0], "logprob": -0.5, "top_logprobs": []}
    ]
    assert text["request"]["prompt"] == [0, 0]
    assert "Paris" not in json.dumps(text)
    assert text["response"]["choices"][0]["logprobs"]["token_logprobs"] == [-0.1]
    assert text["response"]["choices"][0]["logprobs"]["text_offset"] == [4]


def test_an_error_keeps_its_code_and_loses_its_message() -> None:
    """A provider quotes the prompt in its message; type, code and parameter say what was wrong."""
    error = {"message": f"I refuse {SECRET}", "type": "invalid_request_error", "code": "content_filter"}
    made = mask(
        ended(
            "/chat/completions",
            {"model": "m"},
            json.dumps({"error": {**error, "param": "messages[0].content"}}).encode(),
            status="failed",
            failure_kind="BadRequestError",
            failure_reason=f"Error code: 400 - I refuse {SECRET}",
        )
    )

    assert SECRET not in json.dumps(made)
    assert made["response"]["error"]["code"] == "content_filter"
    assert made["response"]["error"]["param"] == "messages[0].content"
    assert (made["status"], made["failure_kind"]) == ("failed", "BadRequestError")
    assert made["failure_reason"] == f"[masked: {27 + len(SECRET)} characters]"


def test_the_filter_results_of_azure_stay() -> None:
    """What was filtered, and how severe it was, is no content."""
    verdict = {"hate": {"filtered": False, "severity": "safe"}}
    prompts = [{"prompt_index": 0, "content_filter_results": verdict}]
    response = {"prompt_filter_results": prompts, "choices": [{"content_filter_results": verdict}]}

    made = mask(ended("/chat/completions", {"model": "m"}, json.dumps(response).encode()))

    assert made["response"]["prompt_filter_results"] == prompts
    assert made["response"]["choices"][0]["content_filter_results"] == verdict


@pytest.mark.parametrize(
    ("name", "value"),
    [("code", "x=1"), ("detail", SECRET), ("reason", SECRET), ("summary", SECRET), ("format", SECRET)],
)
def test_a_word_under_a_name_that_is_a_label_elsewhere_is_masked(name: str, value: str) -> None:
    """Code that a model wrote, or a reason that it gave, is no parameter."""
    item = {"type": "code_interpreter_call", "id": "ci_1", "status": "completed", name: value}
    made = mask(ended("/responses", {"model": "m"}, json.dumps({"id": "r", "output": [item]}).encode()))

    assert made["native_response"]["output"] == [item | {name: mask_text(value)}]


def test_labels_of_the_record_stay_and_source_lines_do_not() -> None:
    """Tags, metadata, session and place of the call are the program's; a source line may hold a prompt."""
    record = Completion.model_validate(
        {
            "id": "1",
            "tags": ["t"],
            "metadata": {"user": "7"},
            "session_id": "s",
            "duration": 0.5,
            "x_more": SECRET,
            "stacktrace": [{"file": "a.py", "line": f"ask({SECRET!r})", "lineno": 3, "name": "main"}],
        }
    )

    assert json.loads(mask_contents(record).to_json()) == {
        "id": "1", "tags": ["t"], "metadata": {"user": "7"}, "session_id": "s", "duration": 0.5,
        "x_more": "[masked: 14 characters]", "content_omitted": "all",
        "stacktrace": [{"file": "a.py", "line": "", "lineno": 3, "name": "main"}],
    }  # fmt: skip


def test_no_word_is_ever_on_disk(private_home: Path) -> None:
    """With ``capture_content=False`` the spool, started records too, and the API have no word."""
    with CompletionsAPI() as api:
        api.behave(does.status(503))
        with delivery(api.url, capture_content=False) as made:
            made.sink.on_start(running := begun(SECRET, begun_s_ago=60))
            until(lambda: running.id in made.sink._started_entries, "the running call is shown")
            made.sink.on_end(
                ended(
                    "/responses",
                    {"model": "m", "input": SECRET, "instructions": SECRET},
                    STREAM.encode(),
                    streamed=True,
                )
            )
            until(lambda: made.stats().spooled == 1, "the call is kept")
            files = [path for path in private_home.rglob("*") if path.is_file()]

            assert segments(private_home / "spool")
            assert not [path for path in files if SECRET.encode() in path.read_bytes()]

            api.behave(does.work)
            until(lambda: made.flush(10.0), "everything is delivered")

        assert SECRET not in json.dumps([api.stored, list(api.rows().values())])
