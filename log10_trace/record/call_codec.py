"""A call as the payload of one spool entry, and back. Nothing large is parsed on the way in.

All numbers are little-endian; the parts follow one another.

===============  ====  ====================================================================================
field            size  meaning
===============  ====  ====================================================================================
version             1  version of this layout, 2; an entry of a later version is left alone
padding             3  zero
prefix lengths      8  of the shared labels (4) and the stack (4)
shared labels       *  JSON object of the labels that the calls of one line of a program mostly have alike
stack               *  JSON array of the frames
lengths            28  of the id (4), the request id (4, -1 without one), the other labels (4), the request
                       (8) and ``body_json`` (8, -1 without one), signed
numbers            48  the labels of ``_NUMBERS``, 8 bytes each, signed; -1 for none
id                  *  UTF-8
request id          *  UTF-8
other labels        *  JSON object of the labels that few calls have; empty without any
request             *  body of the request, as it was on the wire
``body_json``       *  the record as JSON, where it was made already: after redaction
chunks              *  body of the response, as it was on the wire; up to the end of the payload
===============  ====  ====================================================================================

The prefix, which ends with the stack, is made once for each line of a program and is one object from then
on: who writes entries needs its checksum only once. Entries of version 1 are read by ``call_codec_v1``.
"""

from __future__ import annotations

import struct
from operator import attrgetter
from typing import Any, Final

from log10_trace.record import call_codec_v1
from log10_trace.record.call import Call
from log10_trace.record.call_codec_v1 import NewerEntryError
from log10_trace.record.json_bytes import dump_fast, parse

__all__ = ["NewerEntryError", "decode", "encode", "is_newer"]

_VERSION: Final = 2
_PREFIX: Final = struct.Struct("<B3xII")
_PREFIX_SIZE: Final = _PREFIX.size
_OWN: Final = struct.Struct("<iiIqqqqqqqq")
_OWN_SIZE: Final = _OWN.size

_SHARED: Final = (
    "endpoint", "status", "base_url", "organization_id", "tags", "session_id", "streamed", "content_type",
    "content_encoding", "interrupted", "via",
)  # fmt: skip
_NUMBERS: Final = ("created_ns", "started_ns", "duration_ns", "first_token_ns", "status_code", "retries")
_OTHERS: Final = (
    "metadata", "failure_kind", "failure_reason", "background_response_id", "source", "sequence", "trace_id",
    "span_id", "traced_by",
)  # fmt: skip
_NO_OTHERS: Final = (None,) * len(_OTHERS)
_KNOWN: Final = frozenset((*_SHARED, *_OTHERS, "id", "request_id"))
"""Every label that may stand in JSON; one with another name was written by a later version."""
_REQUIRED: Final = frozenset(("endpoint", "status"))
_MAX_NUMBER: Final = 2**63 - 1
_MAX_KEPT: Final = 256
"""Prefixes that are kept; a program with a session for each of its calls has new ones all the time."""
_MAX_KEPT_BYTES: Final = 64 * 1024
"""A longer prefix is not kept: a tag may be a text of any length."""

_others_of = attrgetter(*_OTHERS)
_numbers_of = attrgetter(*_NUMBERS)

_prefixes: Final[dict[tuple[Any, ...], bytes]] = {}
_read_labels: Final[dict[bytes, dict[str, Any]]] = {}
"""The shared labels that were read, by their JSON."""


def encode(call: Call) -> list[bytes]:
    """The few buffers that make up the payload, in order; the request is the call's own object.

    The first of them is the prefix. The pieces of a stream are joined: to check and to write a hundred
    buffers takes ten times as long as one.
    """
    # As _SHARED names them, and written out: what stands in the call itself is found three times as fast.
    shared = (
        call.endpoint, call.status, call.base_url, call.organization_id, call.tags, call.session_id,
        call.streamed, call.content_type, call.content_encoding, call.interrupted, call.via,
    )  # fmt: skip
    try:
        prefix = _prefixes.get((call.stack, shared)) or _make_prefix(call.stack, shared)
    except TypeError:  # a label that is no text, and cannot be looked up
        prefix = _write_prefix(call.stack, shared)
    others = b""
    if (values := _others_of(call)) != _NO_OTHERS:
        named = zip(_OTHERS, values, strict=True)
        others = dump_fast({name: value for name, value in named if value is not None})
    try:
        own = _pack_own(call, others)
    except (struct.error, UnicodeEncodeError):  # what a server, or a client of the proxy, gave
        own = _pack_fitting(call, others)
    pieces = call.chunks
    chunks = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    if call.body_json is not None:
        return [prefix, own, call.request, call.body_json, chunks]
    return [prefix, own, call.request, chunks]


def _pack_own(call: Call, others: bytes) -> bytes:
    """What stands between the prefix and the request.

    Raises:
        struct.error: a number does not fit.
        UnicodeEncodeError: a text has a lone surrogate.
    """
    name, request_id, body = call.id.encode(), call.request_id, call.body_json
    answer_name = b"" if request_id is None else request_id.encode()
    duration, first, status, retries = call.duration_ns, call.first_token_ns, call.status_code, call.retries
    own = _OWN.pack(
        len(name),
        -1 if request_id is None else len(answer_name),
        len(others),
        len(call.request),
        -1 if body is None else len(body),
        call.created_ns,
        call.started_ns,
        -1 if duration is None else duration,
        -1 if first is None else first,
        -1 if status is None else status,
        -1 if retries is None else retries,
    )
    return own + name + answer_name + others


