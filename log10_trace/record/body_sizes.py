"""What a record has room for of a request and its response: servers take records of 64 MiB. Pure."""

from __future__ import annotations

from typing import Final

MAX_BODIES_BYTES: Final = 56 << 20
"""Of request and response together."""
CUT_BYTES: Final = 4 << 20
"""What is kept of a body that is too large. It is no JSON any more, and as a text up to six times as long."""

_ESCAPED_LENGTH: Final = 6
_PLAIN: Final = bytes(byte for byte in range(0x20, 0x7F) if byte not in b'"\\')
"""What stands in a JSON string as one byte."""


def find_room(endpoint: str, request_bytes: int = 0) -> int:
    """How many bytes a body may have beside a request of so many, which may be none."""
    from log10_trace.domain.native_views import VIEWS  # noqa: PLC0415 -- not wanted by ``patch()``

    # What has a view as chat stands in the record twice.
    return MAX_BODIES_BYTES // (2 if endpoint in VIEWS else 1) - request_bytes


def cut_text(body: bytes, room: int) -> bytes:
    """A body that becomes a JSON string; its beginning where the string could be longer than ``room``."""
    if len(body) * _ESCAPED_LENGTH <= room:
        return body
    escaped = len(body.translate(None, _PLAIN))
    return body if len(body) + (_ESCAPED_LENGTH - 1) * escaped <= room else body[:CUT_BYTES]
