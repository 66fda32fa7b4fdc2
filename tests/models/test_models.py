"""The models: nothing a provider sends is refused, changed or lost on the way through them."""

from __future__ import annotations

import json
import math
import os
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from log10_trace.models import components
from log10_trace.models.base import Payload

RECORDED = Path(
    os.environ.get("LOG10_TEST_RECORDED")
    or Path(__file__).resolve().parents[3] / "shared" / "data" / "recorded_calls.jsonl"
)

# Every character, lone surrogates included, and numbers of any size: whatever JSON text can carry.
TEXT = st.text(st.characters(), max_size=12)
NUMBERS = st.integers() | st.integers(10**30, 10**40) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def payloads(kind: type[Payload] = Payload) -> list[type[Payload]]:
    """Every model of what passes between a program and a provider."""
    return [each for child in kind.__subclasses__() for each in [child, *payloads(child)]]


PAYLOADS = sorted(
    (kind for kind in payloads() if not kind.__name__.startswith("_")), key=lambda kind: kind.__name__
)


@st.composite
def payload_and_json(draw: st.DrawFn) -> tuple[type[Payload], dict[str, Any]]:
    """A model, and an object that has some of its fields and some it does not know, with any values."""
    kind = draw(st.sampled_from(PAYLOADS))
    known = st.sampled_from(sorted(kind.model_fields))
    return kind, draw(st.dictionaries(known | TEXT, JSON, max_size=6))


def same(first: Any, second: Any) -> bool:
    """Equal as JSON: 1 is not 1.0, and -0.0 is not 0.0."""
    return json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)


@given(payload_and_json())
def test_payloads_round_trip(drawn: tuple[type[Payload], dict[str, Any]]) -> None:
    """Any object goes through any payload's model unchanged: unexpected types, unknown fields and all."""
    kind, value = drawn
    # A role says which class a message is; each class writes its own where none was given.
    if "role" in kind.model_fields and kind.__name__.startswith("ChatCompletionRequest"):
        value.setdefault("role", kind.model_fields["role"].default)

    written = kind.from_json(json.dumps(value)).to_json()

    assert same(json.loads(written), json.loads(json.dumps(value)))


@given(request=JSON, response=JSON, unknown=st.dictionaries(TEXT, JSON, max_size=3), status=TEXT)
def test_records_round_trip(request: Any, response: Any, unknown: dict[str, Any], status: str) -> None:
    """A record keeps any request and response, unknown fields, and a status it does not know."""
    record = {
        **{name: value for name, value in unknown.items() if name not in components.Completion.model_fields},
        "status": status,
        "request": request,
        "response": response,
        "native_request": response,
    }

    written = components.Completion.from_json(json.dumps(record)).to_json()

    assert same(json.loads(written), json.loads(json.dumps(record)))


def test_a_name_with_half_a_character_is_kept() -> None:
    """JSON may escape one alone, also as the name of a field; what is wrong besides is still refused."""
    odd = {"x\ud800": {"\udfff": 1}, "known": "\ud800"}
    record = {"id": "1", "request": {"model": "m", "messages": [{"role": "user", **odd}], **odd}, **odd}
    made = components.Completion.from_json(json.dumps(record))

    assert same(json.loads(made.to_json()), record)
    assert same(made.model_dump(warnings=False), record)

    with pytest.raises(pydantic.ValidationError, match="duration"):
        components.Completion.from_json(json.dumps({"duration": "long", **odd}))


@pytest.mark.skipif(not RECORDED.exists(), reason=f"no recorded exchanges at {RECORDED.name}")
def test_everything_recorded_validates() -> None:
    """What more than twenty providers really sent goes through the models unchanged."""
    for line in RECORDED.read_text(encoding="utf-8").splitlines():
        exchange = json.loads(line)
        body = exchange["body"]
        try:
            response = json.loads(body)
        except ValueError:
            response = body
        record = {"request": exchange["request"], "response": response}

        written = components.Completion.from_json(json.dumps(record)).to_json()

        assert same(json.loads(written), record), exchange["id"]


def test_documented_types_stand_where_the_values_allow() -> None:
    """Values of the documented types become the documented types."""
    record = components.Completion.from_json(
        '{"kind": "chat", "status": "finished", "duration": 1,'
        ' "request": {"messages": [{"role": "tool", "tool_call_id": "t"}, {"role": "critic"}], "n": 1},'
        ' "response": {"object": "chat.completion", "choices": [{"finish_reason": "stop", "index": 0}]}}'
    )

    assert record.kind is components.Kind.CHAT
    assert record.status is components.Status.FINISHED
    assert isinstance(record.request, components.CreateChatCompletionRequest)
    tool, critic = record.request.messages
    assert isinstance(tool, components.ChatCompletionRequestToolMessage)
    assert isinstance(critic, components.ChatCompletionRequestOtherMessage)
    assert isinstance(record.response, components.CreateChatCompletionResponse)
    assert record.response.object is components.Object.CHAT_COMPLETION
    assert record.response.choices[0].finish_reason is components.FinishReason.STOP


