"""The tags, metadata and session that a client gives in headers of a request. Pure but for the log.

What cannot be used is left out and logged without its value: a label is no reason to refuse a call.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from log10_trace.context import Scope, Session
from log10_trace.domain.labels import MAX_LABEL, MAX_TAGS, is_label
from log10_trace.domain.metadata import check_metadata
from log10_trace.guard import log_rate_limited
from log10_trace.integrations.request_session import SESSION_HEADER, is_session_id
from log10_trace.proxy.heads import METADATA, SESSION, TAGS, Fields, find

_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}")
_OTHER_SESSION: Final = SESSION_HEADER.lower().encode("ascii")
"""What our middleware reads too. It may mean something to the target, and is passed on."""


def read_scope(fields: Fields) -> Scope:
    """The scope that the headers of a request open; without a session where they name none."""
    return Scope(_read_tags(fields), _read_session(fields), None, metadata=_read_metadata(fields))


def read_span(fields: Fields) -> tuple[str | None, str | None]:
    """Trace and span in which the client sends the request, where it is instrumented: W3C Trace Context."""
    match = _TRACEPARENT.match(_decode(find(fields, b"traceparent") or b""))
    return (match[1], match[2]) if match else (None, None)


def _read_tags(fields: Fields) -> tuple[str, ...]:
    """The tags of every ``X-Log10-Tags``, with commas between."""
    texts = [_decode(value) for name, value in fields if name.lower() == TAGS]
    tags = [tag.strip() for text in texts for tag in text.split(",") if tag.strip()]
    usable = [tag for tag in tags if is_label(tag, min_chars=1)]
    if len(usable) < len(tags):
        log_rate_limited("log10_trace: a tag in X-Log10-Tags has more than %d characters", MAX_LABEL)
    united = tuple(dict.fromkeys(usable))
    if len(united) > MAX_TAGS:
        log_rate_limited("log10_trace: X-Log10-Tags has more than %d tags; the others are left out", MAX_TAGS)
    return united[:MAX_TAGS]


def _read_session(fields: Fields) -> Session | None:
    own, other = find(fields, SESSION), find(fields, _OTHER_SESSION)
    given = other if own is None else own
    if given is None:
        return None
    session_id = _decode(given).strip()
    if is_session_id(session_id):
        return Session(session_id)
    if own is not None:
        log_rate_limited("log10_trace: X-Log10-Session is not 1 to 128 printable characters without spaces")
    return None


def _read_metadata(fields: Fields) -> dict[str, Any] | None:
    """The map in ``X-Log10-Metadata``: a JSON object, or ``team=search,stage=test``."""
    given = find(fields, METADATA)
    if given is None:
        return None
    text = _decode(given).strip()
    try:
        return check_metadata(json.loads(text) if text.startswith("{") else _read_pairs(text))
    except (TypeError, ValueError, RecursionError) as error:
        # Without its words: the value stands in them.
        reason = type(error).__name__
        log_rate_limited(
            "log10_trace: X-Log10-Metadata is neither a flat JSON object nor text such as "
            "team=search,stage=test (%s)",
            reason,
        )
        return None


def _read_pairs(text: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    if not all(equals for _, equals, _ in pairs):
        raise ValueError("a pair has no =")
    return {key.strip(): value.strip() for key, _, value in pairs}


def _decode(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
