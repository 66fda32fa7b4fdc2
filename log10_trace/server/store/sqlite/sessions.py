"""``Sessions`` on SQLite."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Final

from log10_trace.record.call import new_id
from log10_trace.server.store import positions
from log10_trace.server.store.answers import Page, SessionSummary
from log10_trace.server.store.counting import session_summary
from log10_trace.server.store.prices import Prices
from log10_trace.server.store.sqlite.connection import SQL
from log10_trace.server.store.sqlite.readers import Readers
from log10_trace.server.store.sqlite.reports import read_totals
from log10_trace.server.store.sqlite.transaction import Transaction
from log10_trace.server.store.sqlite.writer import Writer
from log10_trace.server.store.tallies import Tally

_AFTER_ALL: Final = (positions.LAST, "")


class SqliteSessions:
    """Sessions and what was called in them."""

    def __init__(self, writer: Writer, readers: Readers, prices: Prices) -> None:
        self._writer = writer
        self._readers = readers
        self._prices = prices

    def create(self, organization_id: str) -> Future[str]:
        """Make a session and give its id."""

        def job(transaction: Transaction) -> str:
            session_id, now_ms = new_id(), time.time_ns() // 1_000_000
            transaction.execute("touch_session", (organization_id, session_id, now_ms, now_ms))
            return session_id

        return self._writer.submit(job)

    def page(self, organization_id: str, *, limit: int, cursor: str | None = None) -> Page[SessionSummary]:
        """Sessions, the one with the latest call first."""
        last_ms, last_id = _AFTER_ALL if cursor is None else positions.read_cursor(cursor, int, str)
        query = {"organization_id": organization_id, "last_ms": last_ms, "id": last_id, "limit": limit + 1}
        with self._readers.snapshot() as connection:
            rows = connection.execute(SQL["sessions"], query).fetchall()
            items = self._summaries(connection, organization_id, rows[:limit])
        more = len(rows) > limit
        next_cursor = positions.write_cursor(items[-1].last_ms, items[-1].id) if more else None
        return Page(items=items, next_cursor=next_cursor)

    def get(self, organization_id: str, session_id: str) -> SessionSummary | None:
        """One session, or None."""
        with self._readers.snapshot() as connection:
            query = {"organization_id": organization_id, "id": session_id}
            row = connection.execute(SQL["session"], query).fetchone()
            return None if row is None else self._summaries(connection, organization_id, [row])[0]

    def _summaries(
        self, connection: sqlite3.Connection, organization_id: str, rows: Sequence[sqlite3.Row]
    ) -> tuple[SessionSummary, ...]:
        totals = read_totals(connection, organization_id, "session", [row["id"] for row in rows])
        return tuple(
            session_summary(session_id, first_ms, last_ms, totals.get(session_id, Tally()), self._prices)
            for session_id, first_ms, last_ms in rows
        )
