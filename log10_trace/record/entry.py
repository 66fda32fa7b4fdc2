"""A call as the payload of one spool entry, and back. Nothing large is parsed on the way in."""

from __future__ import annotations

import struct
from operator import attrgetter
from typing import Final

from log10_trace.record.call import Call
from log10_trace.record.json_text import parsed, written_fast

_VERSION: Final = 1
_LENGTHS: Final = struct.Struct("<BxxxIIQq")
"""Version; the lengths of labels, stack, request and ``body_json`` (-1: none). The rest is the chunks."""

_LABELS: Final = (
    "id", "endpoint", "created_ns", "started_ns", "status", "base_url", "organization_id", "tags",
    "session_id", "metadata", "streamed", "content_type", "content_encoding", "status_code", "duration_ns",
    "first_token_ns", "request_id", "retries", "interrupted", "failure_kind", "failure_reason", "joined",
    "source", "sequence",
)  # fmt: skip
_labels_of = attrgetter(*_LABELS)


def pack(call: Call) -> list[bytes]:
    """The few buffers that make up the payload, in order; the request is the call's own object.

    The pieces of a stream are joined: to check and to write a hundred buffers takes ten times as long as one.
    """
    labels = written_fast(_labels_of(call))
    body = call.body_json
    lengths = _LENGTHS.pack(
        _VERSION, len(labels), len(call.stack), len(call.request), -1 if body is None else len(body)
    )
    head = lengths + labels
    chunks = b"".join(call.chunks)
    if body is not None:
        return [head, call.stack, call.request, body, chunks]
    return [head, call.stack, call.request, chunks]


def unpack(payload: bytes) -> Call:
    """The call that ``pack`` was given; its chunks come back as one.

    Raises:
        ValueError: this is no payload of ``pack``, or one of a newer version.
    """
    try:
        version, *lengths, body = _LENGTHS.unpack_from(payload)
    except struct.error as error:
        raise ValueError("the entry is too short") from error
    if version != _VERSION:
        raise ValueError(f"the entry has version {version}, and this package reads {_VERSION}")
    at, parts = _LENGTHS.size, []
    for length in (*lengths, max(body, 0)):
        parts.append(bytes(payload[at : at + length]))
        at += length
    if at > len(payload):
        raise ValueError("the entry is cut short")
    call = _labelled(parts[0])
    call.stack, call.request = parts[1], parts[2]
    call.body_json = parts[3] if body >= 0 else None
    call.chunks = [bytes(payload[at:])] if at < len(payload) else []
    return call


def _labelled(text: bytes) -> Call:
    labels = dict(zip(_LABELS, parsed(text), strict=True))
    call = Call(labels["endpoint"], created_ns=labels["created_ns"], started_ns=labels["started_ns"])
    for name, value in labels.items():
        setattr(call, name, value)
    call.tags = tuple(call.tags)
    return call
