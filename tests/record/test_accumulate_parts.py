"""Lists that providers send in their streams: which part a fragment continues, and what comes again."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from log10_trace.record.accumulate_choices import ChoiceAccumulator, accumulate

Part = dict[str, Any]


def folded(*pieces: dict[str, Any]) -> ChoiceAccumulator:
    """The fold of chunks that have one choice each."""
    choices = ChoiceAccumulator("chat.completion")
    for piece in pieces:
        choices.add({"id": "c", "choices": [{"index": 0, **copy.deepcopy(piece)}]})
    return choices


def message(*deltas: Part) -> Any:
    return folded(*({"delta": delta} for delta in deltas)).finish()["choices"][0]["message"]


TEXT = {"type": "reasoning.text", "index": 0}
SUMMARY = {"type": "reasoning.summary", "index": 0}
CIPHER = {"type": "reasoning.encrypted", "index": 0}
THINKING = {"type": "thinking"}
CITED = {"type": "url_citation", "url_citation": {"url": "https://a", "title": "A"}}
CITED_TOO = {"type": "url_citation", "url_citation": {"url": "https://b", "title": "B"}}

PARTS = {
    "a type that changes under one index": (
        [{**TEXT, "text": "a"}, {**CIPHER, "data": "X"}, {**TEXT, "text": "b"}, {**TEXT, "text": "c"}],
        [{**TEXT, "text": "a"}, {**CIPHER, "data": "X"}, {**TEXT, "text": "bc"}],
    ),
    "an id that changes under one index": (
        [{**CIPHER, "id": "1", "data": "X"}, {**CIPHER, "id": "2", "data": "Y"}],
        [{**CIPHER, "id": "1", "data": "X"}, {**CIPHER, "id": "2", "data": "Y"}],
    ),
    "ids that interleave under one index": (
        [
            {**TEXT, "id": "1", "text": "a"},
            {**TEXT, "id": "2", "text": "b"},
            {**TEXT, "id": "1", "text": "c"},
        ],
        [{**TEXT, "id": "1", "text": "ac"}, {**TEXT, "id": "2", "text": "b"}],
    ),
    "the first data once more after another part": (
        [{**CIPHER, "data": "X"}, {**SUMMARY, "summary": "a"}, {**CIPHER, "data": "X"}],
        [{**CIPHER, "data": "X"}, {**SUMMARY, "summary": "a"}, {**CIPHER, "data": "X"}],
    ),
    "different data under one index without an id": (
        [{**CIPHER, "data": "X"}, {**CIPHER, "data": "Y"}, {**CIPHER, "data": "Y"}],
        [{**CIPHER, "data": "X"}, {**CIPHER, "data": "Y"}],
    ),
    "indices that interleave": (
        [{"index": 1, "text": "a"}, {"index": 0, "text": "b"}, {"index": 1, "text": "c"}],
        [{"index": 1, "text": "ac"}, {"index": 0, "text": "b"}],
    ),
    "equal pieces of a text": (
        [{**TEXT, "text": "ha"}, {**TEXT, "text": "ha"}, {**TEXT, "text": "ha"}],
        [{**TEXT, "text": "hahaha"}],
    ),
    "a signature after its text, and the next part": (
        [
            {**THINKING, "thinking": "a", "signature": None},
            {**THINKING, "thinking": "", "signature": "S"},
            {**THINKING, "thinking": "b"},
            {**THINKING, "thinking": "", "signature": "T"},
        ],
        [{**THINKING, "thinking": "a", "signature": "S"}, {**THINKING, "thinking": "b", "signature": "T"}],
    ),
    "a signature with every fragment": (
        [{**TEXT, "text": "a", "signature": "S"}, {**TEXT, "text": "b", "signature": "S"}],
        [{**TEXT, "text": "ab", "signature": "S"}],
    ),
    "summaries without an index": (
        [{"type": "summary", "summary": "a"}, {"type": "summary", "summary": "b"}],
        [{"type": "summary", "summary": "ab"}],
    ),
    "texts without type and index": ([{"text": "a"}, {"text": "b"}], [{"text": "a"}, {"text": "b"}]),
    "annotations one by one, and the last once more": (
        [CITED, CITED_TOO, CITED_TOO],
        [CITED, CITED_TOO],
    ),
    "annotations that all have index 0": (
        [{**CITED, "index": 0}, {**CITED_TOO, "index": 0}, {**CITED_TOO, "index": 0}],
        [{**CITED, "index": 0}, {**CITED_TOO, "index": 0}],
    ),
    "one address cited at two places": (
        [{**CITED, "index": 0, "start_index": 1}, {**CITED, "index": 0, "start_index": 9}],
        [{**CITED, "index": 0, "start_index": 1}, {**CITED, "index": 0, "start_index": 9}],
    ),
    "a tool run that comes again with its result": (
        [
            {"index": 0, "type": "search", "arguments": '{"q": 1}', "output": ""},
            {"index": 0, "type": "search", "arguments": '{"q": 1}', "output": "found"},
            {"index": 0, "type": "search", "arguments": '{"q": 1}', "output": "found"},
        ],
        [{"index": 0, "type": "search", "arguments": '{"q": 1}', "output": "found"}],
    ),
    "a call of a tool that comes again": (
        [{"index": 0, "type": "f", "function": {"name": "f", "arguments": "{}"}}] * 3,
        [{"index": 0, "type": "f", "function": {"name": "f", "arguments": "{}"}}],
    ),
    "arguments of a tool run in pieces": (
        [{"index": 0, "type": "f", "arguments": piece} for piece in ('{"a"', ": 1", "}")],
        [{"index": 0, "type": "f", "arguments": '{"a": 1}'}],
    ),
    "a tool run whose state changes": (
        [{"index": 0, "type": "run", "status": "in_progress"}, {"index": 0, "status": "completed"}],
        [{"index": 0, "type": "run", "status": "completed"}],
    ),
    "an image that comes again": (
        [{"type": "image_url", "index": 0, "image_url": {"url": "data:x"}}] * 2,
        [{"type": "image_url", "index": 0, "image_url": {"url": "data:x"}}],
    ),
}


@pytest.mark.parametrize(("parts", "expected"), PARTS.values(), ids=PARTS)
@pytest.mark.parametrize("field", ["reasoning_details", "content"])
def test_parts_are_told_apart(parts: list[Part], expected: list[Part], field: str) -> None:
    """A part is new when its index, id or type changes, or when it would overwrite another value."""
    assert message(*({field: [part]} for part in parts))[field] == expected


@pytest.mark.parametrize(
    ("parts", "expected"),
    [PARTS[name] for name in PARTS if "again" not in name and "once more" not in name],
    ids=[name for name in PARTS if "again" not in name and "once more" not in name],
)
def test_parts_of_one_chunk_are_told_apart_alike(parts: list[Part], expected: list[Part]) -> None:
    """It does not matter how many fragments a provider puts into one chunk."""
    if parts[-1] != parts[-2] or "text" in parts[-1]:
        assert message({"reasoning_details": parts})["reasoning_details"] == expected


TOOLS = [{"index": 0, "type": "search", "arguments": "{}", "search_results": {"results": [{"url": "a"}]}}]
WHOLE_LISTS = {
    "the whole list in every chunk": ([TOOLS, TOOLS, TOOLS], TOOLS),
    "a list that grows": ([[CITED], [CITED, CITED_TOO]], [CITED, CITED_TOO]),
    "a list in two halves": ([[CITED], [CITED_TOO]], [CITED, CITED_TOO]),
    "a list whose parts grow": (
        [
            [{"type": "run", "arguments": "{}", "output": None}, {"type": "find", "arguments": "[]"}],
            [{"type": "run", "arguments": "{}", "output": "x"}, {"type": "find", "arguments": "[]", "n": 1}],
        ],
        [
            {"type": "run", "arguments": "{}", "output": "x"},
            {"type": "find", "arguments": "[]", "n": 1},
        ],
    ),
    "words in every chunk": ([["a", "b"], ["a", "b"]], ["a", "b"]),
    "words that grow": ([["a"], ["a", "b"]], ["a", "b"]),
    "words in two halves": ([["a"], ["b"]], ["a", "b"]),
    "an empty list between": ([[CITED], [], [CITED_TOO]], [CITED, CITED_TOO]),
}


@pytest.mark.parametrize(("lists", "expected"), WHOLE_LISTS.values(), ids=WHOLE_LISTS)
def test_a_list_that_comes_again_is_not_added_again(lists: list[Any], expected: list[Any]) -> None:
    """In a delta, beside it, and within an object of it."""
    assert message(*({"executed_tools": each} for each in lists))["executed_tools"] == expected
    nested = message(*({"provider_specific_fields": {"x": each}} for each in lists))
    assert nested["provider_specific_fields"]["x"] == expected
    beside = folded(*({"delta": {}, "citations": each} for each in lists)).finish()
    assert beside["choices"][0]["citations"] == expected


def test_a_list_of_the_chunk_that_comes_again_is_not_added_again() -> None:
    """Perplexity's citations and results come whole with every chunk, or grow, or stand in one of them."""
    lists: list[list[Any]] = [["a"], ["a", "b"], ["a"], [], ["c"]]
    chunks = [{"choices": [], "citations": each, "results": [CITED]} for each in lists]

    whole = accumulate(copy.deepcopy(chunks), "chat.completion")

    assert whole["citations"] == ["a", "b", "c"]
    assert whole["results"] == [CITED]


