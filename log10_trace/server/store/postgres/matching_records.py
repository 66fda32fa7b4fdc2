"""Reads what statistics count of the records that match a filter, where they are few; in PostgreSQL."""

from __future__ import annotations

from typing import Final

import psycopg
from psycopg import Connection

from log10_trace.server.store.common.columns import RecordFacts
from log10_trace.server.store.common.rollups import MINUTE_MS
from log10_trace.server.store.common.statistics_of_matches import MAX_SECONDS, Needed, read_facts
from log10_trace.server.store.data_types import CompletionFilter, SearchedFilter
from log10_trace.server.store.postgres.connections import Row, limit_time
from log10_trace.server.store.postgres.filter_sql import Projection
from log10_trace.server.store.postgres.matching_rows import read_matching_rows
from log10_trace.server.store.postgres.partitioning import SORT_KEYS
from log10_trace.server.store.postgres.word_lookup import complete_words
from log10_trace.server.store.protocol import READ_TIMEOUT_S

_COLUMNS: Final[dict[Needed, Projection]] = {
    "sums": "summed_facts",
    "groups": "facts",
    "labels": "tagged_facts",
}
"""What is read of a record by what is needed of it."""


def read_records(
    connection: Connection[Row],
    organization_id: str,
    wanted: CompletionFilter,
    most: int,
    needed: Needed,
) -> list[RecordFacts] | None:
    """The records that match; None when they are more than ``most``, or take too long to find."""
    columns = _COLUMNS[needed]
    if _are_few(wanted, most):
        rows = read_matching_rows(connection, organization_id, wanted, columns, limit=most + 1)
    else:
        try:
            with connection.transaction():
                limit_time(connection, MAX_SECONDS, is_local=True)
                wanted = complete_words(connection, organization_id, wanted)
                rows = read_matching_rows(connection, organization_id, wanted, columns, limit=most + 1)
                limit_time(connection, READ_TIMEOUT_S, is_local=True)
        except psycopg.errors.QueryCanceled:
            return None
    if len(rows) > most:
        return None
    return read_facts(rows, SORT_KEYS.began_ms, needed)


def _are_few(wanted: CompletionFilter, most: int) -> bool:
    """Whether hardly more than ``most`` records are looked at, or those of a minute.

    They need no limit of time, which takes four statements. Where it ends one, psycopg forgets all statements
    that it has prepared, and to plan them anew takes longer than to read the records.
    """
    if isinstance(wanted, SearchedFilter) and wanted.found is not None:
        return len(wanted.found) <= most
    if wanted.since_ms is None or wanted.until_ms is None or wanted.text is not None:
        return False
    return wanted.until_ms - wanted.since_ms <= MINUTE_MS
