"""Derives the typed columns from a completion's fields. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

from log10_trace.domain import text_extraction
from log10_trace.domain.charges import Charge, charges, read_usage
from log10_trace.domain.completion_record import CompletionRecord
from log10_trace.domain.ids import id_time_ms
from log10_trace.domain.json_values import read_mapping
from log10_trace.domain.metadata import read_pairs
from log10_trace.domain.prompt_digests import digest_prompt
from log10_trace.domain.prompts import read_prompt
from log10_trace.domain.times import DAY_MS, parse_rfc3339_ms
from log10_trace.server.store.common.metadata_labels import MetadataPair
from log10_trace.server.store.common.record_codec import NAME_CHARACTERS

_MAX_SECONDS: Final = 1e9
COUNTING: Final = 3
"""The rules by which roll-ups count calls now. By the first ones, failures had no groups, and the time to the
first token was not counted; by the second, metadata had no groups."""
FAILURES_COUNTED: Final = 2
METADATA_COUNTED: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionColumns:
    """The typed columns of a completion."""

    began_ms: int
    """When the call began, milliseconds since 1970, UTC."""
    status: str
    kind: str | None
    model: str | None
    session_id: str | None
    tags: tuple[str, ...]
    metadata: tuple[MetadataPair, ...]
    duration: float | None
    """Seconds."""
    first_token: float | None
    """Seconds until the first token of a stream."""
    input_tokens: int | None
    output_tokens: int | None
    charges: tuple[Charge, ...]
    """What the call is charged; the first is for the call as such."""
    failure_kind: str | None
    file: str | None
    function: str | None
    prompt_digest: str | None
    """Of the whole text of the request."""
    trace_id: str | None
    source: str | None
    sequence: int | None
    preview_request: str
    preview_response: str
    preview_tool: str | None
    """Of what a tool answered, where that is the last message of the request."""
    counting: int = COUNTING
    """The rules by which roll-ups count the call."""

    @property
    def labels(self) -> tuple[str, ...]:
        """What stands of the call in the index of tags."""
        return (*self.tags, *(pair.label for pair in groups_of_metadata(self)))

    @property
    def is_outdated(self) -> bool:
        """Whether the rules of now would count the call in another way."""
        return self.counting < FAILURES_COUNTED or (self.counting < METADATA_COUNTED and bool(self.metadata))

    @property
    def tokens(self) -> int | None:
        """Input and output together; None when the response states no usage."""
        if self.input_tokens is None and self.output_tokens is None:
            return None
        return (self.input_tokens or 0) + (self.output_tokens or 0)

    @property
    def call_site(self) -> str | None:
        """``file:function`` of the innermost frame."""
        return f"{self.file}:{self.function}" if self.file else None


class RecordFacts(NamedTuple):
    """What roll-ups count of a call, as its row tells without its bodies."""

    began_ms: int
    status: str
    model: str | None
    session_id: str | None
    failure_kind: str | None
    call_site: str | None
    duration: float | None
    first_token: float | None
    tokens: int | None
    charges: Sequence[Sequence[Any]]
    """The fields of each ``Charge``, as they are written: to make thousands of them takes milliseconds."""
    tags: tuple[str, ...]
    """Read only where groups are tags."""
    metadata: tuple[MetadataPair, ...]
    """Read only where groups are of metadata."""
    counting: int = COUNTING


CountedCall: TypeAlias = CompletionColumns | RecordFacts


def groups_of_metadata(facts: CountedCall) -> tuple[MetadataPair, ...]:
    """The pairs that a call is found by and counts under; none of one that an earlier version counted."""
    return facts.metadata if facts.counting >= METADATA_COUNTED else ()


def extract_columns(
    incoming: CompletionRecord,
    words: text_extraction.CompletionText,
    *,
    now_ms: int,
    began_ms: int | None = None,
) -> CompletionColumns:
    """The columns of ``incoming``; ``now_ms`` stands in where it does not say when the call began.

    A record that stands in lists already began at ``began_ms``, whatever it says.
    """
    values = incoming.values
    request, response = read_mapping(values.get("request")), read_mapping(values.get("response"))
    responses = response, values.get("native_response")
    usage = read_usage(*responses)
    prompt = read_prompt(incoming.values.get("request"), words.request_texts)
    site = _innermost(values.get("stacktrace"))
    duration = values.get("duration")
    return CompletionColumns(
        began_ms=_began_ms(incoming, now_ms) if began_ms is None else began_ms,
        status=incoming.status,
        kind=values.get("kind"),
        model=_name(request.get("model")) or _name(response.get("model")),
        session_id=values.get("session_id"),
        tags=incoming.tags,
        metadata=tuple(MetadataPair(*pair) for pair in read_pairs(values.get("metadata"))),
        duration=None if duration is None else float(duration),
        first_token=_read_seconds(values.get("time_to_first_token")),
        input_tokens=usage.input,
        output_tokens=usage.output,
        charges=charges(request, *responses, usage=usage, base_url=values.get("base_url")),
        failure_kind=values.get("failure_kind"),
        file=_name(site.get("file")),
        function=_name(site.get("name")),
        prompt_digest=digest_prompt(words.request_texts),
        trace_id=_name(values.get("trace_id")),
        source=values.get("source"),
        sequence=None if values.get("sequence") is None else int(values["sequence"]),
        preview_request=text_extraction.preview(prompt.user),
        preview_response=text_extraction.preview(words.response_text or words.failure),
        preview_tool=text_extraction.preview(prompt.tool) or None,
    )


def _began_ms(incoming: CompletionRecord, now_ms: int) -> int:
    """What the record says, else what its UUIDv7 says, else now. A clock that is far off says nothing."""
    stated = incoming.values.get("created_at")
    latest = now_ms + DAY_MS
    began_ms = parse_rfc3339_ms(stated) if isinstance(stated, str) else None
    if began_ms is None or not 0 <= began_ms <= latest:
        began_ms = id_time_ms(incoming.id)
    return now_ms if began_ms is None or began_ms > latest else began_ms


def _innermost(stack: Any) -> Mapping[str, Any]:
    return read_mapping(stack[-1]) if isinstance(stack, list) and stack else {}


def _read_seconds(value: Any) -> float | None:
    """A time that a record states; what is no time says nothing."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= _MAX_SECONDS else None


def _name(value: Any) -> str | None:
    return text_extraction.sanitize(value)[:NAME_CHARACTERS] if isinstance(value, str) and value else None