def _pack_fitting(call: Call, others: bytes) -> bytes:
    """As ``_pack_own``, of any text, and without the numbers that do not fit."""
    name, request_id, body = call.id.encode("utf-8", "surrogatepass"), call.request_id, call.body_json
    answer_name = b"" if request_id is None else request_id.encode("utf-8", "surrogatepass")
    own = _OWN.pack(
        len(name),
        -1 if request_id is None else len(answer_name),
        len(others),
        len(call.request),
        -1 if body is None else len(body),
        *map(_fit, _numbers_of(call)),
    )
    return own + name + answer_name + others


def _fit(number: Any) -> int:
    return number if isinstance(number, int) and 0 <= number <= _MAX_NUMBER else -1


def _make_prefix(stack: bytes, shared: tuple[Any, ...]) -> bytes:
    prefix = _write_prefix(stack, shared)
    if len(prefix) > _MAX_KEPT_BYTES:
        return prefix
    if len(_prefixes) >= _MAX_KEPT:
        _prefixes.clear()
    _prefixes[stack, shared] = prefix
    return prefix


def _write_prefix(stack: bytes, shared: tuple[Any, ...]) -> bytes:
    labels = dump_fast(dict(zip(_SHARED, shared, strict=True)))
    return _PREFIX.pack(_VERSION, len(labels), len(stack)) + labels + stack


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
    if version == 0:
        raise ValueError("the entry has no version")
    if version == call_codec_v1.VERSION:
        return call_codec_v1.decode(payload)
    try:
        # As ``_split_prefix``, without another function for each record.
        _, labels, stack = _PREFIX.unpack_from(payload)
        at = (at_stack := _PREFIX_SIZE + labels) + stack
        name, request_id, others, request, body, created, started, duration, first, status, retries = (
            _OWN.unpack_from(payload, at)
        )
    except struct.error as error:
        raise ValueError("the entry is too short") from error
    if name < 0 or others < 0 or request < 0:
        raise ValueError("the entry has a length below zero")
    at_request_id = (at_id := at + _OWN_SIZE) + name
    at_others = at_request_id + max(request_id, 0)
    at_request = at_others + others
    at_chunks = (at_body := at_request + request) + max(body, 0)
    if at_chunks > len(payload):
        raise ValueError("the entry is cut short")
    # Not by its constructor, which would make a new id, nor one by one: a record has some twenty fields.
    call, shared = Call.__new__(Call), payload[_PREFIX_SIZE:at_stack]
    call.__dict__ = fields = {
        **(_read_labels.get(shared) or _read_shared(shared)),
        "id": payload[at_id:at_request_id].decode("utf-8", "surrogatepass"),
        "created_ns": created,
        "started_ns": started,
        "duration_ns": duration if duration >= 0 else None,
        "first_token_ns": first if first >= 0 else None,
        "status_code": status if status >= 0 else None,
        "retries": retries if retries >= 0 else None,
        "stack": payload[at_stack:at],
        "request": payload[at_request:at_body],
        "chunks": [payload[at_chunks:]] if at_chunks < len(payload) else [],
    }
    if request_id >= 0:
        fields["request_id"] = payload[at_request_id:at_others].decode("utf-8", "surrogatepass")
    if others:
        fields.update(_check_names(_read_object(payload[at_others:at_request])))
    if body >= 0:
        fields["body_json"] = payload[at_body:at_chunks]
    return call


def is_newer(payload: bytes) -> bool:
    """Whether a later version of log10_trace wrote an entry, so that ``decode`` does not read it."""
    if payload[:1] > bytes([_VERSION]):
        return True
    # Whatever bytes stand there: the parser reports JSON that is nested without end as a RecursionError.
    try:
        if payload[:1] < bytes([_VERSION]):
            return call_codec_v1.is_newer(payload)
        shared, _, at = _split_prefix(payload)
        name, request_id, others, *_ = _OWN.unpack_from(payload, at)
        at += _OWN.size + name + max(request_id, 0)
        found = {*_read_object(shared), *(_read_object(payload[at : at + others]) if others else ())}
        return not _KNOWN.issuperset(found)
    except (struct.error, ValueError, RecursionError):
        return False


def _split_prefix(payload: bytes) -> tuple[bytes, bytes, int]:
    """The shared labels, the stack, and where the prefix ends."""
    _, labels, stack = _PREFIX.unpack_from(payload)
    end = _PREFIX_SIZE + labels
    return payload[_PREFIX_SIZE:end], payload[end : end + stack], end + stack


def _read_shared(text: bytes) -> dict[str, Any]:
    known = _read_labels.get(text)
    if known is None:
        known = _check_names(_read_object(text))
        if not _REQUIRED.issubset(known):
            raise ValueError("the labels of the entry do not name its call")
        known["tags"] = tuple(known.get("tags", ()))
        if len(text) > _MAX_KEPT_BYTES:
            return known
        if len(_read_labels) >= _MAX_KEPT:
            _read_labels.clear()
        _read_labels[text] = known
    return known


def _read_object(text: bytes) -> dict[str, Any]:
    labels = parse(text)
    if not isinstance(labels, dict):
        raise ValueError("the labels of the entry are no JSON object")  # noqa: TRY004 -- as all of ``decode``
    return labels


def _check_names(labels: dict[str, Any]) -> dict[str, Any]:
    if not _KNOWN.issuperset(labels):
        names = sorted(set(labels) - _KNOWN)
        raise NewerEntryError(f"this package does not know the labels {', '.join(names)} of the entry")
    return labels
