"""Completions as OTLP spans in protobuf, for collectors that take nothing else: as much as that needs.

A span carries what OpenInference's attributes name: the request and the response as JSON text, the model, the
tokens. Each is a trace of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

_LENGTH_DELIMITED: Final = 2
_FIXED_64: Final = 1
_SEVEN_BITS: Final = 0x7F
_CLIENT: Final = 3


def export_request(completions: Iterable[dict[str, Any]]) -> bytes:
    """An ``ExportTraceServiceRequest`` of one span for each completion."""
    spans = b"".join(_field(2, _span(each)) for each in completions)
    return _field(1, _field(2, spans))


def _span(completion: dict[str, Any]) -> bytes:
    begun = datetime.fromisoformat(completion["created_at"]).timestamp()
    identity = UUID(completion["id"]).bytes
    return b"".join(
        (
            _field(1, identity),
            _field(2, identity[8:]),
            _field(5, b"ChatCompletion"),
            _varint(6 << 3) + _varint(_CLIENT),
            _nanoseconds(7, begun),
            _nanoseconds(8, begun + completion["duration"]),
            *(_field(9, _attribute(name, value)) for name, value in _attributes(completion).items()),
        )
    )


def _attributes(completion: dict[str, Any]) -> dict[str, str | int]:
    usage = (completion["response"] or {}).get("usage", {})
    return {
        "openinference.span.kind": "LLM",
        "llm.model_name": completion["request"]["model"],
        "session.id": completion["session_id"],
        "input.mime_type": "application/json",
        "input.value": json.dumps(completion["request"]),
        "output.mime_type": "application/json",
        "output.value": json.dumps(completion["response"]),
        "llm.token_count.prompt": usage.get("prompt_tokens", 0),
        "llm.token_count.completion": usage.get("completion_tokens", 0),
    }


def _attribute(name: str, value: str | int) -> bytes:
    typed = _field(1, value.encode()) if isinstance(value, str) else _varint(3 << 3) + _varint(value)
    return _field(1, name.encode()) + _field(2, typed)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(len(content)) + content


def _nanoseconds(number: int, seconds: float) -> bytes:
    return _varint(number << 3 | _FIXED_64) + int(seconds * 1e9).to_bytes(8, "little")


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    encoded = bytearray()
    while value > _SEVEN_BITS:
        encoded.append(value & _SEVEN_BITS | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
