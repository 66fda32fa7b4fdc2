"""What became of a call: response and status, from its bytes and from what its thread saw."""

from __future__ import annotations

import json
from typing import Any

import pytest

from log10_trace.record import outcome
from log10_trace.record.call import Call
from tests.model_answers import chat_chunks, response, response_events
from tests.model_endpoint import sse

CHUNKS = chat_chunks("a", "b")


def call(body: bytes, endpoint: str = "/chat/completions", **fields: Any) -> Call:
    made = Call(endpoint, created_ns=0, started_ns=0)
    made.status, made.chunks = "finished", [body]
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def test_a_stream_that_ended_is_finished_though_its_consumer_left() -> None:
    """Whoever turns away after the last event has missed nothing."""
    found = outcome.of(call(b"".join(sse(*CHUNKS)), interrupted=True))

    assert (found.status, found.interrupted) == ("finished", False)


def test_a_stream_that_was_left_is_interrupted() -> None:
    """What came until then is the response; it has no finish reason."""
    found = outcome.of(call(b"".join(sse(*CHUNKS[:2], done=False)), interrupted=True))

    assert (found.status, found.interrupted) == ("finished", True)
    assert json.loads(found.response)["choices"][0] == {
        "index": 0,
        "message": {"role": "assistant", "content": "a"},
        "finish_reason": None,
    }


ERRORS = {
    "an error object": (
        [{"error": {"message": "no", "type": "server_error", "code": 1}}],
        "server_error",
        "no",
    ),
    "beside choices and usage": ([{**CHUNKS[2], "error": {"message": "no", "code": 502}}], "502", "no"),
    "a named event": ([b'event: error\ndata: {"message": "no", "code": "x"}\n\n'], "x", "no"),
    "a word": ([{"error": "no"}], "error", "no"),
}


@pytest.mark.parametrize(("events", "kind", "reason"), ERRORS.values(), ids=ERRORS)
def test_an_error_inside_a_stream_is_a_failure(events: list[Any], kind: str, reason: str) -> None:
    """The call failed, with what it said of itself, and what came before is kept."""
    found = outcome.of(call(b"".join(sse(*CHUNKS[:2], *events, done=False)), interrupted=True))

    assert (found.status, found.failure_kind, found.failure_reason) == ("failed", kind, reason)
    assert json.loads(found.response)["choices"][0]["message"]["content"][:1] == "a"


def test_a_response_that_failed_is_a_failure() -> None:
    """``response.failed`` carries the response and its error."""
    failed = {**response(status="failed"), "error": {"code": "rate_limit_exceeded", "message": "slow"}}

    found = outcome.of(call(b"".join(sse({"type": "response.failed", "response": failed})), "/responses"))

    assert (found.status, found.failure_kind, found.failure_reason) == (
        "failed",
        "rate_limit_exceeded",
        "slow",
    )


def test_a_response_without_its_last_event_is_rebuilt_from_its_deltas() -> None:
    """A stream that breaks off gives the items as far as they came."""
    events = response_events("Hel", "lo")[:6]

    found = json.loads(outcome.of(call(b"".join(sse(*events, done=False)), "/responses")).response)

    assert found["id"] == "resp_1"
    assert found["output"][0]["content"][0]["text"] == "Hello"


def test_an_incomplete_response_without_event_names_ends_the_stream() -> None:
    """The type of an event is in its data, whatever its name is."""
    whole = {**response("Hel", status="incomplete"), "output": [{"type": "message"}]}
    body = b"data: " + json.dumps({"type": "response.incomplete", "response": whole}).encode() + b"\n\n"

    found = outcome.of(call(body + b"data: [DONE]\n\n", "/responses", interrupted=True))

    assert json.loads(found.response) == whole
    assert (found.status, found.interrupted) == ("finished", False)


BODIES = {
    "nothing": (b"", None),
    "white space": (b" \n", None),
    "html": (b"<html>caf\xc3\xa9</html>", "<html>caf\xe9</html>"),
    "padded json": (b'\n\n  {"a": 1}\n', {"a": 1}),
    "not a number": (b'{"a": NaN}', '{"a": NaN}'),
    "no text at all": (b"\xff\xfe", "\udcff\udcfe"),
    "json cut short": (b'{"a": ', '{"a": '),
    "far too deep": (b"[" * 5000 + b"]" * 5000, "[" * 5000 + "]" * 5000),
}


@pytest.mark.parametrize(("body", "response"), BODIES.values(), ids=BODIES)
def test_any_body_is_kept(body: bytes, response: Any) -> None:
    """JSON stands as JSON, all else as text, and nothing as null; always on one line."""
    found = outcome.of(call(body))

    assert json.loads(found.response) == response
    assert b"\n" not in found.response


def test_text_is_read_in_the_charset_it_names() -> None:
    """A page in Latin-1 reads as it was meant."""
    found = outcome.of(call(b"caf\xe9", content_type="text/html; charset=ISO-8859-1"))

    assert json.loads(found.response) == "caf\xe9"


def test_a_call_that_began_has_no_outcome_yet() -> None:
    """A record of a call under way has no response."""
    assert outcome.of(call(b"", status="started")) == outcome.Outcome(b"null", "started")
