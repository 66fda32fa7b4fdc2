"""Counts records that match a filter, on SQLite."""

from __future__ import annotations

import time
from functools import partial

from log10_trace.server.store.common.aggregates import Aggregate
from log10_trace.server.store.common.match_counting import RollupGroup, count_matches
from log10_trace.server.store.data_types import CompletionFilter, MatchCount
from log10_trace.server.store.sqlite.filter_sql import BoundQuery, select_matching
from log10_trace.server.store.sqlite.readers import ReadConnection
from log10_trace.server.store.sqlite.rollup_reader import SqliteRollupReader
from log10_trace.server.store.sqlite.tag_exclusion import split_by_time


def count_records(
    connection: ReadConnection, organization_id: str, wanted: CompletionFilter, timeout_s: float
) -> MatchCount:
    """How many records match, counted for ``timeout_s`` seconds at most."""
    scan = partial(_scan, connection, organization_id, time.monotonic() + timeout_s)
    return count_matches(wanted, partial(_read_group, connection, organization_id), scan)


def _read_group(
    connection: ReadConnection, organization_id: str, group: RollupGroup, wanted: CompletionFilter
) -> Aggregate:
    reader = SqliteRollupReader(connection, organization_id, group.group_by)
    return reader.sum_group(group.key, wanted.since_ms, wanted.until_ms)


def _scan(
    connection: ReadConnection, organization_id: str, deadline: float, wanted: CompletionFilter
) -> MatchCount:
    calls = 0

    def count(query: BoundQuery) -> int:
        return int(connection.execute(query.text, query.values).fetchone()[0])

    try:
        with connection.end_at(deadline):
            for part in split_by_time(connection, organization_id, wanted, "newest"):
                query = select_matching(organization_id, part, count=count)
                for _ in connection.execute(query.text, query.values):
                    calls += 1
    except TimeoutError:
        return MatchCount(calls=calls, is_exact=False)
    return MatchCount(calls=calls, is_exact=True)
