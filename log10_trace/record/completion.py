"""The Completion of a call: the one place that knows which of the record's fields comes from where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from log10_trace.domain.metadata import merge_metadata, read_metadata
from log10_trace.domain.native_views import VIEWS
from log10_trace.record.call import Call
from log10_trace.record.completion_labels import write_labels
from log10_trace.record.json_bytes import dump, parse, to_json_string, to_single_line
from log10_trace.record.outcome import determine_outcome

LARGE_BYTES: Final = 16 * 1024
"""A body of so many bytes is a piece of its own: to copy it takes longer than to send one more piece."""


def to_json(call: Call) -> bytes:
    """The Completion as one line of JSON; what was sent and what came back stand in it byte for byte."""
    return b"".join(to_pieces(call))


def to_pieces(call: Call) -> Sequence[bytes]:
    """As ``to_json``, in pieces to be sent one after the other; the large ones are the call's own objects."""
    return _write_pieces(call) if call.body_json is None else (call.body_json,)


def write_anew(call: Call, *, with_request_metadata: bool = True) -> bytes:
    """As ``to_json``, from the bytes of the call, whatever was made of them before."""
    return b"".join(_write_pieces(call, with_request_metadata=with_request_metadata))


def _write_pieces(call: Call, *, with_request_metadata: bool = True) -> Sequence[bytes]:
    outcome = determine_outcome(call)
    request, raw_request, value = _request(call.request)
    metadata = call.metadata
    if with_request_metadata and type(value) is dict and "metadata" in value:
        metadata = join_request_metadata(metadata, value)
    head = write_labels(call, outcome, metadata)
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
    if raw_request is not None:
        bodies.append((b"raw_request", raw_request))
    if outcome.raw is not None:
        bodies.append((b"raw_response", outcome.raw))
    if outcome.events is not None:
        bodies.append((b"raw_events", outcome.events))
    is_small = len(request) < LARGE_BYTES and len(outcome.response) < LARGE_BYTES
    pieces = _spell_fields(head, call.stack, bodies)
    return (b"".join(pieces),) if is_small else _join_small(pieces)


def join_request_metadata(metadata: dict[str, Any] | None, request: Any) -> dict[str, Any] | None:
    """The metadata of a call, and that in its request, a body or the model of one, whose values hold."""
    own = request.get("metadata") if isinstance(request, dict) else getattr(request, "metadata", None)
    return merge_metadata(metadata, read_metadata(own))


def _spell_fields(labels: bytes, stack: bytes, bodies: list[tuple[bytes, bytes]]) -> list[bytes]:
    # Joined as bytes: bodies that were parsed and written again would lose the spelling of their numbers,
    # doubled keys and lone surrogates.
    pieces = [labels]
    for name, value in bodies:
        pieces += (b',"', name, b'":', value)
    pieces += (b',"stacktrace":', stack, b"}")
    return pieces


def _join_small(pieces: list[bytes]) -> Sequence[bytes]:
    """The pieces with what stands between the large ones joined."""
    joined, small = list[bytes](), list[bytes]()
    for piece in pieces:
        if len(piece) < LARGE_BYTES:
            small.append(piece)
        else:
            joined += (b"".join(small), piece)
            small = []
    return (*joined, b"".join(small))


def _request(body: bytes) -> tuple[bytes, bytes | None, Any]:
    """The request as JSON, as a JSON string where that is not the body byte for byte, and its value."""
    if not body:
        return b"null", None, None
    json_body = to_single_line(body)
    if json_body is None:
        return to_json_string(body), None, None
    return json_body.text, json_body.raw, json_body.value
