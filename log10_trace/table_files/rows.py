"""The rows of a call, from the JSON text of its record: call, messages, tool calls, tags, metadata. Pure.

Texts of columns are such that every database takes them: a NUL is a space, half a character a question mark.
Where the columns of a message do not say all of it, its ``json`` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from log10_trace.domain.call_labels import determine_status
from log10_trace.domain.call_times import read_began_ms, read_seconds
from log10_trace.domain.charges import charges, read_usage
from log10_trace.domain.conversation import list_choices, read_choice
from log10_trace.domain.json_values import read_list, read_mapping
from log10_trace.domain.metadata import read_pairs
from log10_trace.domain.prices import Prices
from log10_trace.domain.prompt_digests import digest_prompt
from log10_trace.domain.prompts import read_prompt
from log10_trace.domain.text_extraction import extract_text, sanitize
from log10_trace.domain.times import utc_datetime
from log10_trace.table_files.exact_json import parse_json, write_json
from log10_trace.table_files.message_rows import MessageRow, read_message_rows

_MAX_INTEGER: Final = (1 << 63) - 1
"""The largest number of a column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRow:
    """The row of a call. Its fields are the columns of the table, in this order."""

    id: str
    created_at: datetime | None
    """When the call began, UTC, to the millisecond."""
    status: str
    model: str | None
    """The model that was asked."""
    answered_by: str | None
    """The model that answered, as the provider names it."""
    question: str | None
    """The text of the last message of the user."""
    answer: str | None
    """The text of the answer, all choices."""
    input_tokens: int | None
    cached_tokens: int | None
    """Of the input."""
    output_tokens: int | None
    reasoning_tokens: int | None
    """Of the output."""
    cost: float | None
    """US dollars; none when the price is not known."""
    duration: float | None
    """Seconds."""
    time_to_first_token: float | None
    """Seconds."""
    finish_reason: str | None
    """Of the first choice."""
    failure_kind: str | None
    failure_reason: str | None
    file: str | None
    """The call site, as ``line``, ``function`` and ``code``: the text of the line."""
    line: int | None
    function: str | None
    code: str | None
    session_id: str | None
    tags: str
    """A JSON array."""
    metadata: str | None
    """A JSON object."""
    kind: str | None
    endpoint: str | None
    base_url: str | None
    request_id: str | None
    retries: int | None
    interrupted: bool
    prompt_digest: str | None
    """Calls with the same one asked the same."""
    trace_id: str | None
    span_id: str | None
    source: str | None
    sequence: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedCall:
    """All that is written of a call."""

    call: CallRow
    messages: tuple[MessageRow, ...]
    """Of the request, then the answers."""
    tags: tuple[str, ...]
    metadata: tuple[tuple[str, str], ...]
    """Key and text of each value that a filter can ask for."""
    record: str
    """The record's JSON text as the server keeps it."""


class TableFile(Protocol):
    """An open export, to which calls are added."""

    def add(self, call: ExportedCall, /) -> bool:
        """Add a call; False if it is there already."""
        ...


def read_call(record: str, prices: Prices) -> ExportedCall:
    """The rows of a record."""
    values = read_mapping(parse_json(record))
    tags = tuple(
        dict.fromkeys(sanitize(tag) for tag in read_list(values.get("tags")) if isinstance(tag, str))
    )
    return ExportedCall(
        call=_read_call_row(values, tags, prices),
        messages=tuple(read_message_rows(values.get("request"), values.get("response"))),
        tags=tags,
        metadata=tuple((sanitize(key), sanitize(value)) for key, value in read_pairs(values.get("metadata"))),
        record=record,
    )


def _read_call_row(values: Mapping[str, Any], tags: tuple[str, ...], prices: Prices) -> CallRow:
    completion_id, metadata = str(values.get("id", "")), values.get("metadata")
    began_ms = read_began_ms(completion_id, values.get("created_at"))
    return CallRow(
        id=sanitize(completion_id),
        created_at=None if began_ms is None else utc_datetime(began_ms),
        status=sanitize(determine_status(values)),
        **_read_bodies(values),
        **_read_usage(values, prices),
        duration=read_seconds(values.get("duration")),
        time_to_first_token=read_seconds(values.get("time_to_first_token")),
        **_read_call_site(values.get("stacktrace")),
        **_read_texts(values),
        tags=write_json(list(tags)),
        metadata=write_json(metadata) if metadata else None,
        retries=_integer(values.get("retries")),
        interrupted=values.get("interrupted") is True,
        sequence=_integer(values.get("sequence")),
    )


def _read_texts(values: Mapping[str, Any]) -> dict[str, Any]:
    """What is copied from the record."""
    return {name: _text(values.get(name)) for name in _TEXTS}


_TEXTS: Final = (
    "failure_kind", "failure_reason", "session_id", "kind", "endpoint", "base_url", "request_id", "trace_id",
    "span_id", "source",
)  # fmt: skip


def _read_bodies(values: Mapping[str, Any]) -> dict[str, Any]:
    """What the request and the response say."""
    request, response = read_mapping(values.get("request")), read_mapping(values.get("response"))
    words = extract_text(values)
    prompt = read_prompt(values.get("request"), words.request_texts)
    finish_reasons = (read_choice(choice).finish_reason for choice in list_choices(response))
    return {
        "model": _text(request.get("model")) or _text(response.get("model")),
        "answered_by": _text(response.get("model")),
        "question": prompt.user or None,
        "answer": words.response_text or None,
        "finish_reason": _text(next(finish_reasons, None)),
        "prompt_digest": digest_prompt(words.request_texts),
    }


def _read_usage(values: Mapping[str, Any], prices: Prices) -> dict[str, Any]:
    """Tokens and cost; nothing where the response states no tokens."""
    responses = values.get("response"), values.get("native_response")
    usage = read_usage(*responses)
    if not usage.is_stated:
        return dict.fromkeys(_USAGE)
    charged = charges(values.get("request"), *responses, usage=usage, base_url=values.get("base_url"))
    counts = usage.input, usage.cached, usage.output, usage.reasoning
    return dict(zip(_USAGE, (*counts, prices.cost_of(charged)), strict=True))


_USAGE: Final = ("input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "cost")


def _read_call_site(stack: Any) -> dict[str, Any]:
    """The innermost frame."""
    frame = read_mapping(next(reversed(read_list(stack)), None))
    return {
        "file": _text(frame.get("file")),
        "line": _integer(frame.get("lineno")),
        "function": _text(frame.get("name")),
        "code": _text(frame.get("line")),
    }


def _text(value: Any) -> str | None:
    return sanitize(value) if isinstance(value, str) and value else None


def _integer(value: Any) -> int | None:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if is_whole and abs(value) <= _MAX_INTEGER else None
