"""What providers really send in their streams, case by case."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from log10_trace.record.accumulate_choices import accumulate


def chunk(*choices: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "c", "object": "chat.completion.chunk", "choices": list(choices), **more}


def tool(**call: Any) -> dict[str, Any]:
    return chunk({"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None})


def delta(**fields: Any) -> dict[str, Any]:
    return chunk({"index": 0, "delta": fields, "finish_reason": None})


def folded(*chunks: dict[str, Any]) -> dict[str, Any]:
    return accumulate(copy.deepcopy(list(chunks)), "chat.completion")


def message(*chunks: dict[str, Any]) -> Any:
    return folded(*chunks)["choices"][0]["message"]


CALL = {"type": "function", "function": {"name": "f", "arguments": "{}"}}

TOOL_CASES = {
    "parallel calls whose fragments interleave": (
        [
            tool(index=0, id="a", type="function", function={"name": "f", "arguments": ""}),
            tool(index=1, id="b", type="function", function={"name": "g", "arguments": ""}),
            tool(index=0, function={"arguments": "{"}),
            tool(index=1, function={"arguments": "["}),
            tool(index=0, function={"arguments": "}"}),
            tool(index=1, function={"arguments": "]"}),
        ],
        [("a", "f", "{}"), ("b", "g", "[]")],
    ),
    "one index, told apart by id": (
        [tool(index=0, id="a", **CALL), tool(index=0, id="b", **CALL)],
        [("a", "f", "{}"), ("b", "f", "{}")],
    ),
    "indices that begin at one": (
        [tool(index=1, id="a", **CALL), tool(index=2, id="b", **CALL)],
        [("a", "f", "{}"), ("b", "f", "{}")],
    ),
    "no index and no type": (
        [
            tool(id="a", function={"name": "f", "arguments": "{"}),
            tool(function={"arguments": "}"}),
            tool(id="b", function={"name": "g", "arguments": None}),
        ],
        [("a", "f", "{}"), ("b", "g", "")],
    ),
    "id and name in every fragment": (
        [tool(index=0, id="a", function={"name": "f", "arguments": piece}) for piece in ("{", "}")],
        [("a", "f", "{}")],
    ),
    "two calls in one delta": (
        [delta(tool_calls=[{"index": 0, "id": "a", **CALL}, {"index": 1, "id": "b", **CALL}])],
        [("a", "f", "{}"), ("b", "f", "{}")],
    ),
    "an empty id after the first": (
        [
            tool(index=0, id="a", function={"name": "f", "arguments": "{"}),
            tool(index=0, id="", function={"arguments": "}"}),
        ],
        [("a", "f", "{}")],
    ),
    "one index, told apart by nothing but their whole arguments": (
        [tool(index=0, id="", **CALL), tool(index=0, id="", **CALL)],
        [("", "f", "{}"), ("", "f", "{}")],
    ),
    "one index, told apart by name": (
        [
            tool(index=0, function={"name": "f", "arguments": "{"}),
            tool(index=0, function={"arguments": "}"}),
            tool(index=0, function={"name": "g", "arguments": "{}"}),
        ],
        [(None, "f", "{}"), (None, "g", "{}")],
    ),
    "one index and ids that interleave": (
        [
            tool(index=0, id="a", type="function", function={"name": "f", "arguments": "{"}),
            tool(index=0, id="b", type="function", function={"name": "g", "arguments": "["}),
            tool(index=0, id="a", function={"arguments": "}"}),
            tool(index=0, id="b", function={"arguments": "]"}),
        ],
        [("a", "f", "{}"), ("b", "g", "[]")],
    ),
    "neither index nor id": (
        [
            tool(function={"name": "f", "arguments": "{"}),
            tool(function={"name": "f", "arguments": "}"}),
            tool(function={"name": "f", "arguments": "{}"}),
        ],
        [(None, "f", "{}"), (None, "f", "{}")],
    ),
    "a new id with every fragment": (
        [
            tool(index=0, id="a", type="function", function={"name": "f", "arguments": "{"}),
            tool(index=0, id="b", function={"arguments": "}"}),
        ],
        [("a", "f", "{}")],
    ),
    "a call that comes again whole": (
        [tool(index=0, id="a", **CALL), tool(index=0, id="a", **CALL)],
        [("a", "f", "{}")],
    ),
    "arguments that are objects": (
        [tool(index=0, function={"name": "f", "arguments": {"a": n}}) for n in (1, 2)],
        [(None, "f", {"a": 1}), (None, "f", {"a": 2})],
    ),
    "a name in two pieces": (
        [tool(index=0, id="a", function={"name": "get_"}), tool(index=0, function={"name": "time"})],
        [("a", "get_time", None)],
    ),
}


@pytest.mark.parametrize(("chunks", "calls"), TOOL_CASES.values(), ids=TOOL_CASES)
def test_tool_calls_are_put_together(chunks: list[Any], calls: list[Any]) -> None:
    """Each fragment of a tool call goes to its own call, however providers mark them."""
    found = message(*chunks)["tool_calls"]

    functions = [call["function"] for call in found]
    assert [(call.get("id"), function["name"]) for call, function in zip(found, functions, strict=True)] == [
        (call_id, name) for call_id, name, _ in calls
    ]
    assert [function.get("arguments") for function in functions] == [arguments for *_, arguments in calls]
    assert not any("index" in call for call in found)


def test_choices_stand_in_the_order_of_their_index() -> None:
    """A choice that arrives first is not the first for it."""
    whole = folded(
        chunk({"index": 1, "delta": {"content": "b"}}), chunk({"index": 0, "delta": {"content": "a"}})
    )

    assert [choice["message"]["content"] for choice in whole["choices"]] == ["a", "b"]


def test_azure_sends_empty_fields_first_and_choices_without_delta() -> None:
    """What says nothing does not erase what says something; filter results are merged."""
    whole = folded(
        {"id": "", "model": "", "object": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]},
        {**delta(content="x"), "model": "gpt"},
        {
            "id": "",
            "model": "",
            "choices": [{"index": 0, "content_filter_results": {"hate": {"filtered": False}}}],
        },
        {
            "id": "",
            "model": "",
            "choices": [{"index": 0, "content_filter_results": {"self": {"filtered": False}}}],
        },
    )

    assert (whole["id"], whole["model"], whole["object"]) == ("c", "gpt", "chat.completion")
    assert whole["prompt_filter_results"] == [{"prompt_index": 0}]
    assert set(whole["choices"][0]["content_filter_results"]) == {"hate", "self"}


def test_usage_is_the_last_that_is_given_and_never_added_up() -> None:
    """With vLLM it counts up in every chunk; a null at the end does not erase it."""
    whole = folded(
        chunk(usage={"total_tokens": 1}),
        chunk(usage={"total_tokens": 2}),
        chunk(usage=None, service_tier="x"),
    )

    assert whole["usage"] == {"total_tokens": 2}
    assert whole["service_tier"] == "x"


def test_log_probabilities_are_strung_together_for_content_and_refusal() -> None:
    """Both lists grow, and a null among them changes nothing."""
    pieces: list[Any] = [{"content": [1], "refusal": None}, None, {"content": [2], "refusal": [3]}]

    whole = folded(*(chunk({"index": 0, "delta": {}, "logprobs": piece}) for piece in pieces))

    assert whole["choices"][0]["logprobs"] == {"content": [1, 2], "refusal": [3]}


def test_audio_is_strung_together_and_its_labels_are_not() -> None:
    """Data and transcript grow, the id stays, the last expiry holds."""
    parts = [{"id": "a", "data": "QQ"}, {"id": "a", "transcript": "x"}, {"data": "==", "transcript": "y"}]

    found = message(*(delta(audio=part) for part in parts), delta(audio={"expires_at": 5}))

    assert found["audio"] == {"id": "a", "data": "QQ==", "transcript": "xy", "expires_at": 5}


def test_content_in_parts_is_kept_in_parts() -> None:
    """Mistral's thinking comes as parts that grow, and the answer after it as text."""
    found = message(
        delta(role="assistant", content=""),
        delta(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}]),
        delta(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "m."}]}]),
        delta(content="Yes"),
        delta(content="!"),
    )

    assert found["content"] == [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hmm."}]},
        {"type": "text", "text": "Yes!"},
    ]


