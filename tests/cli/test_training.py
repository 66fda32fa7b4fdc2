"""``completions export --format openai-finetune``: whole answers that the trainer takes, each once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from log10_trace.domain import chat_view
from log10_trace.domain.training_example import UnsuitableError, training_example
from tests.cli.conftest import Cli, call

Object = dict[str, Any]

USER = {"role": "user", "content": "hi"}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
CUSTOM = {"type": "custom", "custom": {"name": "g"}}
CALLED = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CUSTOM_CALL = {"id": "c", "type": "custom", "custom": {"name": "g", "input": "x"}}
TEXT = {"type": "output_text", "text": "Good.", "annotations": []}
MESSAGE = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [TEXT]}
SEARCH = {"type": "web_search_call", "id": "w", "status": "completed", "action": {"type": "search"}}


def chat(
    *messages: Object, answer: Object | None = None, finish: Any = "stop", more: Object | None = None
) -> Object:
    """A record of a chat completion."""
    message = {"role": "assistant", "content": "Good.", **(answer or {})}
    return call(
        1,
        request={"model": "m", "messages": list(messages) or [USER], **(more or {})},
        response={"choices": [{"index": 0, "finish_reason": finish, "message": message}]},
    )


def response(asked: Object, output: list[Object], **more: Any) -> Object:
    """A record of a call of the Responses API, as it is captured."""
    given = {"id": "r", "object": "response", "status": "completed", "output": output, **more}
    return call(
        1,
        request=chat_view.request(asked),
        response=chat_view.response(given),
        native_request=asked,
        native_response=given,
    )


def assistant(**fields: Any) -> Object:
    """A message of the assistant in the history."""
    return {"role": "assistant", **fields}


def result(call_id: str = "c1", content: Any = "7") -> Object:
    """A tool's message."""
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def call_item(call_id: str) -> Object:
    """A function's call in the items of the Responses API."""
    return {"type": "function_call", "call_id": call_id, "name": "f", "arguments": "{}"}


def output_item(call_id: str) -> Object:
    """Its result."""
    return {"type": "function_call_output", "call_id": call_id, "output": "7"}


FUNCTION_TOOL = {"type": "function", "name": "f", "parameters": {"type": "object"}}
REASONING = {"type": "reasoning", "id": "rs", "summary": []}

