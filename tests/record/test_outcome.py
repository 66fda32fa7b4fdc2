"""What became of a call: response and status, from its bytes and from what its thread saw."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from log10_trace.record import body_sizes, outcome
from log10_trace.record.call import Call
from tests.model_answers import chat_chunks, response, response_events
from tests.model_endpoint import sse
from tests.recorded import needed

CHUNKS = chat_chunks("a", "b")


def call(body: bytes, endpoint: str = "/chat/completions", **fields: Any) -> Call:
    made = Call(endpoint, created_ns=0, started_ns=0)
    made.status, made.chunks = "finished", [body]
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def test_a_stream_that_ended_is_finished_though_its_consumer_left() -> None:
    """Whoever turns away after the last event has missed nothing."""
    found = outcome.determine_outcome(call(b"".join(sse(*CHUNKS)), interrupted=True))

    assert (found.status, found.interrupted) == ("finished", False)


def test_a_stream_that_was_left_is_interrupted() -> None:
    """What came until then is the response; it has no finish reason."""
    found = outcome.determine_outcome(call(b"".join(sse(*CHUNKS[:2], done=False)), interrupted=True))

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
    "a named event with text": ([b"event: error\ndata: no\n\n"], "error", "no"),
}


@pytest.mark.parametrize(("events", "kind", "reason"), ERRORS.values(), ids=ERRORS)
def test_an_error_inside_a_stream_is_a_failure(events: list[Any], kind: str, reason: str) -> None:
    """The call failed, with what it said of itself, and what came before is kept."""
    found = outcome.determine_outcome(call(b"".join(sse(*CHUNKS[:2], *events, done=False)), interrupted=True))

    assert (found.status, found.failure_kind, found.failure_reason) == ("failed", kind, reason)
    assert json.loads(found.response)["choices"][0]["message"]["content"][:1] == "a"


def test_a_response_that_failed_is_a_failure() -> None:
    """``response.failed`` carries the response and its error."""
    failed = {**response(status="failed"), "error": {"code": "rate_limit_exceeded", "message": "slow"}}

    found = outcome.determine_outcome(
        call(b"".join(sse({"type": "response.failed", "response": failed})), "/responses")
    )

    assert (found.status, found.failure_kind, found.failure_reason) == (
        "failed",
        "rate_limit_exceeded",
        "slow",
    )


def test_a_response_without_its_last_event_is_rebuilt_from_its_deltas() -> None:
    """A stream that breaks off gives the items as far as they came."""
    events = response_events("Hel", "lo")[:6]

    found = json.loads(
        outcome.determine_outcome(call(b"".join(sse(*events, done=False)), "/responses")).response
    )

    assert found["id"] == "resp_1"
    assert found["output"][0]["content"][0]["text"] == "Hello"


def test_an_incomplete_response_without_event_names_ends_the_stream() -> None:
    """The type of an event is in its data, whatever its name is."""
    whole = {**response("Hel", status="incomplete"), "output": [{"type": "message"}]}
    body = b"data: " + json.dumps({"type": "response.incomplete", "response": whole}).encode() + b"\n\n"

    found = outcome.determine_outcome(call(body + b"data: [DONE]\n\n", "/responses", interrupted=True))

    assert json.loads(found.response) == whole
    assert (found.status, found.interrupted) == ("failed", False)
    assert (found.failure_kind, found.failure_reason) == (
        "response.incomplete",
        "The status of the response is incomplete.",
    )


BODIES = {
    "nothing": (b"", None),
    "white space": (b" \n", None),
    "html": (b"<html>caf\xc3\xa9</html>", "<html>caf\xe9</html>"),
    "padded json": (b'\n\n  {"a": 1}\n', {"a": 1}),
    "not a number alone": (b"NaN", "NaN"),
    "not a number in no JSON": (b'{"a": NaN, }', '{"a": NaN, }'),
    "a name that is no constant": (b'{"a": nan}', '{"a": nan}'),
    "no text at all": (b"\xff\xfe", "\udcff\udcfe"),
    "json cut short": (b'{"a": ', '{"a": '),
    "far too deep": (b"[" * 5000 + b"]" * 5000, "[" * 5000 + "]" * 5000),
}


@pytest.mark.parametrize(("body", "response"), BODIES.values(), ids=BODIES)
def test_any_body_is_kept(body: bytes, response: Any) -> None:
    """JSON stands as JSON, all else as text, and nothing as null; always on one line."""
    found = outcome.determine_outcome(call(body))

    assert json.loads(found.response) == response
    assert b"\n" not in found.response


def test_text_is_read_in_the_charset_it_names() -> None:
    """A page in Latin-1 reads as it was meant."""
    found = outcome.determine_outcome(call(b"caf\xe9", content_type="text/html; charset=ISO-8859-1"))

    assert json.loads(found.response) == "caf\xe9"


def test_a_call_that_began_has_no_outcome_yet() -> None:
    """A record of a call under way has no response."""
    assert outcome.determine_outcome(call(b"", status="started")) == outcome.Outcome(b"null", "started")


TEXT_PIECES = [
    {
        "id": "cmpl-1",
        "object": "text_completion",
        "choices": [{"index": 0, "text": "a", "finish_reason": None}],
    },
    {
        "id": "cmpl-1",
        "object": "text_completion",
        "choices": [{"index": 0, "text": "", "finish_reason": "stop"}],
    },
]
CLEAN_ENDS: dict[str, tuple[str, list[Any], bool]] = {
    "chat": ("/chat/completions", CHUNKS[:2], False),
    "chat, only its role": ("/chat/completions", CHUNKS[:1], False),
    "chat, one choice of two": (
        "/chat/completions",
        [{"choices": [{"index": 0, "finish_reason": "stop"}, {"index": 1, "delta": {"content": "a"}}]}],
        False,
    ),
    "chat, an empty finish reason": ("/chat/completions", [{"choices": [{"finish_reason": ""}]}], False),
    "completions": ("/completions", TEXT_PIECES[:1], False),
    "responses": ("/responses", response_events("Hel", "lo")[:6], False),
    "responses that go on": (
        "/responses",
        [{"type": "response.queued", "response": {"status": "queued"}}],
        False,
    ),
    "chat with its finish reason": ("/chat/completions", CHUNKS[:-1], True),
    "completions with its finish reason": ("/completions", TEXT_PIECES, True),
    "responses with its last event": ("/responses", response_events("Hel", "lo"), True),
}


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize(("endpoint", "events", "whole"), CLEAN_ENDS.values(), ids=CLEAN_ENDS)
def test_a_stream_that_ends_before_its_answer_does_is_interrupted(
    endpoint: str, events: list[Any], whole: bool, left: bool
) -> None:
    """Finish reason, [DONE] or terminal event: without one the connection ended, and not the answer."""
    found = outcome.determine_outcome(call(b"".join(sse(*events, done=False)), endpoint, interrupted=left))

    assert (found.status, found.interrupted) == ("finished", not whole)


def test_done_ends_a_stream_without_finish_reason() -> None:
    """Some servers never give a finish reason."""
    for endpoint, events in (("/chat/completions", CHUNKS[:2]), ("/completions", TEXT_PIECES[:1])):
        found = outcome.determine_outcome(call(b"".join(sse(*events)), endpoint))

        assert (found.status, found.interrupted) == ("finished", False)


def test_done_does_not_end_a_response_that_is_in_progress() -> None:
    """A proxy may write [DONE] whatever became of the response."""
    found = outcome.determine_outcome(call(b"".join(sse(*response_events("Hel", "lo")[:6])), "/responses"))

    assert (found.status, found.interrupted) == ("finished", True)


@pytest.mark.parametrize("body", [b"", b": waiting\n\n", b"data", b'data: {"choi'])
def test_a_stream_without_an_event_is_interrupted(body: bytes) -> None:
    """A stream that ends before its first event gave no answer."""
    found = outcome.determine_outcome(
        call(body, content_type="text/event-stream; charset=utf-8", streamed=True)
    )

    assert (found.status, found.interrupted) == ("finished", True)


@pytest.mark.parametrize("finish", ["error", None])
def test_an_error_in_a_choice_of_a_stream_is_a_failure(finish: str | None) -> None:
    """OpenRouter puts the error into the choice, and ends the stream as any other."""
    last = {"choices": [{"index": 0, "error": {"code": 502, "message": "no"}, "finish_reason": finish}]}

    found = outcome.determine_outcome(call(b"".join(sse(*CHUNKS[:2], last))))

    assert (found.status, found.failure_kind, found.failure_reason) == ("failed", "502", "no")


@pytest.mark.parametrize("status", ["failed", "cancelled", "incomplete"])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_response_that_is_not_whole_has_failed(status: str, streamed: bool) -> None:
    """The same outcome, streamed or not."""
    answer = {**response("Hel", status=status), "incomplete_details": {"reason": "max_output_tokens"}}
    event = {"type": f"response.{status}", "response": answer}
    body = b"".join(sse(event, done=False)) if streamed else json.dumps(answer).encode()

    found = outcome.determine_outcome(call(body, "/responses"))

    assert (found.status, found.interrupted) == ("failed", False)
    assert (found.failure_kind, found.failure_reason) == (f"response.{status}", "max_output_tokens")
    assert json.loads(found.response) == answer


def test_an_error_object_with_a_good_status_is_a_failure() -> None:
    """The body is kept as it came; a body with an empty error is an answer."""
    failed = outcome.determine_outcome(call(b'{"error": {"message": "too large", "code": 400}}'))
    fine = outcome.determine_outcome(call(b'{"choices": [], "error": null}'))

    assert (failed.status, failed.failure_kind, failed.failure_reason) == ("failed", "400", "too large")
    assert failed.response == b'{"error": {"message": "too large", "code": 400}}'
    assert fine.status == "finished"


def test_the_exception_says_more_than_the_body() -> None:
    """What the SDK raised is the failure, also where the body reports one."""
    found = outcome.determine_outcome(
        call(b'{"error": "no"}', failure_kind="BadRequestError", failure_reason="x" * 200_000)
    )

    assert (found.status, found.failure_kind) == ("failed", "BadRequestError")
    assert found.failure_reason == "x" * 100_000


CONSTANTS = b'{"logprob": -Infinity, "a\\"NaN": [NaN, Infinity, 1e400, 1.10], "s": "NaN, -Infinity \\" NaN"}'


def test_numbers_that_json_does_not_know_stand_as_their_names() -> None:
    """Everything else stays as it was written, and the body is kept beside it."""
    found = outcome.determine_outcome(call(CONSTANTS))

    assert found.response == (
        b'{"logprob": "-Infinity", "a\\"NaN": ["NaN", "Infinity", 1e400, 1.10], '
        b'"s": "NaN, -Infinity \\" NaN"}'
    )
    assert json.loads(found.raw or b"").encode() == CONSTANTS


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_json_in_another_encoding_is_json(encoding: str) -> None:
    """The SDK reads it, and so does a reader of the record."""
    found = outcome.determine_outcome(call('{"a": "\u00e9"}'.encode(encoding)))

    assert json.loads(found.response) == {"a": "\u00e9"}
    assert '{"a": "\u00e9"}' in json.loads(found.raw or b"")


@pytest.mark.parametrize(
    "body", [b'{"a": 1e400, "b": "NaN"}', b'{"s": "\\ud83d"}', b'{"n": ' + b"9" * 5000 + b"}", b"[1,\n2]"]
)
def test_strict_json_needs_no_copy(body: bytes) -> None:
    """The response is the body, to the byte; line breaks between its tokens are space."""
    found = outcome.determine_outcome(call(body))

    assert found.response == body.replace(b"\n", b" ")
    assert found.raw is None


def test_of_a_very_large_body_only_the_json_is_kept() -> None:
    """A record stays below what the API takes."""
    found = outcome.determine_outcome(call(b'{"a": NaN, "s": "' + b"x" * (17 << 20) + b'"}'))

    assert found.response.startswith(b'{"a": "NaN"')
    assert found.raw is None


ENDPOINT_OF = {"chat": "/chat/completions", "completion": "/completions", "response": "/responses"}


def test_real_answers_are_whole_and_real_errors_are_failures() -> None:
    """No answer of a provider is taken for a failure or for cut short, and each error for a failure."""
    wrong = []
    for each in needed():
        found = outcome.determine_outcome(
            call(each["body"].encode(), ENDPOINT_OF[each["kind"]], streamed=each["stream"])
        )
        expected = ("finished", False) if each["status"] < 400 else ("failed", False)
        if (found.status, found.interrupted) != expected:
            wrong.append((each["id"], found.status, found.failure_kind))

    assert wrong == []


@pytest.fixture
def small_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """A record has room for 40,000 bytes, and 1,000 are kept of a body that is too large."""
    monkeypatch.setattr(body_sizes, "MAX_BODIES_BYTES", 40_000)
    for module in (body_sizes, outcome):
        monkeypatch.setattr(module, "CUT_BYTES", 1_000)


@pytest.mark.parametrize(
    ("body", "coding", "endpoint", "length"),
    [
        (bytes(40_000), "gzip", "/chat/completions", 1_000),
        (bytes(7_000), None, "/chat/completions", 1_000),
        (bytes(2_000), None, "/chat/completions", 2_000),
        (b"a" * 25_000, None, "/audio/transcriptions", 25_000),
        (b'"%b"' % (b"a" * 25_000), "gzip", "/chat/completions", 25_000),
        (b'"%b"' % (b"a" * 100_000), "gzip", "/chat/completions", 1_000),
        (b'"%b"' % (b"a" * 15_000), "gzip", "/responses", 1_000),
    ],
)
@pytest.mark.usefixtures("small_records")
def test_a_response_that_grows_beyond_a_record_is_kept_in_part(
    body: bytes, coding: str | None, endpoint: str, length: int
) -> None:
    """By decoding, or as a text of escapes; beside a request that has room of its own."""
    sent = gzip.compress(body) if coding else body
    made = call(sent, endpoint, request=b'"%b"' % (b"q" * 9_000), content_encoding=coding, streamed=True)
    found = outcome.determine_outcome(made)

    assert len(json.loads(found.response)) == length
    assert len(found.response) + len(made.request) <= 40_000
