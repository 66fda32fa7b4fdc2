"""What became of a call: its response, and whether it finished, failed or was cut short."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final, NamedTuple, Protocol

from log10_trace.domain.call_labels import CHAT_COMPLETIONS, FAILED, FINISHED, MESSAGES, RESPONSES, STARTED
from log10_trace.record import accumulate_choices, accumulate_messages, accumulate_responses, sse
from log10_trace.record.accumulate_text import Places
from log10_trace.record.body_sizes import CUT_BYTES, cut_text, find_room
from log10_trace.record.call import Call
from log10_trace.record.content_encoding import decode_body
from log10_trace.record.event_template import make_template
from log10_trace.record.json_bytes import dump_fast, to_json_string, to_single_line
from log10_trace.record.reported_failure import (
    MAX_REASON,
    Failure,
    find_event_failure,
    find_failure,
    may_report_failure,
)

MAX_EVENTS_BYTES: Final = 1 << 20

_GOING_ON: Final = ("queued", "in_progress")
_FEW: Final = 4
_MORE: Final[dict[int | None, int]] = {_FEW: 8 * _FEW}
"""How many events are read at a time, and how many the next time; then all that are at hand."""


class Outcome(NamedTuple):
    """How a call ended."""

    response: bytes
    """JSON on one line: the body as it came, a stream folded, text as a string; ``null`` without a body."""
    status: str
    interrupted: bool = False
    failure_kind: str | None = None
    failure_reason: str | None = None
    raw: bytes | None = None
    """The body as it came, as a JSON string, where ``response`` could not be it to the byte."""
    events: bytes | None = None
    """JSON array of the events of a stream that cannot be folded without loss: the first MAX_EVENTS_BYTES."""


def determine_outcome(call: Call) -> Outcome:
    """The outcome of a call, from its bytes and from what its thread saw."""
    if call.status == STARTED:
        return Outcome(b"null", STARTED)
    # A body that was not streamed was decoded by the HTTP library already.
    coding = call.content_encoding if call.streamed else None
    body = decode_body(call.chunks, coding, _find_room(call)) if coding else b"".join(call.chunks)
    # By the body, not by its type: some servers answer JSON to ``stream=True``.
    if sse.is_stream(body):
        return _stream_outcome(call, body)
    json_body = to_single_line(body)
    if json_body is not None:
        failure = find_failure(json_body.value, is_response=call.endpoint == RESPONSES)
        return _outcome(call, json_body.text, failure, is_whole=True, raw=json_body.raw)
    text = cut_text(body, _find_room(call))
    response = to_json_string(text, _charset(call.content_type)) if text.strip() else b"null"
    # A stream that broke off before its first event is known by its content type alone.
    is_cut = "event-stream" in (call.content_type or "").lower()
    return _outcome(call, response, None, is_whole=not (is_cut or call.interrupted))


def _find_room(call: Call) -> int:
    """How many bytes the response may have; a beginning of it is kept beside any request."""
    return max(find_room(call.endpoint, len(call.request)), CUT_BYTES)


def _stream_outcome(call: Call, body: bytes) -> Outcome:
    fold = _new_accumulator(call.endpoint)
    events = _ObservedEvents(body, fold)
    events.add_all()
    # A stream that ended before its first event, which says at most [DONE].
    if events.count == 0:
        return _outcome(call, b"null", None, is_whole=events.done)
    whole = fold.finish()
    failure = events.failure or find_failure(whole, is_response=call.endpoint == RESPONSES)
    outcome = _outcome(call, dump_fast(whole), failure, is_whole=_is_whole(call.endpoint, events, whole))
    if fold.lossy:
        return outcome._replace(events=sse.EventReader(body).first_as_json(MAX_EVENTS_BYTES))
    return outcome


class _Accumulator(Protocol):
    """What makes the one object that the call unstreamed gives from the events of a stream."""

    @property
    def lossy(self) -> bool:
        """Whether the object lacks something that an event had."""
        ...

    def add(self, event: dict[str, Any], /) -> None:
        """Add the next event."""
        ...

    def find_places(self, event: dict[str, Any], /) -> Places | None:
        """The texts that ``add`` would add values of this event to; None when it would do more than that."""
        ...

    def finish(self) -> dict[str, Any]:
        """The object as far as it came."""
        ...


def _new_accumulator(endpoint: str) -> _Accumulator:
    if endpoint == RESPONSES:
        return accumulate_responses.ResponseAccumulator()
    if endpoint == MESSAGES:
        return accumulate_messages.MessageAccumulator()
    kind = "chat.completion" if endpoint == CHAT_COMPLETIONS else "text_completion"
    return accumulate_choices.ChoiceAccumulator(kind)


class _ObservedEvents:
    """The events of a stream, read once, and what they say of its end; known after ``add_all``."""

    def __init__(self, body: bytes, fold: _Accumulator) -> None:
        self.count = 0
        self.done = False
        """Whether the stream has said ``[DONE]``."""
        self.has_ended = False
        """Whether it had an event that ends a response."""
        self.failure: Failure | None = None
        """What the last event that reports a failure reports."""
        self._body = body
        self._fold = fold
        self._reader = sse.EventReader(body)

    def add_all(self) -> None:
        """Add the events to the accumulator."""
        reader, add = self._reader, self._fold.add
        blocks: int | None = _FEW
        while not reader.is_at_end:
            events = reader.read(blocks)
            self.count += len(events)
            if self._may_fail(blocks):
                self._observe(events)
            for event in events:
                if isinstance(event.data, dict):
                    add(event.data)
            template = make_template(reader.last_block)
            repeats = reader.read_repeats(template, self._find_places) if template is not None else 0
            self.count += repeats
            # More at a time where a template gains nothing: events that are read together cost less.
            blocks = _FEW if repeats > _FEW else _MORE.get(blocks)
        self.done = reader.done
        if self.failure is not None and not self._has_sign:
            self.failure = None

    @cached_property
    def _has_sign(self) -> bool:
        return may_report_failure(self._body)

    def _may_fail(self, blocks: int | None) -> bool:
        """Whether events are to be looked at for a failure."""
        # To look through a long body for a sign takes longer than to look at a few events.
        return blocks == _FEW or self._has_sign

    def _observe(self, events: list[sse.Event]) -> None:
        for event in events:
            self.failure = find_event_failure(event.name, event.data) or self.failure
            # An event that ends a response also has a sign of a failure in its bytes, so it is always seen
            # here.
            self.has_ended = self.has_ended or _type(event) in accumulate_responses.ENDS

    def _find_places(self, name: str | None, data: Any) -> Places | None:
        if not isinstance(data, dict) or find_event_failure(name, data) is not None:
            return None
        return self._fold.find_places(data)


def _is_whole(endpoint: str, events: _ObservedEvents, response: dict[str, Any]) -> bool:
    """Whether a stream came to its end: it says so, or every choice has a finish reason."""
    if endpoint == RESPONSES:
        # A proxy may write [DONE] whatever became of the response.
        return events.has_ended or (events.done and response.get("status") not in _GOING_ON)
    if endpoint == MESSAGES:
        return response.get("stop_reason") is not None
    choices = response.get("choices")
    finishes = [choice.get("finish_reason") for choice in choices] if choices else []
    # Some servers never send [DONE], others never a finish reason.
    return events.done or (bool(finishes) and all(finishes))


def _outcome(
    call: Call, response: bytes, reported: Failure | None, *, is_whole: bool, raw: bytes | None = None
) -> Outcome:
    if call.failure_kind is not None or call.status == FAILED:
        # What its thread saw says more than the body: the SDK's exception, or that the process died.
        reason = call.failure_reason and call.failure_reason[:MAX_REASON]
        return Outcome(response, FAILED, False, call.failure_kind, reason, raw)
    if reported is not None:
        return Outcome(response, FAILED, False, *reported, raw)
    return Outcome(response, FINISHED, not is_whole, None, None, raw)


def _type(event: sse.Event) -> str:
    return str(event.data.get("type")) if isinstance(event.data, dict) else ""


def _charset(content_type: str | None) -> str:
    _, _, charset = (content_type or "").lower().partition("charset=")
    return charset.partition(";")[0].strip(" \"'") or "utf-8"
