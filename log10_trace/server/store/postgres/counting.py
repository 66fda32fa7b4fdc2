"""Counts records that match a filter, in PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Final

import psycopg
from psycopg import Connection

from log10_trace.server.store.common.aggregates import Aggregate
from log10_trace.server.store.common.match_counting import RollupGroup, count_matches
from log10_trace.server.store.data_types import CompletionFilter, MatchCount
from log10_trace.server.store.postgres.connections import ReadPool, Row, fetch_rows
from log10_trace.server.store.postgres.filter_sql import build_query, choose_access_path
from log10_trace.server.store.postgres.rollup_reader import open_readers
from log10_trace.server.store.postgres.tag_exclusion import split_by_time

_DECLARE: Final = b"DECLARE counted NO SCROLL CURSOR FOR\n"
_MOVE: Final = b"MOVE FORWARD 2000 IN counted"
"""Rows stay in the database; what is said is how many were passed."""


def count_records(
    readers: ReadPool, organization_id: str, wanted: CompletionFilter, timeout_s: float
) -> MatchCount:
    """How many records match, counted for ``timeout_s`` seconds at most."""
    scan = partial(_scan, readers, organization_id, time.monotonic() + timeout_s)
    return count_matches(wanted, partial(_read_group, readers, organization_id), scan)


def _read_group(
    readers: ReadPool, organization_id: str, group: RollupGroup, wanted: CompletionFilter
) -> Aggregate:
    with readers.snapshot() as connection:
        reader = open_readers(connection, organization_id)(group.group_by)
        return reader.sum_group(group.key, wanted.since_ms, wanted.until_ms)


def _scan(readers: ReadPool, organization_id: str, deadline: float, wanted: CompletionFilter) -> MatchCount:
    calls = 0
    try:
        with readers.connection_with_timeout(deadline - time.monotonic()) as connection:
            for part in split_by_time(connection, organization_id, wanted, "newest"):
                for moved in _pass_rows(connection, organization_id, part):
                    calls += moved
                    if time.monotonic() > deadline:
                        return MatchCount(calls=calls, is_exact=False)
    except TimeoutError:
        return MatchCount(calls=calls, is_exact=False)
    return MatchCount(calls=calls, is_exact=True)


def _pass_rows(connection: Connection[Row], organization_id: str, wanted: CompletionFilter) -> Iterator[int]:
    """Count rows as they are passed, some at a time."""
    asked = choose_access_path(connection, build_query(organization_id, wanted))
    if asked.known_count is not None:
        yield asked.known_count
        return
    text, values = asked.every()
    if asked.is_short:
        ((count,),) = fetch_rows(connection, b"SELECT count(*) FROM (%b) AS matching" % text, values)
        yield count
        return
    with connection.transaction():
        try:
            connection.execute(_DECLARE + text, values, prepare=False)
        except (UnicodeEncodeError, psycopg.DataError):  # no row holds such a text
            return
        while moved := connection.execute(_MOVE).rowcount:
            yield moved