@pytest.mark.parametrize("field", ["token_ids", "tokens", "output_token_logprobs"])
def test_tokens_of_each_chunk_are_joined_though_they_are_equal(field: str) -> None:
    """A token that follows itself is there twice; the prompt's tokens come again whole."""
    pieces: list[list[Any]] = [[7], [7], [8, 9], []]

    choice = folded(*({"delta": {}, field: each, "prompt_token_ids": [1, 1]} for each in pieces)).finish()
    deltas = message(*({field: each} for each in pieces))
    words = message(*({"tokens": each} for each in (["ha"], ["ha"])))

    assert choice["choices"][0][field] == [7, 7, 8, 9]
    assert choice["choices"][0]["prompt_token_ids"] == [1, 1]
    assert deltas[field] == [7, 7, 8, 9]
    assert words == {"tokens": ["ha", "ha"]}


def test_labels_within_a_delta_are_not_strung_together() -> None:
    """What a provider repeats in every delta stands once, at any depth; texts that repeat grow."""
    delta = {
        "content": "ha",
        "trace": "0123456789abcdef",
        "item_id": "i",
        "provider_specific_fields": {"gateway": "g", "thought_signature": "S", "reasoning_content": "ho"},
        "audio": {"id": "a", "data": "AAAA"},
    }

    assert message(delta, delta) == {
        "content": "haha",
        "trace": "0123456789abcdef",
        "item_id": "i",
        "provider_specific_fields": {"gateway": "g", "thought_signature": "S", "reasoning_content": "hoho"},
        "audio": {"id": "a", "data": "AAAAAAAA"},
    }


