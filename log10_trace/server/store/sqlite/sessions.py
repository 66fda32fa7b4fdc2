"""``Sessions`` on SQLite."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future

from log10_trace.domain.ids import new_id
from log10_trace.domain.prices import Prices
from log10_trace.server.store.common.aggregates import Aggregate
from log10_trace.server.store.common.session_filter import SessionKey, SessionRow
from log10_trace.server.store.common.sessions import SessionReads
from log10_trace.server.store.sqlite.completions import SqliteCompletions
from log10_trace.server.store.sqlite.connection import SQL
from log10_trace.server.store.sqlite.readers import ReadPool
from log10_trace.server.store.sqlite.rollup_reader import read_totals
from log10_trace.server.store.sqlite.transaction import Transaction
from log10_trace.server.store.sqlite.writer import Writer


class SqliteSessions(SessionReads):
    """Sessions and what was called in them."""

    def __init__(
        self, writer: Writer, readers: ReadPool, completions: SqliteCompletions, prices: Prices
    ) -> None:
        super().__init__(completions, prices)
        self._writer = writer
        self._readers = readers

    def create(self, organization_id: str) -> Future[str]:
        """Make a session and give its id."""

        def job(transaction: Transaction) -> str:
            session_id, now_ms = new_id(), time.time_ns() // 1_000_000
            transaction.execute("touch_session", (organization_id, session_id, now_ms, now_ms))
            return session_id

        return self._writer.submit(job)

    def _read_after(self, organization_id: str, after: SessionKey, limit: int) -> Sequence[SessionRow]:
        query = {"organization_id": organization_id, "last_ms": after[0], "id": after[1], "limit": limit}
        with self._readers.snapshot() as connection:
            return [SessionRow(*row) for row in connection.execute(SQL["sessions"], query)]

    def _read_one(self, organization_id: str, session_id: str) -> SessionRow | None:
        query = {"organization_id": organization_id, "id": session_id}
        with self._readers.snapshot() as connection:
            row = connection.execute(SQL["session"], query).fetchone()
        return None if row is None else SessionRow(*row)

    def _read_totals(self, organization_id: str, rows: Sequence[SessionRow]) -> Mapping[str, Aggregate]:
        with self._readers.snapshot() as connection:
            return read_totals(connection, organization_id, "session", [row.id for row in rows])