def test_reasoning_details_grow_by_their_index() -> None:
    """OpenRouter's reasoning comes as a list whose parts are told apart by index."""
    part = {"type": "reasoning.text", "index": 0, "format": "x"}

    found = message(
        delta(reasoning_details=[{**part, "text": "a"}]), delta(reasoning_details=[{**part, "text": "b"}])
    )

    assert found["reasoning_details"] == [{**part, "text": "ab"}]


def test_of_two_finish_reasons_the_last_holds_and_a_null_none() -> None:
    """Some providers end a choice twice, others go on with null."""
    whole = folded(*(chunk({"index": 0, "delta": {}, "finish_reason": r}) for r in ("stop", "length", None)))

    assert whole["choices"][0]["finish_reason"] == "length"


def test_the_older_function_call_and_the_refusal_are_put_together() -> None:
    """A name is kept once, arguments and refusal grow, null never overwrites."""
    found = message(
        delta(role="assistant", content=None, function_call={"name": "f", "arguments": "{"}),
        delta(function_call={"arguments": "}"}, refusal="I "),
        delta(refusal="won't", role="assistant", content=None),
    )

    assert found == {
        "role": "assistant",
        "content": None,
        "function_call": {"name": "f", "arguments": "{}"},
        "refusal": "I won't",
    }


