"""Leases of the completions that wait for feedback, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Final

from psycopg import Connection

from log10_trace.server.store.common.grading_queue import (
    SortKey,
    TaggedCompletion,
    find_waiting,
    make_summary,
)
from log10_trace.server.store.common.paging import LAST, read_cursor, write_cursor
from log10_trace.server.store.data_types import FeedbackTask, GradingCandidate, GradingLease, GradingSummary
from log10_trace.server.store.postgres.connections import ReadPool, Row
from log10_trace.server.store.postgres.executor import SerialExecutor
from log10_trace.server.store.postgres.index_keys import truncate_key
from log10_trace.server.store.postgres.queries import load
from log10_trace.server.store.protocol import GRADED_LIMIT

_SQL: Final = load("grading_queue.sql")


class PostgresGradingQueue:
    """Leases of the completions that wait for feedback; see ``protocol.GradingQueue``."""

    def __init__(self, readers: ReadPool, tasks: SerialExecutor) -> None:
        self._readers = readers
        self._tasks = tasks

    def list_candidates(
        self,
        organization_id: str,
        task: FeedbackTask,
        *,
        holder: str,
        now_ms: int,
        limit: int,
        cursor: str | None = None,
    ) -> list[GradingCandidate]:
        """Completions that wait, newest first, after ``cursor``."""
        after = None if cursor is None else read_cursor(cursor, int, str)
        values = {
            "organization_id": organization_id,
            "task_id": task.id,
            "holder": holder,
            "now_ms": now_ms,
        }

        def read(tag: str, after: SortKey | None, size: int) -> list[TaggedCompletion]:
            place, completion_id = after or (LAST, "")
            page = {**values, "tag": tag, "place": place, "id": completion_id, "limit": size}
            return [
                TaggedCompletion((place, completion_id), completion_id, is_waiting)
                for place, completion_id, is_waiting in self._readers.rows(_SQL["tagged"], page)
            ]

        tags = [truncate_key(tag) for tag in task.completion_tags_selector]
        return [
            GradingCandidate(completion_id=each.completion_id, cursor=write_cursor(*each.sort_key))
            for each in find_waiting(tags, read, after=after, limit=limit)
        ]

    def lease(
        self,
        organization_id: str,
        task_id: str,
        completion_ids: Sequence[str],
        *,
        holder: str,
        now_ms: int,
        expires_at_ms: int,
        take_over: bool = False,
        draft: str = "",
    ) -> Future[str | None]:
        """Lease the first of the completions that still waits, and give up the holder's other leases."""
        values = {
            "organization_id": organization_id,
            "task_id": task_id,
            "holder": holder,
            "now_ms": now_ms,
            "expires_ms": expires_at_ms,
            "take_over": take_over,
            "draft": draft,
        }

        def task(connection: Connection[Row]) -> str | None:
            connection.execute(_SQL["delete_expired_leases"], values)
            connection.execute(_SQL["give_up_leases"], values)
            for completion_id in completion_ids:
                wanted = {**values, "completion_id": completion_id}
                if connection.execute(_SQL["lease"], wanted).fetchone() is not None:
                    return completion_id
            return None

        return self._tasks.run(task)

    def list_leases(self, organization_id: str, task_id: str, *, now_ms: int) -> list[GradingLease]:
        """The task's leases that have not expired."""
        values = {"organization_id": organization_id, "task_id": task_id, "now_ms": now_ms}
        return [
            GradingLease(completion_id=completion_id, holder=holder, expires_at_ms=expires_ms, draft=draft)
            for completion_id, holder, expires_ms, draft in self._readers.rows(_SQL["leases"], values)
        ]

    def summarize(self, organization_id: str, task_id: str, *, limit: int = GRADED_LIMIT) -> GradingSummary:
        """How many completions have feedback for the task, up to ``limit``, and who gave it lately."""
        values = {"organization_id": organization_id, "task_id": task_id, "limit": limit + 1}
        row = self._readers.row(_SQL["count_graded"], values)
        key_ids = [key_id for (key_id,) in self._readers.rows(_SQL["graders"], values)]
        return make_summary(row[0] if row else 0, limit, key_ids)
