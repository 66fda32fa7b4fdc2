"""A call as one row of a list. Pure."""

from __future__ import annotations

from typing import Any, Final

from log10_trace.domain.call_labels import describe_failure, describe_status
from log10_trace.mcp.answer import Detail
from log10_trace.mcp.excerpts import shorten
from log10_trace.models.components import CompletionSummary
from log10_trace.questions.call_words import describe_call_site

_WORDS: Final = 200
_NAME: Final = 200
_MAX_TAGS: Final = 10


def describe_row(call: CompletionSummary, detail: Detail) -> dict[str, Any]:
    """What a list says of a call."""
    preview, usage = call.preview, call.usage
    return {
        "id": call.id,
        "began": str(call.created_at or ""),
        "status": describe_status(_plain(call.status), interrupted=bool(call.interrupted)),
        "model": _cut(call.model, _NAME, detail),
        "asked": _cut(preview.request if preview else None, _WORDS, detail),
        "answered": _cut(preview.response if preview else None, _WORDS, detail),
        "failure": _cut(describe_failure(call.failure_kind, call.failure_reason), _WORDS, detail),
        "called_from": _cut(describe_call_site(call), _NAME, detail),
        "seconds": call.duration,
        "seconds_to_first_token": call.time_to_first_token,
        "input_tokens": usage and usage.input_tokens,
        "output_tokens": usage and usage.output_tokens,
        "dollars": call.cost,
        "tags": [_cut(tag, _NAME, detail) for tag in (call.tags or [])[:_MAX_TAGS]],
        "session_id": call.session_id,
        "found_in": [
            {"field": match.field, "passage": _cut(match.text, 2 * _WORDS, detail)}
            for match in (call.matches or [])[:2]
        ],
    }


def _cut(text: str | None, most: int, detail: Detail) -> str:
    return shorten(text or "", min(most, detail.characters))


def _plain(value: Any) -> str:
    return "" if value is None else str(getattr(value, "value", value))