def test_a_text_completion_has_its_own_classes() -> None:
    """A request with a prompt and a response that says so are those of the text completions."""
    record = components.Completion.from_json(
        '{"request": {"prompt": "p"}, "response": {"object": "text_completion", "choices": [{"text": "t"}]}}'
    )

    assert isinstance(record.request, components.CreateCompletionRequest)
    assert isinstance(record.response, components.CreateCompletionResponse)
    assert record.response.choices[0].text == "t"


def test_values_of_enumerations_we_do_not_know_are_kept() -> None:
    """A status or a finish reason of tomorrow is kept as a string."""
    record = components.Completion.from_json(
        '{"status": "paused", "response": {"choices": [{"finish_reason": "bored"}]}}'
    )

    assert record.status == "paused"
    assert isinstance(record.response, components.CreateChatCompletionResponse)
    assert record.response.choices[0].finish_reason == "bored"


@pytest.mark.parametrize(
    "wrong",
    [{"tags": "one"}, {"tags": [1]}, {"stacktrace": [{"file": 1}]}, {"duration": "5"}, {"retries": True}],
    ids=str,
)
def test_a_record_of_the_wrong_types_is_refused(wrong: dict[str, Any]) -> None:
    """The API's own fields have the documented types, and no value is bent to fit."""
    with pytest.raises(pydantic.ValidationError):
        components.Completion.model_validate(wrong)


@pytest.mark.parametrize(
    "odd",
    [
        '"retries":"x"',
        '"retries":1.0',
        '"interrupted":"y"',
        '"created_at":5',
        '"base_url":[]',
        '"metadata":[1]',
        '"stacktrace":[{"file":5}]',
        '"sequence":7.0,"source":"s"',
        '"trace_id":7,"span_id":[],"traced_by":1',
        f'"time_to_first_token":{"9" * 5000}',
    ],
    ids=lambda odd: odd[:30],
)
@pytest.mark.parametrize("kind", [components.Completion, components.CompletionSummary])
def test_a_record_that_the_api_keeps_is_read_whatever_its_types(
    kind: type[components.Completion], odd: str
) -> None:
    """One odd record makes no list unreadable; what does not fit its field is kept beside the fields."""
    record = kind.from_json(f'{{"id":"a","status":"finished","tags":["t"],{odd}}}')

    assert (record.id, record.status, record.tags) == ("a", components.Status.FINISHED, ["t"])
    assert record.given().keys() >= set(json.loads(f"{{{odd}}}", parse_int=str))


def test_a_record_with_wrong_types_elsewhere_is_not_read() -> None:
    """What the API itself refuses is no record of it."""
    with pytest.raises(pydantic.ValidationError):
        components.Completion.from_json('{"id":5,"retries":"x"}')


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", ["duration", "unknown", "native_request"])
def test_no_number_becomes_null(number: float, place: str) -> None:
    """NaN and Infinity, which JSON cannot carry, are an error and never silently null."""
    with pytest.raises(ValueError, match="JSON compliant"):
        components.Completion.model_validate({place: number}).to_json()


def test_a_strangers_value_can_be_dumped_and_left_out() -> None:
    """Pydantic's own dump works with values of unexpected types, and leaves out what it is told to."""
    record = components.Completion.from_json('{"id": "a", "response": {"choices": [], "usage": [1]}}')

    assert record.model_dump() == {"id": "a", "response": {"choices": [], "usage": [1]}}
    assert record.model_dump(mode="json", exclude={"response": {"choices"}}) == {
        "id": "a",
        "response": {"usage": [1]},
    }


def test_what_was_not_given_is_not_written() -> None:
    """A field that was never given is absent, one that was given as null is null."""
    assert components.Completion(id="a", session_id=None).to_json() == '{"id": "a", "session_id": null}'


def test_a_moment_is_written_as_rfc_3339() -> None:
    """A time given as a datetime is written as the API wants it; text stays the text it is."""
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)

    assert components.Completion(created_at=moment).to_json() == '{"created_at": "2026-01-02T03:04:05+00:00"}'
    assert components.Completion(created_at="soon").to_json() == '{"created_at": "soon"}'


def test_what_json_cannot_carry_is_named() -> None:
    """A value of a Python type that JSON has no form for is an error that names the type."""
    with pytest.raises(TypeError, match="set is nothing that JSON can carry"):
        components.Completion(native_request={"a": {1}}).to_json()


def test_a_message_writes_its_role() -> None:
    """A message's class says its role, so that nobody has to."""
    message = components.ChatCompletionRequestUserMessage(content="hi")

    assert json.loads(message.to_json()) == {"content": "hi", "role": "user"}
