"""``Sessions`` on SQLite."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from typing import Final

from log10_trace.domain.ids import new_id
from log10_trace.domain.prices import Prices
from log10_trace.server.store import sort_keys
from log10_trace.server.store.aggregates import Aggregate
from log10_trace.server.store.data_types import CompletionFilter, Page, SessionSummary
from log10_trace.server.store.session_filter import SessionFinder, SessionRow
from log10_trace.server.store.sqlite.completions import SqliteCompletions
from log10_trace.server.store.sqlite.connection import SQL
from log10_trace.server.store.sqlite.readers import ReadPool
from log10_trace.server.store.sqlite.reports import read_totals
from log10_trace.server.store.sqlite.transaction import Transaction
from log10_trace.server.store.sqlite.writer import Writer
from log10_trace.server.store.usage_statistics import session_summary

_AFTER_ALL: Final = (sort_keys.LAST, "")


class SqliteSessions:
    """Sessions and what was called in them."""

    def __init__(
        self, writer: Writer, readers: ReadPool, completions: SqliteCompletions, prices: Prices
    ) -> None:
        self._writer = writer
        self._completions = completions
        self._readers = readers
        self._prices = prices

    def create(self, organization_id: str) -> Future[str]:
        """Make a session and give its id."""

        def job(transaction: Transaction) -> str:
            session_id, now_ms = new_id(), time.time_ns() // 1_000_000
            transaction.execute("touch_session", (organization_id, session_id, now_ms, now_ms))
            return session_id

        return self._writer.submit(job)

    def page(
        self,
        organization_id: str,
        wanted: CompletionFilter | None = None,
        *,
        limit: int,
        cursor: str | None = None,
    ) -> Page[SessionSummary]:
        """Sessions with a call that is ``wanted``, the one with the latest call first."""
        after = _AFTER_ALL if cursor is None else sort_keys.read_cursor(cursor, int, str)
        finder = SessionFinder(
            lambda calls, most: self._completions.page(organization_id, calls, limit=most),
            partial(self._after, organization_id),
            partial(self._one, organization_id),
        )
        rows = finder.find(wanted or CompletionFilter(), after, limit + 1)
        with self._readers.snapshot() as connection:
            items = self._summaries(connection, organization_id, rows[:limit])
        more = len(rows) > limit
        next_cursor = sort_keys.write_cursor(items[-1].last_ms, items[-1].id) if more else None
        return Page(items=items, next_cursor=next_cursor)

    def get(self, organization_id: str, session_id: str) -> SessionSummary | None:
        """One session, or None."""
        row = self._one(organization_id, session_id)
        if row is None:
            return None
        with self._readers.snapshot() as connection:
            return self._summaries(connection, organization_id, [row])[0]

    def _after(self, organization_id: str, after: tuple[int, str], limit: int) -> list[SessionRow]:
        query = {"organization_id": organization_id, "last_ms": after[0], "id": after[1], "limit": limit}
        with self._readers.snapshot() as connection:
            return [SessionRow(*row) for row in connection.execute(SQL["sessions"], query)]

    def _one(self, organization_id: str, session_id: str) -> SessionRow | None:
        query = {"organization_id": organization_id, "id": session_id}
        with self._readers.snapshot() as connection:
            row = connection.execute(SQL["session"], query).fetchone()
        return None if row is None else SessionRow(*row)

    def _summaries(
        self, connection: sqlite3.Connection, organization_id: str, rows: Sequence[SessionRow]
    ) -> tuple[SessionSummary, ...]:
        totals = read_totals(connection, organization_id, "session", [row.id for row in rows])
        return tuple(
            session_summary(session_id, first_ms, last_ms, totals.get(session_id, Aggregate()), self._prices)
            for session_id, first_ms, last_ms in rows
        )
