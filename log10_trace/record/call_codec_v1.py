"""The payload of a spool entry as version 0.2 and earlier wrote it; it is read, and written no more.

All numbers are little-endian; the last four parts follow one another.

=========  ======  ====  ==================================================================================
field      offset  size  meaning
=========  ======  ====  ==================================================================================
version         0     1  1
padding         1     3  zero
lengths         4    24  of labels (4), stack (4), request (8), ``body_json`` (8, signed; -1 without one)
labels         28     *  JSON array of the call's labels, in the order of ``LABELS``
stack           *     *  JSON array of the frames
request         *     *  body of the request, as it was on the wire
body_json       *     *  the record as JSON, where it was made already: after redaction
chunks          *     *  body of the response, as it was on the wire; up to the end of the payload
=========  ======  ====  ==================================================================================
"""

from __future__ import annotations

import struct
from typing import Any, Final

from log10_trace.record.call import Call
from log10_trace.record.json_bytes import parse

VERSION: Final = 1
LENGTHS: Final = struct.Struct("<BxxxIIQq")
LABELS: Final = (
    "id", "endpoint", "created_ns", "started_ns", "status", "base_url", "organization_id", "tags",
    "session_id", "metadata", "streamed", "content_type", "content_encoding", "status_code", "duration_ns",
    "first_token_ns", "request_id", "retries", "interrupted", "failure_kind", "failure_reason",
    "background_response_id", "source", "sequence", "trace_id", "span_id", "via", "traced_by",
)  # fmt: skip
"""The labels stand in an entry in this order: one with fewer was written by an earlier version."""
_MIN_LABELS: Final = 4
"""Without these four there is no call; every version has written them."""


class NewerEntryError(ValueError):
    """An entry was written by a later version of log10_trace; it stays in the spool for that version."""


def decode(payload: bytes) -> Call:
    """The call in the payload; its chunks come back as one. A label that is not there has its default.

    Raises:
        NewerEntryError: it has more labels than there ever were in this layout.
        ValueError: it is cut short, or no payload.
    """
    try:
        _, *lengths, body = LENGTHS.unpack_from(payload)
    except struct.error as error:
        raise ValueError("the entry is too short") from error
    at, parts = LENGTHS.size, []
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
    """Whether it has more labels than ``decode`` reads.

    Raises:
        struct.error: it is too short.
        ValueError: its labels are none.
    """
    _, length, *_ = LENGTHS.unpack_from(payload)
    return len(_label_values(payload[LENGTHS.size : LENGTHS.size + length])) > len(LABELS)


def _label_values(text: bytes) -> list[Any]:
    values = parse(text)
    if not isinstance(values, list) or len(values) < _MIN_LABELS:
        raise ValueError("the labels of the entry are not a list of labels")
    return values


def _call_from_labels(text: bytes) -> Call:
    values = _label_values(text)
    if len(values) > len(LABELS):
        raise NewerEntryError(f"the entry has {len(values)} labels, and this package knows {len(LABELS)}")
    # Not by its constructor, which would make a new id: all that it sets is a label, but for the chunks.
    call = Call.__new__(Call)
    # Not strict: the entries that wait when a label is added would all become dead letters.
    vars(call).update(zip(LABELS, values, strict=False))
    call.tags, call.chunks = tuple(call.tags), []
    return call
