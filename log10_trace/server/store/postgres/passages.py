"""Reads the passages of completions that a search found, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence

from log10_trace.server.store.common.passages import BodyPrefix, mark_matches, max_prefix_bytes
from log10_trace.server.store.common.search_query import Phrase
from log10_trace.server.store.data_types import CompletionSummary
from log10_trace.server.store.postgres.connections import ReadPool
from log10_trace.server.store.postgres.partitioning import partition_ms
from log10_trace.server.store.postgres.records import SQL


def add_passages(
    readers: ReadPool, organization_id: str, summaries: Sequence[CompletionSummary], phrases: Sequence[Phrase]
) -> tuple[CompletionSummary, ...]:
    """The summaries with passages in which the phrases occur; a completion deleted meanwhile has none."""
    max_bytes = max_prefix_bytes(len(summaries))
    ids = [summary.id for summary in summaries]
    values = {
        "organization_id": organization_id,
        "ids": ids,
        "placed": [partition_ms(completion_id) for completion_id in ids],
        "max_bytes": max_bytes,
    }
    rows = readers.rows(SQL["body_prefixes"], values)
    bodies = {completion_id: BodyPrefix(skipped, data) for completion_id, skipped, data in rows}
    return tuple(
        mark_matches(summary, bodies.get(summary.id, BodyPrefix(0, b"")), phrases, max_bytes)
        for summary in summaries
    )
