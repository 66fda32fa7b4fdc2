"""``Sessions`` on ClickHouse: what the calls say, and the sessions that were made before their first call."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final

from log10_trace.domain.ids import new_id
from log10_trace.domain.prices import Prices
from log10_trace.server.store.clickhouse.completions import ClickHouseCompletions
from log10_trace.server.store.clickhouse.connections import Connection, ReadPool, Row
from log10_trace.server.store.clickhouse.filter_sql import build_where
from log10_trace.server.store.clickhouse.group_commit import SerialExecutor
from log10_trace.server.store.clickhouse.record_rows import SORT_KEYS
from log10_trace.server.store.clickhouse.statistics import GroupReader
from log10_trace.server.store.clickhouse.value_lists import is_one_piece
from log10_trace.server.store.common.aggregates import Aggregate
from log10_trace.server.store.common.session_filter import SessionKey, SessionRow
from log10_trace.server.store.common.sessions import SessionReads
from log10_trace.server.store.data_types import CompletionFilter

_CALLS_OF_EACH: Final = 100
"""Calls that are looked at for each session of a page; of shorter sessions they have more than enough."""


class ClickHouseSessions(SessionReads):
    """Sessions and what was called in them."""

    def __init__(
        self, readers: ReadPool, tasks: SerialExecutor, completions: ClickHouseCompletions, prices: Prices
    ) -> None:
        super().__init__(completions, prices)
        self._readers = readers
        self._tasks = tasks

    def create(self, organization_id: str) -> Future[str]:
        """Make a session and give its id."""

        def task(connection: Connection) -> str:
            session_id, now_ns = new_id(), time.time_ns()
            connection.insert("sessions", [(organization_id, session_id, now_ns // 1_000_000, now_ns, 0)])
            return session_id

        return self._tasks.run(task)

    def _read_after(self, organization_id: str, after: SessionKey, limit: int) -> Sequence[SessionRow]:
        values = {"organization_id": organization_id, "last_ms": after[0], "id": after[1], "limit": limit}
        with self._readers.connection() as connection:
            found = _read_latest(connection, values, limit)
            rows = connection.rows("sessions", values) if found is None else found
        return [SessionRow(*row) for row in rows]

    def _read_one(self, organization_id: str, session_id: str) -> SessionRow | None:
        row = self._readers.row("session", {"organization_id": organization_id, "id": session_id})
        return None if row is None else SessionRow(*row)

    def _read_totals(self, organization_id: str, rows: Sequence[SessionRow]) -> Mapping[str, Aggregate]:
        if not rows:
            return {}
        first_ms, last_ms = min(row.first_ms for row in rows), max(row.last_ms for row in rows)
        where = build_where(organization_id, CompletionFilter(since_ms=first_ms, until_ms=last_ms + 1))
        with self._readers.connection() as connection:
            return GroupReader(connection, where, "session").sum_groups([row.id for row in rows])[0]


def _read_latest(connection: Connection, values: Mapping[str, Any], limit: int) -> Sequence[Row] | None:
    """A page of sessions out of the latest calls before it; None where these do not tell."""
    most = 2 * limit + 1
    latest = connection.rows(
        "latest_sessions",
        {
            **values,
            "before": SORT_KEYS.first_of(values["last_ms"] + 1),
            "calls": _CALLS_OF_EACH * limit,
            "sessions": most,
        },
    )
    if len(latest) < most:
        return None
    # Of the last of them there may be others that were called in the same millisecond.
    above_ms = SORT_KEYS.began_ms(latest[-1][1])
    ids = [name for name, place in latest if SORT_KEYS.began_ms(place) > above_ms]
    if not is_one_piece(ids):
        return None
    found = connection.rows("sessions_among", {**values, "among": ids, "above_ms": above_ms})
    # A session that was made lately and is not among them may have calls of long ago.
    return found if len(found) == limit and {row[0] for row in found} <= set(ids) else None
