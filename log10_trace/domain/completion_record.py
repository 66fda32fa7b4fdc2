"""From the JSON text of one Completion to its fields, each with the exact text it came as; and merging two.

Pure. Nothing is ever serialized again: a field is a slice of the text that was received, so big integers, the
spelling of floats, the order of keys and escaped lone surrogates come back as they came. The parsed values
beside it serve for checks, columns and search only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from log10_trace.domain.call_labels import (
    FAILED,
    FINISHED,
    PROCESS_DIED,
    STARTED,
    STATUSES,
    determine_status,
)
from log10_trace.domain.json_slices import (
    MAX_DEPTH,
    RecordFormatError,
    decode,
    parse_value,
    split_members,
)
from log10_trace.domain.labels import MAX_LABEL, MAX_TAGS, is_label

__all__ = ["CompletionRecord", "RecordFormatError", "from_stored_fields", "merge", "parse"]

MAX_REASON: Final = 1_000_000
"""Characters of ``failure_reason``."""
MAX_DURATION: Final = 10**12
"""Seconds; thirty thousand years."""

SMALL_FIELDS: Final = (
    "created_at", "status", "duration", "time_to_first_token", "tags", "session_id", "kind", "failure_kind",
    "failure_reason", "endpoint", "base_url", "request_id", "retries", "interrupted", "metadata", "source",
    "sequence", "trace_id", "span_id", "traced_by",
)  # fmt: skip
"""The fields that lists and tables are made of, in the order of the columns of a CSV file; a new one goes to
the end. All others are bodies."""

_OUTCOME: Final = ("status", "failure_kind", "failure_reason")
_BESIDE_BODIES: Final = {
    "request": ("raw_request",),
    "response": ("raw_response", "raw_events", "interrupted"),
}
"""Body -> what says something of this body only."""
_LABELS: Final = ("kind", "status", "session_id", "failure_kind", "source", "endpoint", "request_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionRecord:
    """One Completion as it came (or as it is stored): texts of its fields, and what they mean."""

    id: str | None
    """None when the sender leaves it to the server."""
    organization_id: str | None
    """The organization the body claims; the token decides."""
    fields: Mapping[str, str]
    """Name -> exact JSON text, in the order received, without ``id`` and ``organization_id``."""
    values: Mapping[str, Any]
    """The same, parsed."""

    @property
    def status(self) -> str:
        """The status it states, else the one that what it holds amounts to."""
        return determine_status(self.values)

    @property
    def has_ended(self) -> bool:
        """Whether the call is over."""
        return self.status != STARTED

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags, in order, each once."""
        return tuple(dict.fromkeys(self.values.get("tags") or ()))


def parse(text: str | bytes, *, max_depth: int = MAX_DEPTH, max_tags: int = MAX_TAGS) -> CompletionRecord:
    """Read the JSON text of one Completion.

    Raises:
        RecordFormatError: it is no JSON object, is nested too deep, names a field twice, or a field that the
            API defines has a value of the wrong type. The message never quotes a value.
    """
    incoming = _read(split_members(decode(text), max_depth=max_depth))
    _check(incoming.values, max_tags=max_tags)
    if incoming.id is not None:
        _check_label("id", incoming.id, least=1)
    if incoming.organization_id is not None:
        _check_label("organization_id", incoming.organization_id)
    return incoming


def _read(members: Mapping[str, tuple[str, Any]]) -> CompletionRecord:
    fields = {name: text for name, (text, _) in members.items()}
    values = {name: value for name, (_, value) in members.items()}
    for name in ("id", "organization_id"):
        fields.pop(name, None)
    return CompletionRecord(
        id=values.pop("id", None),
        organization_id=values.pop("organization_id", None),
        fields=fields,
        values=values,
    )


def from_stored_fields(
    completion_id: str, organization_id: str, fields: Mapping[str, str]
) -> CompletionRecord:
    """An ``CompletionRecord`` of fields that were parsed once before and kept."""
    return CompletionRecord(
        id=completion_id,
        organization_id=organization_id,
        fields=fields,
        values={name: parse_value(text) for name, text in fields.items()},
    )


