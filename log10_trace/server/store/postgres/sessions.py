"""Sessions, in PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Final

from log10_trace.domain.ids import new_id
from log10_trace.domain.prices import Prices
from log10_trace.server.store.common.aggregates import Aggregate
from log10_trace.server.store.common.session_filter import SessionKey, SessionRow
from log10_trace.server.store.common.sessions import SessionReads
from log10_trace.server.store.postgres.completions import PostgresCompletions
from log10_trace.server.store.postgres.connections import ReadPool
from log10_trace.server.store.postgres.executor import SerialExecutor
from log10_trace.server.store.postgres.index_keys import truncate_key
from log10_trace.server.store.postgres.queries import load
from log10_trace.server.store.postgres.rollup_reader import read_totals

_SQL: Final = load("feedback.sql")


class PostgresSessions(SessionReads):
    """Sessions; see ``protocol.Sessions``."""

    def __init__(
        self, readers: ReadPool, tasks: SerialExecutor, completions: PostgresCompletions, prices: Prices
    ) -> None:
        super().__init__(completions, prices)
        self._readers = readers
        self._tasks = tasks

    def create(self, organization_id: str) -> Future[str]:
        """Make a session and give its id."""
        session_id, now_ms = new_id(), time.time_ns() // 1_000_000
        values = {"organization_id": organization_id, "id": session_id, "now_ms": now_ms}
        return self._tasks.write(_SQL["meet_session"], values, lambda _: session_id)

    def _read_after(self, organization_id: str, after: SessionKey, limit: int) -> Sequence[SessionRow]:
        values = {
            "organization_id": organization_id,
            "last_ms": after[0],
            "last_id": after[1],
            "limit": limit,
        }
        return [SessionRow(*row) for row in self._readers.rows(_SQL["sessions"], values)]

    def _read_one(self, organization_id: str, session_id: str) -> SessionRow | None:
        row = self._readers.row(
            _SQL["session"], {"organization_id": organization_id, "id": truncate_key(session_id)}
        )
        return None if row is None else SessionRow(*row)

    def _read_totals(self, organization_id: str, rows: Sequence[SessionRow]) -> Mapping[str, Aggregate]:
        return read_totals(self._readers, organization_id, "session", [row.id for row in rows])
