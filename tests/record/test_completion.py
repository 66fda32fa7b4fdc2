"""The Completion of a call: one line of JSON in which the bytes of the wire stand untouched."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log10_trace.domain.call_labels import FAILED, kind_of_endpoint
from log10_trace.domain.completion_record import parse
from log10_trace.domain.labels import make_label
from log10_trace.models.components import Completion
from log10_trace.record.call import Call
from log10_trace.record.call_codec import decode, encode
from log10_trace.record.completion import LARGE_BYTES, to_json, to_pieces
from log10_trace.record.completion_model import to_model
from log10_trace.record.json_bytes import MAX_DEPTH, to_single_line

TEXTS = st.text(max_size=6) | st.just('"\\ \ud800\n')
LABELS = st.fixed_dictionaries(
    {
        "id": TEXTS,
        "tags": st.lists(TEXTS, max_size=2).map(tuple),
        "session_id": st.none() | TEXTS,
        "duration_ns": st.none() | st.integers(0, 10**15),
        "first_token_ns": st.none() | st.integers(0, 10**15),
        "interrupted": st.booleans(),
    },
    optional={
        **dict.fromkeys(("organization_id", "base_url", "request_id", "source", "failure_kind"), TEXTS),
        **dict.fromkeys(("failure_reason", "trace_id", "span_id", "via", "traced_by"), TEXTS),
        **dict.fromkeys(("retries", "sequence"), st.integers(0, 2**63)),
        "metadata": st.dictionaries(TEXTS, st.none() | st.booleans() | st.integers() | TEXTS, max_size=2),
    },
)
NESTS = ("[%s]", '{"a":%s}', '[{"b":1},%s,{"c":2}]', '{"d":"[[","e":%s}')
EXTENSIONS = (
    "base_url", "request_id", "retries", "source", "sequence", "trace_id", "span_id", "via", "traced_by",
)  # fmt: skip

EXACT = [
    b'{"n":123456789012345678901234567890,"f":1.10,"e":1E400,"g":-0.0}',
    b'{"s":"\\ud83d","t":"caf\xc3\xa9 \\u0000","u":"\xe2\x80\xa8"}',
    b'{"a":1,"a":2,"deep":[[[{"x":[]}]]]}',
]


def call(request: bytes = b"{}", response: bytes = b"{}", endpoint: str = "/chat/completions") -> Call:
    made = Call(endpoint, created_ns=1_700_000_000_123_456_789, started_ns=5)
    made.request, made.chunks, made.status, made.duration_ns = request, [response], "finished", 1_500_000_000
    made.session_id, made.tags, made.stack = (
        "s",
        ("a", "b"),
        b'[{"file":"x","line":"","lineno":1,"name":"f"}]',
    )
    return made


@pytest.mark.parametrize("body", EXACT)
@pytest.mark.parametrize("endpoint", ["/chat/completions", "/completions", "/responses"])
def test_the_bytes_of_the_wire_stand_in_the_record(body: bytes, endpoint: str) -> None:
    """Big integers, the spelling of floats, lone surrogates, doubled keys: all as they were sent and came."""
    line = to_json(decode(b"".join(encode(call(body, body, endpoint)))))

    assert line.count(body) == 2
    json.loads(line)


def test_the_twelve_fields_and_the_extensions_have_their_types() -> None:
    """Seconds as floats, UTC as RFC 3339, and nothing for what there is not."""
    made = call()
    made.retries, made.first_token_ns, made.metadata = 0, 250_000_000, {"team": "x"}

    record = json.loads(to_json(made))

    assert record["duration"] == 1.5
    assert record["time_to_first_token"] == 0.25
    assert record["created_at"] == "2023-11-14T22:13:20.123456Z"
    assert (record["kind"], record["status"], record["tags"]) == ("chat", "finished", ["a", "b"])
    assert (record["retries"], record["metadata"]) == (0, {"team": "x"})
    assert not {"interrupted", "failure_kind", "organization_id"} & set(record)
    assert isinstance(to_model(made), Completion)


def test_a_text_completion_is_of_the_kind_prompt() -> None:
    """The kind follows the endpoint."""
    assert json.loads(to_json(call(endpoint="/completions")))["kind"] == "prompt"


@pytest.mark.parametrize("endpoint", ["/chat/completions", "/completions", "/responses"])
def test_metadata_of_the_request_joins_that_of_the_call(endpoint: str) -> None:
    """What the request says holds; what is no string, number or boolean stays in the request alone."""
    made = call(b'{"metadata":{"a":"own","b":true,"c":{"d":1},"e":null}}', b"{}", endpoint)
    made.metadata = {"a": "outer", "z": 1}

    assert json.loads(to_json(made))["metadata"] == {"a": "own", "b": True, "z": 1}
    assert made.metadata == {"a": "outer", "z": 1}
    assert to_model(made).metadata == {"a": "outer", "z": 1}
    assert "metadata" not in json.loads(to_json(call(b'{"metadata":["a"]}')))


def test_line_breaks_of_the_body_do_not_break_the_line() -> None:
    """JSON that was sent over several lines is the same JSON on one."""
    line = to_json(call(b'{\r\n "a": 1\n}', b"[\n1\n]"))

    assert b"\n" not in line
    assert b"\r" not in line
    assert json.loads(line)["response"] == [1]


def test_a_redacted_record_is_all_there_is() -> None:
    """Once a Completion was made, it is what counts."""
    made = call()
    made.body_json = b'{"id":"x"}'

    assert to_json(decode(b"".join(encode(made)))) == b'{"id":"x"}'


def test_labels_that_are_not_plain_survive() -> None:
    """A tag with a lone surrogate and metadata that is not a number come through the spool."""
    made = call()
    made.tags, made.metadata = ("\ud83d",), {"x": float("nan")}

    again = decode(b"".join(encode(made)))

    assert again.tags == ("\ud83d",)
    assert json.loads(to_json(again))["metadata"] == {"x": "NaN"}


@pytest.mark.parametrize("endpoint", ["/chat/completions", "/completions", "/responses"])
def test_bodies_with_nan_are_objects_and_kept_as_they_were(endpoint: str) -> None:
    """The record is JSON; the bodies stand in it as objects, and as text beside it."""
    request, response = b'{"top_p":NaN}', b'{"output":[],"choices":[{"logprobs":{"content":[-Infinity]}}]}'

    line = to_json(call(request, response, endpoint))

    record = json.loads(line, parse_constant=pytest.fail)
    native = "native_" if endpoint == "/responses" else ""
    assert record[f"{native}request"] == {"top_p": "NaN"}
    assert record[f"{native}response"]["choices"][0]["logprobs"] == {"content": ["-Infinity"]}
    assert (record["raw_request"].encode(), record["raw_response"].encode()) == (request, response)


EVENTS = b"".join(
    b'data: {"choices":[{"index":0,"delta":{"content":"secret","token_id":%d}}], "n": 1.50}\n\n' % n
    for n in (1, 2)
)
"""A stream that gives each chunk a number of its own."""


def test_events_that_cannot_be_folded_without_loss_stand_beside_the_response() -> None:
    """As they came on the wire, in order; the model of the record has them too."""
    line = to_json(call(response=EVENTS + b"data: [DONE]\n\n"))

    record = json.loads(line)
    assert record["response"]["choices"][0]["message"] == {"content": "secretsecret", "token_id": 2}
    assert [event["choices"][0]["delta"]["token_id"] for event in record["raw_events"]] == [1, 2]
    assert b'"n": 1.50' in line
    assert Completion.from_json(line).raw_events == record["raw_events"]


@pytest.mark.parametrize("endpoint", ["/chat/completions", "/completions", "/responses"])
def test_events_that_are_folded_whole_do_not_stand_beside_the_response(endpoint: str) -> None:
    """Neither those of a common stream, nor those of one that is cut short."""
    chunks = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"a"},"text":"a"}]}\n\n'
    events = b'data: {"type":"response.output_text.delta","output_index":0,"delta":"a"}\n\n'
    body = (events if endpoint == "/responses" else chunks) * 2

    assert "raw_events" not in json.loads(to_json(call(response=body[:-9], endpoint=endpoint)))


def test_of_many_events_the_first_megabyte_is_kept() -> None:
    """A record stays one that the API takes, however long the stream is."""
    record = json.loads(to_json(call(response=EVENTS * 20_000)))

    assert 0.9e6 < len(json.dumps(record["raw_events"], separators=(",", ":"))) < 1.1e6
    assert record["raw_events"][0]["choices"][0]["delta"]["token_id"] == 1


def test_a_redactor_never_sees_a_body_twice() -> None:
    """What it takes out of the response must not stand beside it."""
    made = call(response=b'{"secret":"x","n":NaN}')
    streamed = call(response=EVENTS)

    model = to_model(made).model_dump()
    model_of_stream = to_model(streamed).model_dump()

    assert model["response"] == {"secret": "x", "n": "NaN"}
    assert "raw_response" not in {name for name, value in model.items() if value is not None}
    assert json.loads(to_json(streamed))["raw_events"]
    assert "raw_events" not in {name for name, value in model_of_stream.items() if value is not None}


@pytest.mark.parametrize("number", [b"1e400", b"-1E999", b"9" * 5000])
def test_a_redactor_gets_numbers_that_python_has_not_as_text(number: bytes) -> None:
    """What it gives back can be written: a record with such a number is not lost."""
    made = to_model(call(response=b'{"n":' + number + b"}"))

    assert json.loads(made.to_json())["response"] == {"n": number.decode()}


@pytest.mark.parametrize("cut", [0, 3, 40])
def test_a_payload_that_is_cut_short_is_refused(cut: int) -> None:
    """Never half a record: a payload of the wrong length is a ValueError."""
    with pytest.raises(ValueError, match=r"entry|EOF|JSON|Expecting"):
        decode(b"".join(encode(call(b'{"x":1}', b"")))[:cut])


def test_a_payload_of_a_newer_version_is_refused() -> None:
    """An older program leaves alone what it cannot read."""
    payload = bytearray(b"".join(encode(call())))
    payload[0] = 99

    with pytest.raises(ValueError, match="version 99"):
        decode(bytes(payload))


def list_labels(made: Call, *, is_whole: bool) -> list[tuple[str, Any]]:
    """What a record says beside its bodies, in order: the specification of what is written piece by piece."""
    failed = made.failure_kind is not None
    pairs = [
        ("id", made.id),
        ("kind", kind_of_endpoint(made.endpoint)),
        ("status", "failed" if failed else "finished"),
        ("tags", list(made.tags)),
        ("session_id", made.session_id),
        ("created_at", "2023-11-14T22:13:20.123456Z"),
        ("endpoint", made.endpoint),
    ]
    named = {
        "organization_id": made.organization_id,
        "duration": None if made.duration_ns is None else made.duration_ns / 1e9,
        "time_to_first_token": None if made.first_token_ns is None else made.first_token_ns / 1e9,
        "interrupted": None if failed or is_whole else True,
    }
    pairs += [(name, value) for name, value in named.items() if value is not None]
    if failed:
        pairs += [
            ("failure_kind", make_label(made.failure_kind or "")),
            ("failure_reason", made.failure_reason),
        ]
    if made.request_id is not None:
        made.request_id = make_label(made.request_id)
    pairs += [(name, getattr(made, name)) for name in EXTENSIONS if getattr(made, name) is not None]
    return pairs + ([("metadata", made.metadata)] if made.metadata else [])


@given(LABELS)
def test_labels_are_those_of_the_call(labels: dict[str, Any]) -> None:
    """Whatever they are, and whatever calls with other labels were written before."""
    made = call(response=b"no JSON")
    vars(made).update(labels)

    written = json.loads(to_json(made), object_pairs_hook=list)

    expected = list_labels(made, is_whole=not made.interrupted)
    found = [(name, dict(value) if name == "metadata" else value) for name, value in written]
    assert found[: len(expected)] == expected
    assert [name for name, _ in found[len(expected) :]] == ["request", "response", "stacktrace"]


@pytest.mark.parametrize("text", ["r" * 10_000, "a\tb", "a\x00b\ud800"])
def test_a_label_of_somebody_else_costs_no_record(text: str) -> None:
    """The API's id of a request and the name of an exception's class are such that a server takes them."""
    made = call()
    made.request_id, made.status, made.failure_kind, made.failure_reason = text, FAILED, text, text

    record = parse(to_json(made))

    shown = text.replace("\t", " ").replace("\x00", " ").replace("\ud800", " ")[:512]
    assert (record.values["request_id"], record.values["failure_kind"]) == (shown, shown)


@given(*[st.sampled_from([9, LARGE_BYTES - 1, LARGE_BYTES, 3 * LARGE_BYTES])] * 2)
def test_large_bodies_are_pieces_of_their_own(asked: int, answered: int) -> None:
    """The call's own objects; together the pieces are the line that a record of small bodies is."""
    bodies = [b'{"a":"' + b"x" * (size - 8) + b'"}' for size in (asked, answered)]
    made = call(*bodies)

    pieces = to_pieces(made)

    large = [body for body in bodies if len(body) >= LARGE_BYTES]
    assert all(any(piece is body for piece in pieces) for body in large)
    assert len(pieces) == 1 + 2 * len(large)
    made.request, made.chunks = b"1", [b"2"]
    expected = to_json(made).replace(b'"request":1,"response":2', b'"request":%b,"response":%b' % (*bodies,))
    assert b"".join(pieces) == expected


@given(st.integers(MAX_DEPTH - 4, MAX_DEPTH + 4), st.lists(st.sampled_from(NESTS), min_size=1, max_size=4))
def test_json_is_kept_as_text_where_it_is_too_deep(depth: int, forms: list[str]) -> None:
    """At every depth, whatever stands beside what is nested."""
    text = "1"
    for level in range(depth):
        text = forms[level % len(forms)] % text
    # The innermost that has others beside it is a level deeper than they say.
    deepest = depth + (1 if "1}" in forms[0] else 0)

    assert (to_single_line(text.encode()) is None) == (deepest > MAX_DEPTH)
