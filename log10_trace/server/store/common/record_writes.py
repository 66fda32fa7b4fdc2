"""What a write does to a record, and its result. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from log10_trace.domain.completion_record import CompletionRecord, merge
from log10_trace.domain.ids import new_id
from log10_trace.server.store.common.created_at import fill_created_at
from log10_trace.server.store.data_types import StoredCompletion, WriteEffect, WriteResult


def ensure_id(incoming: CompletionRecord) -> CompletionRecord:
    """The record, with a new id where it came without one."""
    return incoming if incoming.id is not None else replace(incoming, id=new_id())


def memory_size(incoming: CompletionRecord) -> int:
    """About the bytes that a record keeps in memory while it waits to be written."""
    return sum(map(len, incoming.fields.values()))


def apply_write(
    stored: CompletionRecord | None, incoming: CompletionRecord, *, replace_tags: bool
) -> tuple[WriteEffect, CompletionRecord]:
    """What a write does to the stored record (None: there is none), and the record after it."""
    if stored is None:
        return WriteEffect.CREATED, incoming
    merged = merge(stored, incoming, replace_tags=replace_tags)
    return (WriteEffect.UNCHANGED if merged.fields == stored.fields else WriteEffect.MERGED), merged


def ends_call(stored: CompletionRecord | None, after: CompletionRecord) -> bool:
    """Whether the call has ended with the write that made ``after`` of the stored record."""
    return after.has_ended and not (stored is not None and stored.has_ended)


def build_write_result(
    effect: WriteEffect,
    organization_id: str,
    completion_id: str,
    fields: Mapping[str, str],
    began_ms: int,
    *,
    has_ended_call: bool = False,
) -> WriteResult:
    """The result of a write after which a record has ``fields`` and stands in lists at ``began_ms``."""
    stored = StoredCompletion(
        organization_id=organization_id, id=completion_id, fields=fill_created_at(fields, began_ms)
    )
    return WriteResult(change=effect, stored=stored, has_ended_call=has_ended_call)
