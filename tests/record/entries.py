"""Payloads of spool entries as other versions write them."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from log10_trace.record.call import Call
from log10_trace.record.call_codec_v1 import LABELS, LENGTHS

_PREFIX = struct.Struct("<B3xII")
_OWN = struct.Struct("<iiIqqqqqqqq")

Change = Callable[[Any], Any]


def encode_version_1(call: Call) -> bytes:
    """The payload that version 1 of the layout has for a call."""
    labels = json.dumps(attrgetter(*LABELS)(call)).encode()
    body = call.body_json
    lengths = (len(labels), len(call.stack), len(call.request), -1 if body is None else len(body))
    return LENGTHS.pack(1, *lengths) + b"".join([labels, call.stack, call.request, body or b"", *call.chunks])


def relabel_version_1(payload: bytes, change: Change) -> bytes:
    """The same entry of version 1 with other labels."""
    version, length, *rest = LENGTHS.unpack_from(payload)
    labels = json.dumps(change(json.loads(payload[28 : 28 + length]))).encode()
    return LENGTHS.pack(version, len(labels), *rest) + labels + payload[28 + length :]


def relabel(payload: bytes, *, shared: Change | None = None, others: Change | None = None) -> bytes:
    """The same entry of version 2 with other labels that calls share, or that few calls have."""
    version, size, stack = _PREFIX.unpack_from(payload)
    own = _PREFIX.size + size + stack
    name, request_id, length, *rest = _OWN.unpack_from(payload, own)
    at = own + _OWN.size + name + max(request_id, 0)
    first, last = payload[_PREFIX.size : _PREFIX.size + size], payload[at : at + length]
    if shared is not None:
        first = json.dumps(shared(json.loads(first))).encode()
    if others is not None:
        last = json.dumps(others(json.loads(last or b"{}"))).encode()
    return b"".join(
        [
            _PREFIX.pack(version, len(first), stack), first, payload[own - stack : own],
            _OWN.pack(name, request_id, len(last), *rest), payload[own + _OWN.size : at], last,
            payload[at + length :],
        ]
    )  # fmt: skip