def test_equal_pieces_of_a_custom_tool_s_input_are_its_text() -> None:
    """What a model writes twice in succession stands twice."""
    pieces = [{"input": "ha"}, {"input": "ha"}, {"input": "ha"}]

    found = message(
        tool(index=0, id="a", type="custom", custom={"name": "f", "input": ""}),
        *(tool(index=0, custom=piece) for piece in pieces),
    )

    assert found["tool_calls"] == [{"id": "a", "type": "custom", "custom": {"name": "f", "input": "hahaha"}}]


def test_a_thought_signature_stands_with_its_tool_call() -> None:
    """Gemini's signature is a label of the call, once however often it comes."""
    signed = {"extra_content": {"google": {"thought_signature": "S"}}}

    found = message(tool(index=0, id="a", **CALL, **signed), tool(index=0, id="a", **signed))

    assert found["tool_calls"] == [{"id": "a", **CALL, **signed}]


def test_values_of_a_choice_are_the_last_unless_they_are_texts_or_lists() -> None:
    """A reason to stop and a flag hold as they came last, a zero too; an empty word erases nothing."""
    whole = folded(
        chunk({"index": 0, "delta": {}, "stop_reason": None, "seed": 1, "flag": True, "reasoning": "ha"}),
        chunk({"index": 0, "delta": {}, "stop_reason": 7, "seed": 0, "flag": False, "reasoning": "ha"}),
        chunk({"index": 0, "delta": {}, "finish_reason": "stop", "usage": {"a": 1, "b": 1}}),
        chunk({"index": 0, "delta": {}, "finish_reason": "", "usage": {"a": 2}}),
    )

    choice = whole["choices"][0]
    assert (choice["stop_reason"], choice["seed"], choice["flag"]) == (7, 0, False)
    assert (choice["reasoning"], choice["finish_reason"], choice["usage"]) == ("haha", "stop", {"a": 2})


def test_objects_of_the_chunk_are_merged_at_every_depth() -> None:
    """Groq says its id first and its usage last; what comes again changes nothing."""
    whole = folded(
        chunk(x_groq={"id": "r"}, timings={"n": 1, "at": {"a": 1}}),
        chunk(x_groq={"id": "r", "usage": {"total_tokens": 3}}, timings={"n": 2, "at": {"b": 2}}),
        chunk(x_groq={"id": ""}),
    )

    assert whole["x_groq"] == {"id": "r", "usage": {"total_tokens": 3}}
    assert whole["timings"] == {"n": 2, "at": {"a": 1, "b": 2}}


def test_unknown_keys_are_kept_and_noise_is_dropped() -> None:
    """A field nobody has heard of stands in the response; ``obfuscation`` does not."""
    whole = folded(
        chunk({"index": 0, "delta": {"x": 1}, "y": 2}, z={"a": 1}, obfuscation="~"), chunk(z={"b": 2})
    )

    assert whole["choices"][0]["message"] == {"x": 1}
    assert whole["choices"][0]["y"] == 2
    assert whole["z"] == {"a": 1, "b": 2}
    assert "obfuscation" not in whole


def test_a_cumulative_message_beside_the_delta_is_not_taken_twice() -> None:
    """Perplexity sends what came so far along with each delta."""
    pieces = [("Hel", "Hel"), ("lo", "Hello")]

    whole = folded(
        *(chunk({"index": 0, "delta": {"content": d}, "message": {"content": m}}) for d, m in pieces)
    )

    assert whole["choices"][0]["message"]["content"] == "Hello"


def test_text_completions_grow_in_text_and_in_their_parallel_lists() -> None:
    """The API before chat: ``text`` and the four lists of log probabilities."""
    chunks = [
        {"object": "text_completion", "choices": [{"index": 0, "text": t, "logprobs": {"tokens": [t]}}]}
        for t in ("a", "b")
    ]

    whole = accumulate(chunks, "text_completion")

    assert whole["object"] == "text_completion"
    assert whole["choices"] == [
        {"index": 0, "finish_reason": None, "text": "ab", "logprobs": {"tokens": ["a", "b"]}}
    ]


@pytest.mark.parametrize(
    "odd",
    [
        {"choices": None},
        {"choices": [None]},
        {"choices": [{"delta": None}]},
        {"choices": [{"index": 0, "text": "a"}, {"index": 0, "text": {"b": 1}}]},
        {},
    ],
)
def test_chunks_of_no_known_form_do_no_harm(odd: dict[str, Any]) -> None:
    """Whatever JSON a provider sends folds into something."""
    assert folded(odd, delta(content="x"))["choices"][0]["message"]["content"] == "x"