def merge(
    stored: CompletionRecord, incoming: CompletionRecord, *, replace_tags: bool = False
) -> CompletionRecord:
    """What is kept when ``incoming`` arrives for the ``stored`` record.

    A given field replaces the stored one, null replaces nothing. A record that has ended never goes back:
    a late ``started``, or the guess that the process died, only fills in what is missing. Tags are united,
    in order, unless ``replace_tags``. A call that finished after all loses its failure, and what said
    something of a body goes when an end replaces this body.
    """
    is_late = stored.has_ended and not _may_overwrite_end(incoming)
    fields, values = dict(stored.fields), dict(stored.values)
    for name, value in incoming.values.items():
        if is_late and (name in _OUTCOME or values.get(name) is not None):
            continue
        if value is not None or name not in fields:
            fields[name], values[name] = incoming.fields[name], value
    _merge_failure(stored, incoming, fields, values)
    _drop_beside_replaced(stored, incoming, fields, values)
    _merge_tags(stored, incoming, fields, values, replace=replace_tags)
    return CompletionRecord(
        id=stored.id,
        organization_id=stored.organization_id,
        fields=fields,
        values=values,
    )


def _may_overwrite_end(incoming: CompletionRecord) -> bool:
    """Whether it may be laid over a record that has ended: an end itself, or an update without status."""
    values = incoming.values
    return values.get("status") != STARTED and values.get("failure_kind") != PROCESS_DIED


def _merge_failure(
    stored: CompletionRecord, incoming: CompletionRecord, fields: dict[str, str], values: dict[str, Any]
) -> None:
    if not (stored.status == FAILED and incoming.values.get("status") == FINISHED):
        return
    for name in ("failure_kind", "failure_reason"):
        if name in incoming.values:
            fields[name], values[name] = incoming.fields[name], incoming.values[name]
        else:
            fields.pop(name, None)
            values.pop(name, None)


def _drop_beside_replaced(
    stored: CompletionRecord, incoming: CompletionRecord, fields: dict[str, str], values: dict[str, Any]
) -> None:
    if incoming.values.get("status") in (None, STARTED):
        return
    for body, names in _BESIDE_BODIES.items():
        if body in stored.fields and fields[body] != stored.fields[body]:
            for name in names:
                if incoming.values.get(name) is None and name in fields:
                    del fields[name], values[name]


def _merge_tags(
    stored: CompletionRecord,
    incoming: CompletionRecord,
    fields: dict[str, str],
    values: dict[str, Any],
    *,
    replace: bool,
) -> None:
    if replace or incoming.values.get("tags") is None or stored.values.get("tags") is None:
        return
    united = list(dict.fromkeys((*stored.tags, *incoming.tags)))
    if united == list(stored.tags):
        fields["tags"], values["tags"] = stored.fields["tags"], stored.values["tags"]
    else:
        fields["tags"], values["tags"] = json.dumps(united), united


def _check(values: Mapping[str, Any], *, max_tags: int) -> None:
    for name in _LABELS:
        if (value := values.get(name)) is not None:
            _check_label(name, value)
    if values.get("status") not in (None, *STATUSES):
        _refuse("status", f"It is one of {', '.join(STATUSES)}.")
    _check_tags(values.get("tags"), max_tags)
    _check_duration(values.get("duration"))
    _check_stack(values.get("stacktrace"))
    _check_sequence(values.get("sequence"))
    reason = values.get("failure_reason")
    if reason is not None and not (isinstance(reason, str) and len(reason) <= MAX_REASON):
        _refuse("failure_reason", f"It is text of at most {MAX_REASON} characters.")


def _check_label(name: str, value: Any, *, least: int = 0) -> None:
    if not is_label(value, min_chars=least):
        _refuse(name, f"It is text of at most {MAX_LABEL} characters, none of them a control character.")


def _check_tags(tags: Any, most: int) -> None:
    if tags is None:
        return
    if not isinstance(tags, list) or len(tags) > most:
        _refuse("tags", f"It is a list of at most {most} strings.")
    for tag in tags:
        _check_label("tags", tag)


def _check_duration(duration: Any) -> None:
    if duration is None:
        return
    is_number = isinstance(duration, int | float) and not isinstance(duration, bool)
    # Compared, not converted: an integer may be too large for a float.
    if not is_number or not 0 <= duration <= MAX_DURATION:
        _refuse("duration", f"It is a number of seconds from 0 to {MAX_DURATION}.")


def _check_stack(stack: Any) -> None:
    if stack is not None and not (
        isinstance(stack, list) and all(isinstance(frame, dict) for frame in stack)
    ):
        _refuse("stacktrace", "It is a list of frames, each an object with file, line, lineno and name.")


def _check_sequence(sequence: Any) -> None:
    if sequence is None:
        return
    # 7.0 is a whole number to JSON, which knows no other kind.
    is_whole = not isinstance(sequence, bool) and (
        isinstance(sequence, int) or (isinstance(sequence, float) and sequence.is_integer())
    )
    if not is_whole or not 1 <= sequence < 1 << 53:
        _refuse("sequence", "It is a whole number, one or more.")


def _refuse(field: str, message: str) -> NoReturn:
    code = "invalid_field"
    raise RecordFormatError(code, f"{field}: {message}", field=field)
