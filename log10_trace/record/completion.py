"""The Completion of a call: the one place that knows which of the record's fields comes from where."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

from log10_trace.domain.call_labels import kind_of_endpoint
from log10_trace.domain.metadata import merge_metadata, read_metadata
from log10_trace.domain.native_views import VIEWS
from log10_trace.record.call import Call
from log10_trace.record.json_bytes import dump, dump_fast, parse, to_json_string, to_single_line
from log10_trace.record.outcome import Outcome, determine_outcome

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 -- UTC, whose letter is written behind it
_EXTENSIONS: Final = (
    "base_url", "request_id", "retries", "source", "sequence", "trace_id", "span_id", "via", "traced_by",
)  # fmt: skip

_extensions_of = attrgetter(*_EXTENSIONS)


def to_json(call: Call) -> bytes:
    """The Completion as one line of JSON; what was sent and what came back stand in it byte for byte."""
    return write_anew(call) if call.body_json is None else call.body_json


def write_anew(call: Call, *, with_request_metadata: bool = True) -> bytes:
    """As ``to_json``, from the bytes of the call, whatever was made of them before."""
    outcome = determine_outcome(call)
    request, raw_request, value = _request(call.request)
    labels = _labels(call, outcome)
    metadata = join_request_metadata(call.metadata, value) if with_request_metadata else call.metadata
    if metadata:
        labels["metadata"] = metadata
    head = dump_fast(labels)
    native = VIEWS.get(call.endpoint)
    if native is not None:
        # Every reader of the API knows chat messages; what was sent and what came back stands whole beside
        # them.
        bodies = [
            (b"request", dump(native.request(parse(request)))),
            (b"response", dump(native.response(parse(outcome.response)))),
            (b"native_request", request),
            (b"native_response", outcome.response),
        ]
    else:
        bodies = [(b"request", request), (b"response", outcome.response)]
    raws = ((b"raw_request", raw_request), (b"raw_response", outcome.raw), (b"raw_events", outcome.events))
    bodies += [(name, text) for name, text in raws if text is not None]
    return _join_json(head, call.stack, bodies)


def join_request_metadata(metadata: dict[str, Any] | None, request: Any) -> dict[str, Any] | None:
    """The metadata of a call, and that in its request, a body or the model of one, whose values hold."""
    own = request.get("metadata") if isinstance(request, dict) else getattr(request, "metadata", None)
    return merge_metadata(metadata, read_metadata(own))


def _join_json(labels: bytes, stack: bytes, bodies: list[tuple[bytes, bytes]]) -> bytes:
    # Joined as bytes: bodies that were parsed and written again would lose the spelling of their numbers,
    # doubled keys and lone surrogates.
    pieces = [labels[:-1]]
    for name, value in (*bodies, (b"stacktrace", stack)):
        pieces += (b',"', name, b'":', value)
    return b"".join([*pieces, b"}"])


def _request(body: bytes) -> tuple[bytes, bytes | None, Any]:
    """The request as JSON, as a JSON string where that is not the body byte for byte, and its value."""
    if not body:
        return b"null", None, None
    json_body = to_single_line(body)
    if json_body is None:
        return to_json_string(body), None, None
    return json_body.text, json_body.raw, json_body.value


def _labels(call: Call, outcome: Outcome) -> dict[str, Any]:
    """Every field that is neither a body nor the stack; those without a value are left out."""
    labels: dict[str, Any] = {
        "id": call.id,
        "kind": kind_of_endpoint(call.endpoint),
        "status": outcome.status,
        "tags": call.tags,
        "session_id": call.session_id,
        "created_at": _rfc3339(call.created_ns),
        "endpoint": call.endpoint,
    }
    if call.organization_id is not None:
        labels["organization_id"] = call.organization_id
    if call.duration_ns is not None:
        labels["duration"] = call.duration_ns / 1e9
    if call.first_token_ns is not None:
        labels["time_to_first_token"] = call.first_token_ns / 1e9
    if outcome.interrupted:
        labels["interrupted"] = True
    if outcome.failure_kind is not None:
        labels["failure_kind"] = outcome.failure_kind
        labels["failure_reason"] = outcome.failure_reason
    extensions = zip(_EXTENSIONS, _extensions_of(call), strict=True)
    labels.update({name: value for name, value in extensions if value is not None})
    return labels


def _rfc3339(nanoseconds: int) -> str:
    seconds, microseconds = divmod(nanoseconds // 1000, 1_000_000)
    return f"{_rfc3339_second(seconds)}.{microseconds:06}Z"


@lru_cache(maxsize=16)
def _rfc3339_second(seconds: int) -> str:
    """Kept, because the calls of a batch began in few seconds."""
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()
