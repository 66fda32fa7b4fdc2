"""The rows of a record say all that its messages do."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from log10_trace.table_files.exact_json import parse_json, write_json
from log10_trace.table_files.message_rows import MessageRow
from log10_trace.table_files.rows import read_call
from tests.table_files.record_texts import PRICES, exported, record

EMPTY: Final[tuple[Any, ...]] = (None, "", [], {})
TEXTS: Final = st.text(st.characters(categories=None), max_size=12)  # with lone surrogates and NUL
VALUES: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
TOOL_CALLS: Final = st.fixed_dictionaries(
    {"id": TEXTS, "type": st.just("function")},
    optional={"function": st.fixed_dictionaries({"name": TEXTS, "arguments": TEXTS}) | VALUES},
)
MESSAGES: Final = (
    st.fixed_dictionaries(
        {"role": st.sampled_from(("user", "assistant", "tool")) | TEXTS, "content": TEXTS | VALUES},
        optional={
            "name": TEXTS,
            "tool_call_id": TEXTS,
            "refusal": TEXTS | st.none(),
            "reasoning_content": TEXTS,
            "tool_calls": st.lists(TOOL_CALLS | VALUES, max_size=2),
            "audio": st.fixed_dictionaries({"transcript": TEXTS}),
            "annotations": VALUES,
        },
    )
    | VALUES
)


def without_empty(message: Any) -> Any:
    """The message without the fields that say nothing."""
    if not isinstance(message, dict):
        return message
    return {name: value for name, value in message.items() if value not in EMPTY}


def told(row: MessageRow) -> Any:
    """The message that a row tells of: its JSON, or its columns where these say all."""
    if row.json is not None:
        return without_empty(parse_json(row.json))
    names = {"role": row.role, "content": row.content, "name": row.name, "refusal": row.refusal}
    names |= {"tool_call_id": row.tool_call_id, "reasoning_content": row.reasoning}
    return {name: value for name, value in names.items() if value is not None}


@given(asked=st.lists(MESSAGES, max_size=4), answers=st.lists(MESSAGES.filter(lambda m: isinstance(m, dict))))
@settings(max_examples=60, deadline=None)
def test_every_message_of_a_record_is_told(asked: list[Any], answers: list[Any]) -> None:
    """Whatever a message holds, its row says it, and every text of a row has bytes in UTF-8."""
    choices = [{"message": answer} for answer in answers]
    rows = exported(request={"messages": asked}, response={"choices": choices}).messages

    requests = [told(row) for row in rows if row.part == "request"]
    responses = [told(row) for row in rows if row.part == "response"]
    assert requests == [without_empty(message) for message in asked]
    # An answer without a role is the assistant's.
    assert responses == [
        without_empty(answer) if row.json else {"role": "assistant"} | without_empty(answer)
        for answer, row in zip(answers, rows[len(asked) :], strict=True)
    ]
    for row in rows:
        for text in (row.role, row.name, row.content, row.reasoning, row.refusal, row.json):
            assert text is None or (text.encode() is not None and "\0" not in text)


def test_a_call_has_what_a_person_asks_of_it() -> None:
    """Model, tokens, cost, question, answer and the line of the program stand in columns of their own."""
    made = exported(
        created_at="2026-01-01T02:00:00.250+02:00",
        tags=["a", "b", "a"],
        metadata={"user_id": 42, "plan": "pro"},
        duration=1.5,
        session_id="s",
        stacktrace=[{"file": "x.py", "line": "main()", "lineno": 1, "name": "<module>"},
                    {"file": "app.py", "line": "ask()", "lineno": 7, "name": "ask"}],
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
    )  # fmt: skip
    call = made.call

    assert call.created_at is not None
    assert call.created_at.isoformat() == "2026-01-01T00:00:00.250000+00:00"
    assert (call.model, call.answered_by) == ("gpt-4o", "gpt-4o-2024-08-06")
    assert (call.question, call.answer, call.finish_reason) == ("question 0", "answer 0", "stop")
    assert (call.input_tokens, call.output_tokens) == (1_000, 100)
    assert call.cost == pytest.approx(0.0025 + 0.001)
    assert (call.file, call.line, call.function, call.code) == ("app.py", 7, "ask", "ask()")
    assert (made.tags, json.loads(call.tags)) == (("a", "b"), ["a", "b"])
    assert made.metadata == (("user_id", "42"), ("plan", "pro"))
    assert call.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"


def test_tool_calls_stand_apart() -> None:
    """Those that the model asks for, and those that are sent again with the history."""
    asks = {"id": "t1", "type": "function", "function": {"name": "find", "arguments": '{"q":1}'}}
    old = {"name": "look", "arguments": "{}"}
    made = exported(
        request={
            "messages": [
                {"role": "assistant", "content": None, "function_call": old},
                {"role": "tool", "tool_call_id": "t0", "content": "42"},
            ]
        },
        response={"choices": [{"message": {"role": "assistant", "content": None, "tool_calls": [asks]}}]},
    )

    history, result, answer = made.messages
    assert history.tool_calls == ((None, "look", "{}"),)
    assert (result.tool_call_id, result.content, result.json) == ("t0", "42", None)
    assert answer.tool_calls == (("t1", "find", '{"q":1}'),)
    assert json.loads(answer.json or "") == {"role": "assistant", "content": None, "tool_calls": [asks]}


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("<html>no JSON</html>", ("answer", "<html>no JSON</html>", None)),
        ({"error": {"message": "no"}}, ("error", '{"message": "no"}', '{"message": "no"}')),
        ({"choices": [{"text": "Once", "finish_reason": "length"}]}, ("assistant", "Once", None)),
        ({"choices": [{"text": None}]}, ("assistant", None, None)),
    ],
    ids=["no JSON", "an error", "a text completion", "no text"],
)
def test_other_bodies_are_messages_too(response: Any, expected: tuple[str, str, str]) -> None:
    """A text completion, an error's body and a body that is not JSON have a row, as ``get`` shows them."""
    prompt, answer = exported(request={"prompt": "Tell"}, response=response).messages

    assert (prompt.role, prompt.content) == ("prompt", "Tell")
    assert (answer.role, answer.content, answer.json) == expected


