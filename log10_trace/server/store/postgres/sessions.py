"""Sessions, in PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from typing import Final

from log10_trace.domain.ids import new_id
from log10_trace.domain.prices import Prices
from log10_trace.server.store.aggregates import Aggregate
from log10_trace.server.store.data_types import CompletionFilter, Page, SessionSummary
from log10_trace.server.store.postgres import rollup_compaction
from log10_trace.server.store.postgres.completions import PostgresCompletions
from log10_trace.server.store.postgres.connections import ReadPool
from log10_trace.server.store.postgres.executor import SerialExecutor
from log10_trace.server.store.postgres.index_keys import truncate_key
from log10_trace.server.store.postgres.queries import load
from log10_trace.server.store.session_filter import SessionFinder, SessionRow
from log10_trace.server.store.sort_keys import LAST, read_cursor, write_cursor
from log10_trace.server.store.usage_statistics import session_summary

_SQL: Final = load("feedback.sql")


class PostgresSessions:
    """Sessions; see ``protocol.Sessions``."""

    def __init__(
        self, readers: ReadPool, tasks: SerialExecutor, completions: PostgresCompletions, prices: Prices
    ) -> None:
        self._readers = readers
        self._completions = completions
        self._tasks = tasks
        self._prices = prices

    def create(self, organization_id: str) -> Future[str]:
        """Make a session and give its id."""
        session_id, now_ms = new_id(), time.time_ns() // 1_000_000
        values = {"organization_id": organization_id, "id": session_id, "now_ms": now_ms}
        return self._tasks.write(_SQL["meet_session"], values, lambda _: session_id)

    def page(
        self,
        organization_id: str,
        wanted: CompletionFilter | None = None,
        *,
        limit: int,
        cursor: str | None = None,
    ) -> Page[SessionSummary]:
        """Sessions with a call that is ``wanted``, the one with the latest call first."""
        after = (LAST, "") if cursor is None else read_cursor(cursor, int, str)
        finder = SessionFinder(
            lambda calls, most: self._completions.page(organization_id, calls, limit=most),
            partial(self._after, organization_id),
            partial(self._one, organization_id),
        )
        rows = finder.find(wanted or CompletionFilter(), after, limit + 1)
        items = self._summaries(organization_id, rows[:limit])
        has_more = len(rows) > limit
        next_cursor = write_cursor(items[-1].last_ms, items[-1].id) if has_more else None
        return Page(items=tuple(items), next_cursor=next_cursor)

    def get(self, organization_id: str, session_id: str) -> SessionSummary | None:
        """One session, or None."""
        row = self._one(organization_id, session_id)
        return None if row is None else self._summaries(organization_id, [row])[0]

    def _after(self, organization_id: str, after: tuple[int, str], limit: int) -> list[SessionRow]:
        values = {
            "organization_id": organization_id,
            "last_ms": after[0],
            "last_id": after[1],
            "limit": limit,
        }
        return [SessionRow(*row) for row in self._readers.rows(_SQL["sessions"], values)]

    def _one(self, organization_id: str, session_id: str) -> SessionRow | None:
        row = self._readers.row(
            _SQL["session"], {"organization_id": organization_id, "id": truncate_key(session_id)}
        )
        return None if row is None else SessionRow(*row)

    def _summaries(self, organization_id: str, rows: Sequence[SessionRow]) -> list[SessionSummary]:
        totals = rollup_compaction.read_totals(
            self._readers, organization_id, "session", [row.id for row in rows]
        )
        return [
            session_summary(session_id, first_ms, last_ms, totals.get(session_id, Aggregate()), self._prices)
            for session_id, first_ms, last_ms in rows
        ]
