"""Events that are read by a template give what a parse of each of them gives, whatever stands in them."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log10_trace.record import event_template, outcome, sse
from log10_trace.record.accumulate_choices import ChoiceAccumulator
from log10_trace.record.accumulate_responses import ResponseAccumulator
from log10_trace.record.call import Call

HEAD = '"id":"c","object":"chat.completion.chunk","created":1,"model":"m"'
CHAT = "/chat/completions"
RESPONSES = "/responses"
MESSAGES = "/messages"


def delta(fields: str, *, more: str = "", beside: str = ',"logprobs":null,"finish_reason":null') -> str:
    return f'{{{HEAD},"choices":[{{"index":0,"delta":{{{fields}}}{beside}}}]{more}}}'


ITEM = '"item_id":"msg_1","output_index":0,"content_index":0'
SHAPES = {
    "content": (CHAT, delta('"content":"$"')),
    "spaces": (CHAT, delta('"content": "$"').replace(",", ", ")),
    "noise": (CHAT, delta('"content":"$"', more=',"usage":null,"obfuscation":"$"')),
    "role again": (CHAT, delta('"role":"assistant","content":"$","refusal":null')),
    "reasoning": (CHAT, delta('"content":null,"reasoning_content":"$"')),
    "two texts": (CHAT, delta('"content":"$","reasoning":"$"')),
    "filter results": (
        CHAT,
        delta(
            '"content":"$"',
            beside=',"content_filter_results":{"hate":{"filtered":false}},"finish_reason":null',
        ),
    ),
    "no index": (CHAT, '{"choices":[{"delta":{"content":"$"}}]}'),
    "arguments": (CHAT, delta('"tool_calls":[{"index":0,"function":{"arguments":"$"}}]')),
    "arguments with id": (
        CHAT,
        delta(
            '"tool_calls":[{"index":0,"id":"","type":"function","function":{"name":null,"arguments":"$"}}]'
        ),
    ),
    "text": (
        "/completions",
        '{"id":"c","choices":[{"text":"$","index":0,"logprobs":null,"finish_reason":null}]}',
    ),
    "response": (
        RESPONSES,
        f'{{"type":"response.output_text.delta",{ITEM},"delta":"$","logprobs":[],"sequence_number":#}}',
    ),
    "response noise": (
        RESPONSES,
        f'{{"type":"response.output_text.delta",{ITEM},"delta":"$","obfuscation":"$","sequence_number":#}}',
    ),
    "response arguments": (
        RESPONSES,
        '{"type":"response.function_call_arguments.delta","item_id":"fc_1","output_index":1,"delta":"$"}',
    ),
    "message": (
        MESSAGES,
        '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"$"}}',
    ),
    "thinking": (
        MESSAGES,
        '{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"$"}}',
    ),
    "input of a tool": (
        MESSAGES,
        '{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"$"}}',
    ),
}
"""A stream's endpoint, and the data of its events: ``$`` is a text, ``#`` a number."""
ODD_SHAPES = {
    "second choice": (CHAT, delta('"content":"$"').replace('"index":0', '"index":1')),
    "content twice": (CHAT, delta('"content":"$","content":"$"')),
    "content and a null": (CHAT, delta('"content":"$","content":null')),
    "content elsewhere": (CHAT, delta('"role":"assistant"', more=',"x":{"content":"$"}')),
    "numbers that are added": (CHAT, delta('"content":"$"', beside=',"token_ids":[1]')),
    "a list beside": (CHAT, delta('"content":"$"', more=',"citations":["a"]')),
    "unknown text": (CHAT, delta('"content":"$","x_note":"again"')),
    "usage": (CHAT, delta('"content":"$"', more=',"usage":{"total_tokens":#}')),
    "log probabilities": (
        CHAT,
        delta('"content":"$"', beside=',"logprobs":{"content":[{"token":"$"}]},"finish_reason":null'),
    ),
    "message beside": (CHAT, delta('"content":"$"', beside=',"message":{"content":"$"}')),
    "two calls": (
        CHAT,
        delta(
            '"tool_calls":[{"index":0,"function":{"arguments":"$"}},{"index":1,"function":{"arguments":"$"}}]'
        ),
    ),
    "call with name": (
        CHAT,
        delta('"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"$"}}]'),
    ),
    "an error": (CHAT, delta('"content":"$"', more=',"error":{"message":"no","type":"$"}')),
    "refusal": (RESPONSES, f'{{"type":"response.refusal.delta",{ITEM},"delta":"$"}}'),
    "log probabilities of a response": (
        RESPONSES,
        f'{{"type":"response.output_text.delta",{ITEM},"delta":"$","logprobs":[{{"token":"$"}}]}}',
    ),
    "part": (RESPONSES, f'{{"type":"response.content_part.added",{ITEM},"part":{{"type":"x","text":"$"}}}}'),
    "done": (
        RESPONSES,
        '{"type":"response.output_item.done","output_index":0,"item":{"id":"msg_1","content":[{"text":"$"}]}}',
    ),
    "signature": (
        MESSAGES,
        '{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"a","text":"$"}}',
    ),
    "a list as delta": (
        RESPONSES,
        f'{{"type":"response.output_text.delta",{ITEM},"delta":["$"],"text":"$"}}',
    ),
    "an object as delta": (
        MESSAGES,
        '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":{"text":"$"}}}',
    ),
    "a list as content": (CHAT, delta('"content":["$"],"text":"$"')),
    "an object as arguments": (
        CHAT,
        delta('"tool_calls":[{"index":0,"function":{"arguments":{"text":"$"}}}]'),
    ),
    "end of a message": (MESSAGES, '{"type":"message_delta","delta":{"stop_reason":"$","text":"$"}}'),
    "no object": (CHAT, '"$"'),
    "a mark": (CHAT, delta('"content":"$","x":"@log10_trace:0"')),
}