UNSUITABLE: dict[str, Object] = {
    "cut off by the token limit": chat(finish="length"),
    "cut off by the content filter": chat(finish="content_filter"),
    "without a finish reason": chat(finish=None),
    "a finish reason of another provider": chat(finish="error"),
    "a finish reason that is no text": chat(finish={"reason": "stop"}),
    "the first of two answers was cut off": {
        **chat(),
        "response": {
            "choices": [
                {"finish_reason": "length", "message": assistant(content="Half")},
                {"finish_reason": "stop", "message": assistant(content="Whole")},
            ]
        },
    },
    "interrupted": {**chat(), "interrupted": True},
    "failed": {**chat(), "status": "failed"},
    "without contents": {**chat(), "content_omitted": "all"},
    "started": {**chat(), "status": "started"},
    "an error beside the answer": {**chat(), "response": {**chat()["response"], "error": {"code": 500}}},
    "no answer": {**chat(), "response": None},
    "no request": {**chat(), "request": None},
    "no messages": {**chat(), "request": {"model": "m", "messages": []}},
    "an old prompt": {**chat(), "request": {"model": "m", "prompt": "hi"}},
    "refused": chat(answer={"content": None, "refusal": "I can't."}),
    "refused after a text": chat(answer={"refusal": "I can't."}),
    "empty": chat(answer={"content": ""}),
    "space": chat(answer={"content": " \n"}),
    "empty parts": chat(answer={"content": [{"type": "text", "text": ""}]}),
    "sound": chat(answer={"content": None, "audio": {"id": "a"}}),
    "thinking as a part": chat(answer={"content": [{"type": "thinking"}, {"type": "text", "text": "Good."}]}),
    "tool calls without tools": chat(answer={"tool_calls": [CALLED]}, finish="tool_calls"),
    "tool calls of another tool": chat(
        answer={"tool_calls": [{**CALLED, "function": {"name": "h", "arguments": "{}"}}]},
        finish="tool_calls",
        more={"tools": [TOOL]},
    ),
    "tool calls that are missing": chat(finish="tool_calls", more={"tools": [TOOL]}),
    "arguments that were cut off": chat(
        answer={"tool_calls": [{**CALLED, "function": {"name": "f", "arguments": '{"a'}}]},
        finish="tool_calls",
        more={"tools": [TOOL]},
    ),
    "a custom tool's call": chat(answer={"tool_calls": [CUSTOM_CALL]}, more={"tools": [CUSTOM]}),
    "a custom tool on offer": chat(more={"tools": [TOOL, CUSTOM]}),
    "a search on offer": chat(more={"web_search_options": {}}),
    "a search as a tool": chat(more={"tools": [{"type": "web_search"}]}),
    "an answer that cites": chat(answer={"annotations": [{"type": "url_citation"}]}),
    "data that the provider looked up": chat(more={"data_sources": [{"type": "azure_search"}]}),
    "tools that the provider ran": chat(answer={"executed_tools": [{"type": "search"}]}),
    "a role of another provider": chat({"role": "ipython", "content": "7"}),
    "an empty message in the history": chat(USER, assistant(content=""), USER),
    "a refusal in the history": chat(USER, assistant(content=None, refusal="No."), USER),
    "a message without content": chat({"role": "user", "content": None}),
    "a sound in the question": chat({"role": "user", "content": [{"type": "input_audio"}]}),
    "a file in the question": chat({"role": "user", "content": [{"type": "file", "file": {}}]}),
    "a picture that the provider keeps": chat(
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": None, "file_id": "f"}}]}
    ),
    "a picture from the system": chat(
        {"role": "system", "content": [{"type": "image_url", "image_url": {"url": "https://a/b.png"}}]}
    ),
    "too many pictures": chat(
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a/b.png"}}] * 11}
    ),
    "a result without its call": chat(USER, result(), more={"tools": [TOOL]}),
    "a call without its result": chat(
        USER, assistant(content=None, tool_calls=[CALLED]), USER, more={"tools": [TOOL]}
    ),
    "responses: incomplete": response(
        {"input": "hi"}, [MESSAGE], status="incomplete", incomplete_details={"reason": "max_output_tokens"}
    ),
    "responses: failed": response({"input": "hi"}, [MESSAGE], status="failed"),
    "responses: an item that is incomplete": response({"input": "hi"}, [{**MESSAGE, "status": "incomplete"}]),
    "responses: goes on from a response": response(
        {"input": "and?", "previous_response_id": "resp_0"}, [MESSAGE]
    ),
    "responses: in a conversation": response({"input": "and?", "conversation": {"id": "conv_0"}}, [MESSAGE]),
    "responses: a prompt that the provider keeps": response(
        {"input": "hi", "prompt": {"id": "p"}}, [MESSAGE]
    ),
    "responses: an item that the provider keeps": response(
        {"input": [{"type": "item_reference", "id": "m0"}, USER]}, [MESSAGE]
    ),
    "responses: a built-in tool ran": response({"input": "hi"}, [SEARCH, MESSAGE]),
    "responses: a built-in tool on offer": response(
        {"input": "hi", "tools": [{"type": "web_search"}]}, [MESSAGE]
    ),
    "responses: a built-in tool ran before": response({"input": [USER, SEARCH, USER]}, [MESSAGE]),
    "responses: a result without its call": response(
        {"input": [output_item("c1")], "tools": [FUNCTION_TOOL]}, [MESSAGE]
    ),
}


@pytest.mark.parametrize("name", UNSUITABLE)
def test_a_call_that_is_no_example_is_left_out(name: str) -> None:
    """An answer that is not whole, or an example that the trainer refuses, makes no example."""
    with pytest.raises(UnsuitableError):
        training_example(UNSUITABLE[name])


def test_a_plain_call_is_its_messages() -> None:
    """An example holds the messages and the answer, without what other providers add."""
    record = chat(
        {"role": "developer", "content": "Be good."},
        {"role": "user", "content": [{"type": "text", "text": "hi", "cache_control": {}}], "name": "Ada"},
        answer={"reasoning_content": "hm", "annotations": [], "refusal": None, "tool_calls": []},
    )

    assert training_example(record) == {
        "messages": [
            {"role": "system", "content": "Be good."},
            {"role": "user", "content": [{"type": "text", "text": "hi"}], "name": "Ada"},
            {"role": "assistant", "content": "Good."},
        ]
    }


