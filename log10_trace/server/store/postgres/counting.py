"""Counts records that match a filter, in PostgreSQL."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import psycopg
from psycopg import Connection

from log10_trace.server.store.common.aggregates import Aggregate
from log10_trace.server.store.common.match_counting import RollupGroup, count_matches
from log10_trace.server.store.data_types import CompletionFilter, MatchCount, SearchedFilter
from log10_trace.server.store.postgres.connections import ReadPool, Row, fetch_rows
from log10_trace.server.store.postgres.filter_sql import build_query, choose_access_path
from log10_trace.server.store.postgres.rollup_reader import open_rollups
from log10_trace.server.store.postgres.tag_exclusion import split_by_time

_DECLARE: Final = b"DECLARE counted NO SCROLL CURSOR FOR\n"
_MOVE: Final = b"MOVE FORWARD 500 IN counted"
"""Rows stay in the database; what is said is how many were passed."""
_SHARE_OF_MANY: Final = 0.4
"""Of the time, for records whose words are known to be common: few of these are counted to the end."""
_GRACE_S: Final = 0.02
"""How long behind its deadline a scan is cancelled, which costs more than to end it in order."""


def count_records(
    readers: ReadPool, organization_id: str, wanted: CompletionFilter, timeout_s: float
) -> MatchCount:
    """How many records match, counted for ``timeout_s`` seconds at most; less long where they are many."""
    if isinstance(wanted, SearchedFilter) and wanted.found is None:
        timeout_s *= _SHARE_OF_MANY
    scan = partial(_scan, readers, organization_id, time.monotonic() + timeout_s)
    return count_matches(wanted, partial(_read_group, readers, organization_id), scan)


def _read_group(
    readers: ReadPool, organization_id: str, group: RollupGroup, wanted: CompletionFilter
) -> Aggregate:
    with readers.snapshot() as connection:
        reader = open_rollups(connection, organization_id).open(group.group_by)
        return reader.sum_group(group.key, wanted.since_ms, wanted.until_ms)


def _scan(readers: ReadPool, organization_id: str, deadline: float, wanted: CompletionFilter) -> MatchCount:
    scan = _Scan(organization_id, deadline)
    try:
        with readers.connection_with_timeout(deadline + _GRACE_S - time.monotonic()) as connection:
            parts = split_by_time(connection, organization_id, wanted, "newest")
            is_exact = all(scan.count(connection, part) for part in parts)
    except TimeoutError:
        is_exact = False
    return MatchCount(calls=scan.calls, is_exact=is_exact)


@dataclass(slots=True)
class _Scan:
    """Counts records one by one, until the time is up."""

    organization_id: str
    deadline: float
    calls: int = 0

    def count(self, connection: Connection[Row], wanted: CompletionFilter) -> bool:
        """Add the records that match; whether these are all."""
        asked = choose_access_path(connection, build_query(self.organization_id, wanted))
        if asked.known_count is not None:
            self.calls += asked.known_count
            return True
        text, values = asked.every()
        if asked.is_short:
            ((count,),) = fetch_rows(connection, b"SELECT count(*) FROM (%b) AS matching" % text, values)
            self.calls += count
            return True
        is_exact = self._pass_rows(connection, text, values)
        if not is_exact:
            self.calls = max(self.calls, asked.min_count)
        return is_exact

    def _pass_rows(self, connection: Connection[Row], text: bytes, values: dict[str, Any]) -> bool:
        """Count rows as they are passed, some at a time.

        The transaction is ended in order: rolled back, psycopg would forget all statements that it has
        prepared.
        """
        with connection.transaction():
            try:
                connection.execute(_DECLARE + text, values, prepare=False)
            except (UnicodeEncodeError, psycopg.DataError):  # no row holds such a text
                return True
            while moved := connection.execute(_MOVE).rowcount:
                self.calls += moved
                if time.monotonic() > self.deadline:
                    return False
        return True