LEADS = [b"data: ", b"data: ", b"data:", b"event: x\ndata: ", b"data:  ", b"event: error\ndata: "]
BETWEEN = st.sampled_from(
    [b"", b": comment\n\n", b"\n", b"data: \n\n", b"data: [DONE]\n\n", b"id: 1\n", b"data: {\n"]
)
PLAIN = st.sampled_from(
    [b"a", b" word", b"", b"\xc3\xa9", b"\\n", b'\\"', b"\\\\", b"\\u00e9", b"0", b"error"]
)
HOSTILE = st.sampled_from(
    [
        *(
            b"\\",
            b'"',
            b'a","b',
            b'a"],["b',
            b'a",["b',
            b'b"],"c',
            b'a",{"b":"',
            b'"}',
            b"\xff",
            b"\xc3",
            b"\xa9",
        ),
        *(b"\\ud83d", b"\\ude00", b"\\ud83d\\ude00", b"\\u12", b"\\x", b"\x00", b"\t", b"\r", b"\x7f", b"\n"),
        *(b'"},"finish_reason":"stop"}]}', b'","content":"', b'","obfuscation":"', b'"\n\ndata: {"id":"'),
        *(
            b"NaN",
            b"1,2",
            b"[1]",
            b"-1",
            b"1e999",
            b'1,"delta":"x"',
            b"@log10_trace:0",
            b"987654321012345",
            b"\n\n",
        ),
    ]
)
PIECES = st.lists(PLAIN, max_size=3).map(b"".join)
ODD_PIECES = st.lists(PLAIN | HOSTILE, max_size=3).map(b"".join)


def fill(shape: str, texts: list[bytes], number: int) -> bytes:
    """The data of an event: the texts, taken in turns, in the places of ``$``."""
    first, *rest = shape.encode().split(b"$")
    data = first + b"".join(texts[at % len(texts)] + part for at, part in enumerate(rest))
    return data.replace(b"#", b"%d" % number)


@st.composite
def bodies(draw: st.DrawFn) -> tuple[str, bytes]:
    """An endpoint, and the body of a stream with runs of events of one shape each."""
    endpoint = draw(st.sampled_from([CHAT, CHAT, RESPONSES, "/completions", MESSAGES]))
    shapes = [shape for of, shape in {**SHAPES, **ODD_SHAPES}.values() if of == endpoint]
    lead = draw(st.sampled_from(LEADS))
    body = draw(st.sampled_from([b"", b"", b"\xef\xbb\xbf", b": hello\n\n"]))
    number = 0
    for _ in range(draw(st.integers(1, 3))):
        shape = draw(st.sampled_from(shapes))
        pieces = st.lists(PIECES | ODD_PIECES if draw(st.booleans()) else PIECES, min_size=1, max_size=2)
        for texts in draw(st.lists(pieces, min_size=3, max_size=14)):
            number += 1
            body += lead + fill(shape, texts, number) + b"\n\n"
        body += draw(BETWEEN)
    body = body.replace(b"\n", draw(st.sampled_from([b"\n", b"\n", b"\r\n", b"\r"])))
    return endpoint, body[: draw(st.integers(0, len(body)))] if draw(st.booleans()) else body