def test_tool_calls_come_with_the_tools() -> None:
    """Calls of functions are kept, with the tools and whether they may be called at once."""
    history = assistant(content="", tool_calls=[{**CALLED, "index": 0}])
    record = chat(
        USER,
        history,
        result(content=[{"type": "text", "text": "7"}]),
        answer={"content": None, "tool_calls": [CALLED]},
        finish="tool_calls",
        more={"tools": [TOOL], "parallel_tool_calls": False, "tool_choice": "auto"},
    )

    assert training_example(record) == {
        "messages": [
            USER,
            {"role": "assistant", "tool_calls": [CALLED]},
            {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "7"}]},
            {"role": "assistant", "tool_calls": [CALLED]},
        ],
        "tools": [TOOL],
        "parallel_tool_calls": False,
    }


def test_functions_of_the_older_kind_are_taken() -> None:
    """A call in the form that tools had before is an example too."""
    function_call = {"name": "f", "arguments": "{}"}
    record = chat(
        answer={"content": None, "function_call": function_call},
        finish="function_call",
        more={"functions": [{"name": "f"}]},
    )

    assert training_example(record) == {
        "messages": [USER, {"role": "assistant", "function_call": function_call}],
        "functions": [{"name": "f"}],
    }


def test_a_picture_of_the_user_is_taken() -> None:
    """A picture that stands in the example, or at an address, is kept in a user's message."""
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA", "detail": "low"}}

    example = training_example(chat({"role": "user", "content": [picture]}))

    assert example["messages"][0]["content"] == [picture]


def test_items_of_responses_become_messages() -> None:
    """Reasoning is dropped, and calls that were made at once stand in one message before their results."""
    asked = {
        "instructions": "Be good.",
        "input": [USER, call_item("c1"), REASONING, call_item("c2"), output_item("c1"), output_item("c2")],
        "tools": [FUNCTION_TOOL],
    }

    messages = training_example(response(asked, [REASONING, MESSAGE]))["messages"]

    assert [message["role"] for message in messages] == [
        "system", "user", "assistant", "tool", "tool", "assistant"
    ]  # fmt: skip
    assert [each["id"] for each in messages[2]["tool_calls"]] == ["c1", "c2"]


def test_a_call_with_another_request_is_an_example_of_its_own(cli: Cli) -> None:
    """The same question with another setting is another call, though its answer is the same."""
    made = [chat(), chat()]
    for number, record in enumerate(made):
        record["id"] = f"01900000-0000-7000-8000-{number:012d}"
        record["request"] = {**record["request"], "stream": number == 0}
    with cli.client() as client:
        client.completions.batch(completions=made)

    done = cli.run("completions", "export", "--format", "openai-finetune")

    assert len(done.stdout.splitlines()) == 2


def test_an_example_is_written_once_and_the_rest_counted(cli: Cli) -> None:
    """A call that was made again makes no second line; what is left out is counted by reason at the end."""
    made = [
        chat(),
        chat(),
        chat(answer={"content": "Better."}),
        chat(finish="length"),
        chat(finish="length"),
        chat(answer={"content": None, "refusal": "No."}),
    ]
    for number, record in enumerate(made):
        record["id"] = f"01900000-0000-7000-8000-{number:012d}"
        record["created_at"] = f"2026-11-26T10:00:0{number}Z"
    with cli.client() as client:
        client.completions.batch(completions=made)

    done = cli.run("completions", "export", "--format", "openai-finetune")
    limited = cli.run("completions", "export", "--format", "openai-finetune", "-n", "2")

    answers = [json.loads(line)["messages"][-1]["content"] for line in done.stdout.splitlines()]
    assert answers == ["Good.", "Better."]
    assert done.stderr.decode() == (
        "2 calls written, 4 left out:\n"
        "  2 cut off by the token limit\n"
        "  1 refused by the model\n"
        "  1 the same as one before\n"
    )
    assert limited.stdout == done.stdout