@pytest.mark.parametrize(
    "odd",
    [
        {"request": None, "response": None, "status": "started"},
        {"request": "text", "response": [1], "stacktrace": "none", "tags": "t", "metadata": [1]},
        {"request": {"messages": {}}, "response": {"choices": [1, None], "usage": {"prompt_tokens": "x"}}},
        {"retries": 10**30, "stacktrace": [{"lineno": 10**30}], "sequence": True, "duration": "long"},
        {"created_at": "yesterday", "time_to_first_token": -1, "session_id": 7, "trace_id": []},
    ],
    ids=["nothing yet", "no objects", "wrong types inside", "huge numbers", "no times"],
)
def test_any_record_has_a_row(odd: dict[str, Any]) -> None:
    """What is not of the expected type, or of no column's size, is NULL; the rest is there."""
    call = exported(**odd).call

    assert call.id == "01900000-0000-7000-8000-000000000000"
    assert (call.retries, call.line, call.sequence, call.duration) == (None, None, None, None)
    assert call.session_id is None


def test_numbers_that_python_cannot_write_are_texts() -> None:
    """Integers of thousands of digits and floats beyond all bounds are kept as they were spelled."""
    digits = "7" * 5_000
    text = record(request={"messages": [{"role": "user", "content": "x", "n": 1, "f": 2}]})
    text = text.replace('"n": 1', f'"n": {digits}').replace('"f": 2', '"f": 1e999')

    (row, _) = read_call(text, PRICES).messages

    assert json.loads(row.json or "") == {"role": "user", "content": "x", "n": digits, "f": "1e999"}


@given(VALUES)
@settings(max_examples=50, deadline=None)
def test_json_is_written_as_it_was_read(value: Any) -> None:
    """JSON text that is parsed and written is the same value, with bytes in UTF-8."""
    assert json.loads(write_json(parse_json(json.dumps(value))).encode()) == value
