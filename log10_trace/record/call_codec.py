"""A call as the payload of one spool entry, and back. Nothing large is parsed on the way in.

All numbers are little-endian; the last four parts follow one another.

=========  ======  ====  ==================================================================================
field      offset  size  meaning
=========  ======  ====  ==================================================================================
version         0     1  version of this layout, 1; an entry of a later version is left alone
padding         1     3  zero
lengths         4    24  of labels (4), stack (4), request (8), ``body_json`` (8, signed; -1 without one)
labels         28     *  JSON array of the call's labels, in the order of ``_LABELS``
stack           *     *  JSON array of the frames
request         *     *  body of the request, as it was on the wire
body_json       *     *  the record as JSON, where it was made already: after redaction
chunks          *     *  body of the response, as it was on the wire; up to the end of the payload
=========  ======  ====  ==================================================================================
"""

from __future__ import annotations

import struct
from operator import attrgetter
from typing import Any, Final

from log10_trace.record.call import Call
from log10_trace.record.json_bytes import dump_fast, parse

_VERSION: Final = 1
_LENGTHS: Final = struct.Struct("<BxxxIIQq")

_LABELS: Final = (
    "id", "endpoint", "created_ns", "started_ns", "status", "base_url", "organization_id", "tags",
    "session_id", "metadata", "streamed", "content_type", "content_encoding", "status_code", "duration_ns",
    "first_token_ns", "request_id", "retries", "interrupted", "failure_kind", "failure_reason",
    "background_response_id", "source", "sequence", "trace_id", "span_id", "via", "traced_by",
)  # fmt: skip
"""The labels stand in an entry in this order. A new label goes to the end, and none ever changes its place:
an entry with fewer labels was written by an earlier version, and one with more by a later version."""
_MIN_LABELS: Final = 4
"""Without these four there is no call; every version has written them."""
_labels_of = attrgetter(*_LABELS)


class NewerEntryError(ValueError):
    """An entry was written by a later version of log10_trace; it stays in the spool for that version."""


def encode(call: Call) -> list[bytes]:
    """The few buffers that make up the payload, in order; the request is the call's own object.

    The pieces of a stream are joined: to check and to write a hundred buffers takes ten times as long as one.
    """
    labels = dump_fast(_labels_of(call))
    body = call.body_json
    lengths = _LENGTHS.pack(
        _VERSION, len(labels), len(call.stack), len(call.request), -1 if body is None else len(body)
    )
    head = lengths + labels
    chunks = b"".join(call.chunks)
    if body is not None:
        return [head, call.stack, call.request, body, chunks]
    return [head, call.stack, call.request, chunks]


def decode(payload: bytes) -> Call:
    """The call that ``encode`` was given, by this version or an earlier one; its chunks come back as one.

    A label that the writer did not know has its default.

    Raises:
        NewerEntryError: a later version wrote it.
        ValueError: this is no payload of ``encode``.
    """
    version = payload[0] if payload else _VERSION
    # Asked first: nothing else is known of the layout of a later version.
    if version > _VERSION:
        raise NewerEntryError(f"the entry has version {version}, and this package reads up to {_VERSION}")
    try:
        _, *lengths, body = _LENGTHS.unpack_from(payload)
    except struct.error as error:
        raise ValueError("the entry is too short") from error
    if version == 0:
        raise ValueError("the entry has no version")
    at, parts = _LENGTHS.size, []
    for length in (*lengths, max(body, 0)):
        parts.append(bytes(payload[at : at + length]))
        at += length
    if at > len(payload):
        raise ValueError("the entry is cut short")
    call = _call_from_labels(parts[0])
    call.stack, call.request = parts[1], parts[2]
    call.body_json = parts[3] if body >= 0 else None
    call.chunks = [bytes(payload[at:])] if at < len(payload) else []
    return call


def is_newer(payload: bytes) -> bool:
    """Whether a later version of log10_trace wrote an entry, so that ``decode`` does not read it."""
    if payload[:1] > bytes([_VERSION]):
        return True
    try:
        _, length, *_ = _LENGTHS.unpack_from(payload)
        return len(_label_values(payload[_LENGTHS.size : _LENGTHS.size + length])) > len(_LABELS)
    # Whatever bytes stand there: the parser reports JSON that is nested without end as a RecursionError.
    except (struct.error, ValueError, RecursionError):
        return False


def _label_values(text: bytes) -> list[Any]:
    values = parse(text)
    if not isinstance(values, list) or len(values) < _MIN_LABELS:
        raise ValueError("the labels of the entry are not a list of labels")
    return values


def _call_from_labels(text: bytes) -> Call:
    values = _label_values(text)
    if len(values) > len(_LABELS):
        raise NewerEntryError(f"the entry has {len(values)} labels, and this package knows {len(_LABELS)}")
    # Not by its constructor, which would make a new id: all that it sets is a label, but for the chunks.
    call = Call.__new__(Call)
    # Not strict: the entries that wait when a label is added would all become dead letters.
    vars(call).update(zip(_LABELS, values, strict=False))
    call.tags, call.chunks = tuple(call.tags), []
    return call