def test_log_probabilities_of_equal_tokens_are_joined_wherever_they_stand() -> None:
    """In the choice, under other names, and within the delta."""
    entry = {"token": "ha", "logprob": -0.5, "top_logprobs": []}
    piece = {"delta": {"logprobs": {"content": [entry]}, "output_logprobs": [entry]}}
    beside = {"logprobs": {"content": [entry], "refusal": None}, "output_token_logprobs": [entry]}

    choice = folded({**piece, **beside}, {**piece, **beside}).finish()["choices"][0]

    assert choice["message"] == {"logprobs": {"content": [entry] * 2}, "output_logprobs": [entry] * 2}
    assert choice["logprobs"] == {"content": [entry] * 2, "refusal": None}
    assert choice["output_token_logprobs"] == [entry] * 2


def test_an_object_that_differs_from_chunk_to_chunk_is_not_strung_together() -> None:
    """LiteLLM gives each citation as an object of its own: the last stands, and the fold is lossy."""
    notes = [{"citation": {"type": "page", "cited_text": text, "page": n}} for n, text in enumerate("AB")]

    choices = folded(*({"delta": {"provider_specific_fields": note}} for note in notes))

    assert choices.lossy
    assert choices.finish()["choices"][0]["message"]["provider_specific_fields"] == notes[1]


@pytest.mark.parametrize(
    ("contents", "content"),
    [(("Hel", "Hello"), "Hello"), (("Hel", "lo", "!"), "Hello!"), (("Hello",), "Hello")],
    ids=["so far", "pieces", "whole"],
)
def test_messages_in_place_of_deltas(contents: tuple[str, ...], content: str) -> None:
    """Some servers send the message as far as it has come, others its next piece."""
    choices = folded(*({"message": {"role": "assistant", "content": each}} for each in contents))

    assert choices.finish()["choices"][0]["message"] == {"role": "assistant", "content": content}


LOSSY: dict[str, tuple[list[Part], bool]] = {
    "another role": ([{"role": "assistant"}, {"role": "tool"}], True),
    "an object in place of a text": ([{"content": "a"}, {"content": {"b": 1}}], True),
    "a number for each chunk": ([{"token_id": 1}, {"token_id": 2}], True),
    "an ordinary answer": ([{"role": "assistant", "content": ""}, {"content": "a", "refusal": None}], False),
    "an expiry that moves": ([{"audio": {"expires_at": 1}}, {"audio": {"expires_at": 2}}], False),
    "parts and text": ([{"content": [{"type": "text", "text": "a"}]}, {"content": "b"}], False),
    "an empty value": ([{"content": "a"}, {"content": {}}], False),
}


@pytest.mark.parametrize(("deltas", "lossy"), LOSSY.values(), ids=LOSSY)
def test_a_fold_says_whether_it_left_something_out(deltas: list[Part], lossy: bool) -> None:
    """Only where one value stands in the place of another."""
    choices = folded(*({"delta": delta} for delta in deltas))

    assert choices.lossy is lossy
    assert choices.finish()["choices"]


def test_a_message_beside_the_deltas_gives_what_they_never_say() -> None:
    """Perplexity's deltas may be empty; the message that stands beside them is whole."""
    beside = {"role": "assistant", "content": "Hello", "citations": ["a"]}

    whole = folded({"delta": {"content": ""}, "message": beside}).finish()

    assert whole["choices"][0]["message"] == beside