def call(endpoint: str, body: bytes) -> Call:
    made = Call(endpoint, created_ns=0, started_ns=0)
    made.status, made.chunks = "finished", [body]
    return made


def outcome_one_by_one(endpoint: str, body: bytes) -> outcome.Outcome:
    """The outcome of a stream all of whose events are parsed."""
    with patch.object(outcome, "make_template", return_value=None):
        return outcome.determine_outcome(call(endpoint, body))


@given(bodies(), st.sampled_from([300, 1000, event_template.WINDOW]))
def test_templates_change_nothing(stream: tuple[str, bytes], window: int) -> None:
    """Valid, odd, hostile and cut streams give the same response, failure and events."""
    with patch.object(sse, "WINDOW", window), patch.object(event_template, "WINDOW", window):
        found = outcome.determine_outcome(call(*stream))

    assert found == outcome_one_by_one(*stream)


@pytest.mark.parametrize(
    "piece", [b"\\", b'a","b', b"\xc3", b"\\ud83d", b'"},"x":{"content":"b', b"\n\n", b"\x00"]
)
@pytest.mark.parametrize(("endpoint", "shape"), SHAPES.values(), ids=SHAPES)
def test_one_hostile_text_among_many(endpoint: str, shape: str, piece: bytes) -> None:
    """A text that is no JSON string, or ends the string early, costs no other event anything."""
    texts = [[b"a"]] * 9 + [[piece]] + [[b"b"]] * 9
    body = b"".join(b"data: " + fill(shape, each, at) + b"\n\n" for at, each in enumerate(texts))

    assert outcome.determine_outcome(call(endpoint, body)) == outcome_one_by_one(endpoint, body)


USUAL = {CHAT: ["content", "arguments"], RESPONSES: ["response"], MESSAGES: ["message"]}


@pytest.mark.parametrize(("endpoint", "shape"), ODD_SHAPES.values(), ids=ODD_SHAPES)
def test_odd_events_after_usual_ones(endpoint: str, shape: str) -> None:
    """Events whose values are of other types, or that say more than a text, change what they did before."""
    for usual in USUAL[endpoint]:
        events = [fill(SHAPES[usual][1], [b"a"], at) for at in range(9)]
        events += [fill(shape, [b"%d" % at], at) for at in range(9)]
        body = b"".join(b"data: " + event + b"\n\n" for event in events)

        assert outcome.determine_outcome(call(endpoint, body)) == outcome_one_by_one(endpoint, body)


@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["LF", "CR LF"])
@pytest.mark.parametrize(("endpoint", "shape"), SHAPES.values(), ids=SHAPES)
def test_usual_streams_are_read_by_a_template(endpoint: str, shape: str, end: bytes) -> None:
    """Of three hundred events of a usual shape the accumulator gets a few, and the texts of all."""
    events = [b"data: " + fill(shape, [b"w%d " % number], number) + b"\n\n" for number in range(300)]
    body = b"".join(events).replace(b"\n", end)
    added: list[object] = []
    kind = ResponseAccumulator if endpoint == RESPONSES else ChoiceAccumulator
    with patch.object(kind, "add", autospec=True, side_effect=kind.add) as add:
        found = outcome.determine_outcome(call(endpoint, body))
        added += add.call_args_list

    assert len(added) < 20
    assert b"".join(b"w%d " % number for number in range(300)) in found.response


def test_an_event_of_another_kind_ends_a_run() -> None:
    """What stands between two runs of one template is read in its place."""
    shape = SHAPES["content"][1]
    run = [b"data: " + fill(shape, [b"a"], 0) + b"\n\n"] * 20
    other = b"data: " + fill(SHAPES["reasoning"][1], [b"thought"], 0) + b"\n\n"
    found = outcome.determine_outcome(call(CHAT, b"".join([*run, b": comment\n\n", other, *run])))

    assert b'"content":"' + b"a" * 40 + b'"' in found.response
    assert b'"reasoning_content":"thought"' in found.response
