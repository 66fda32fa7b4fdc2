"""``Sessions`` on ClickHouse: what the calls say, and the sessions that were made before their first call."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future

from log10_trace.domain.ids import new_id
from log10_trace.domain.prices import Prices
from log10_trace.server.store.clickhouse.completions import ClickHouseCompletions
from log10_trace.server.store.clickhouse.connections import Connection, ReadPool
from log10_trace.server.store.clickhouse.filter_sql import build_where
from log10_trace.server.store.clickhouse.group_commit import SerialExecutor
from log10_trace.server.store.clickhouse.statistics import GroupReader
from log10_trace.server.store.common.aggregates import Aggregate
from log10_trace.server.store.common.session_filter import SessionKey, SessionRow
from log10_trace.server.store.common.sessions import SessionReads
from log10_trace.server.store.data_types import CompletionFilter


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
        return [SessionRow(*row) for row in self._readers.rows("sessions", values)]

    def _read_one(self, organization_id: str, session_id: str) -> SessionRow | None:
        row = self._readers.row("session", {"organization_id": organization_id, "id": session_id})
        return None if row is None else SessionRow(*row)

    def _read_totals(self, organization_id: str, session_ids: Sequence[str]) -> Mapping[str, Aggregate]:
        if not session_ids:
            return {}
        where = build_where(organization_id, CompletionFilter())
        with self._readers.connection() as connection:
            return GroupReader(connection, where, "session").sum_groups(list(session_ids))
