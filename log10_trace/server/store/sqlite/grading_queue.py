"""``GradingQueue`` on SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from concurrent.futures import Future

from log10_trace.server.store.common.grading_queue import (
    SortKey,
    TaggedCompletion,
    find_waiting,
    make_summary,
)
from log10_trace.server.store.common.paging import LAST, read_cursor, write_cursor
from log10_trace.server.store.data_types import FeedbackTask, GradingCandidate, GradingLease, GradingSummary
from log10_trace.server.store.protocol import GRADED_LIMIT
from log10_trace.server.store.sqlite.connection import SQL
from log10_trace.server.store.sqlite.readers import ReadPool
from log10_trace.server.store.sqlite.transaction import Transaction
from log10_trace.server.store.sqlite.writer import Writer


def find_ungraded(
    connection: sqlite3.Connection,
    organization_id: str,
    task: FeedbackTask,
    after: SortKey | None,
    limit: int,
    *,
    holder: str = "",
    now_ms: int = LAST,
) -> list[TaggedCompletion]:
    """The newest completions that wait for feedback, without those leased to others at ``now_ms``."""
    values = {"organization_id": organization_id, "task_id": task.id, "holder": holder, "now_ms": now_ms}

    def read(tag: str, after: SortKey | None, size: int) -> list[TaggedCompletion]:
        (before,) = after or (LAST,)
        page = {**values, "tag": tag, "before": before, "limit": size}
        return [
            TaggedCompletion((row["position"],), row["id"], bool(row["is_waiting"]))
            for row in connection.execute(SQL["tagged"], page)
        ]

    return find_waiting(task.completion_tags_selector, read, after=after, limit=limit)


class SqliteGradingQueue:
    """Leases of the completions that wait for feedback."""

    def __init__(self, writer: Writer, readers: ReadPool) -> None:
        self._writer = writer
        self._readers = readers

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
        """Completions that wait, newest first."""
        after = None if cursor is None else read_cursor(cursor, int)
        with self._readers.snapshot() as connection:
            found = find_ungraded(
                connection, organization_id, task, after, limit, holder=holder, now_ms=now_ms
            )
        return [
            GradingCandidate(completion_id=each.completion_id, cursor=write_cursor(*each.sort_key))
            for each in found
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
        """Lease the first of the completions that still waits."""
        values = {
            "organization_id": organization_id,
            "task_id": task_id,
            "holder": holder,
            "now_ms": now_ms,
            "expires_at_ms": expires_at_ms,
            "take_over": take_over,
            "draft": draft,
        }

        def job(transaction: Transaction) -> str | None:
            transaction.execute("delete_expired_leases", {"now_ms": now_ms})
            transaction.execute("give_up_leases", values)
            for completion_id in completion_ids:
                wanted = {**values, "completion_id": completion_id}
                if transaction.execute("lease", wanted).rowcount:
                    return completion_id
            return None

        return self._writer.submit(job)

    def list_leases(self, organization_id: str, task_id: str, *, now_ms: int) -> list[GradingLease]:
        """The task's leases that have not expired."""
        values = {"organization_id": organization_id, "task_id": task_id, "now_ms": now_ms}
        with self._readers.snapshot() as connection:
            return [GradingLease(**dict(row)) for row in connection.execute(SQL["leases"], values)]

    def summarize(self, organization_id: str, task_id: str, *, limit: int = GRADED_LIMIT) -> GradingSummary:
        """How many completions have feedback for the task, and who gave it lately."""
        values = {"organization_id": organization_id, "task_id": task_id, "limit": limit + 1}
        with self._readers.snapshot() as connection:
            graded = connection.execute(SQL["count_graded"], values).fetchone()["graded"]
            key_ids = [row["key_id"] for row in connection.execute(SQL["graders"], values)]
        return make_summary(graded, limit, key_ids)
