"""The ids of a call's span. The same record always has the same ids: sending it twice adds nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from log10_trace.domain.json_values import read_text

_TRACE_BYTES: Final = 16
_SPAN_BYTES: Final = 8
_TRACE_ID: Final = re.compile(r"(?!0{32})[0-9a-f]{32}")
_SPAN_ID: Final = re.compile(r"(?!0{16})[0-9a-f]{16}")
_MADE_ID: Final = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class SpanIdentity:
    """The ids of a span, as bytes."""

    trace_id: bytes
    span_id: bytes
    parent_span_id: bytes
    """Empty where the span has no parent."""


def identify(record: Mapping[str, Any]) -> SpanIdentity:
    """The ids of the span of a record, as the program and every server that has it make them.

    Its parent is the span that was current when the call began (``trace_id`` and ``span_id`` of the record).
    Without one the calls of a session share a trace, and a call without a session is a trace of its own.
    """
    record_id = read_text(record.get("id"))
    own = _digest("span", record_id)[:_SPAN_BYTES]
    trace, parent = read_text(record.get("trace_id")), read_text(record.get("span_id"))
    if _TRACE_ID.fullmatch(trace):
        return SpanIdentity(
            bytes.fromhex(trace), own, bytes.fromhex(parent) if _SPAN_ID.fullmatch(parent) else b""
        )
    session = read_text(record.get("session_id"))
    kind, name = ("session", session) if session else ("call", record_id)
    return SpanIdentity(_digest(kind, name)[:_TRACE_BYTES], own, b"")


def is_given_session_id(session_id: str) -> bool:
    """Whether the program named the session: ids that were made for it are UUIDs of version 4."""
    return bool(session_id) and not _MADE_ID.fullmatch(session_id)


def _digest(*parts: str) -> bytes:
    # A lone surrogate has no bytes in UTF-8.
    return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
