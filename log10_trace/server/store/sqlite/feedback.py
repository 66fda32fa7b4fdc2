"""``FeedbackStore`` on SQLite."""

from __future__ import annotations

import json
import sqlite3
from concurrent.futures import Future
from dataclasses import asdict, replace
from typing import Any

from log10_trace.server.store.common.feedback_matching import match_completions, unknown_task
from log10_trace.server.store.common.paging import LAST, next_cursor, read_cursor
from log10_trace.server.store.data_types import Feedback, FeedbackPage, FeedbackTarget, FeedbackTask, Page
from log10_trace.server.store.sqlite.connection import SQL
from log10_trace.server.store.sqlite.readers import ReadPool
from log10_trace.server.store.sqlite.transaction import Transaction
from log10_trace.server.store.sqlite.writer import Writer


class SqliteFeedbackStore:
    """Feedback tasks and feedback."""

    def __init__(self, writer: Writer, readers: ReadPool, own_readers: ReadPool) -> None:
        self._writer = writer
        self._readers = readers
        self._own_readers = own_readers

    def add_task(self, organization_id: str, task: FeedbackTask) -> Future[FeedbackTask]:
        """Keep a task."""
        values = asdict(task) | {
            "organization_id": organization_id,
            "tags_selector": json.dumps(task.completion_tags_selector),
        }

        def job(transaction: Transaction) -> FeedbackTask:
            transaction.execute("put_task", values)
            return task

        return self._writer.submit(job)

    def tasks(self, organization_id: str) -> list[FeedbackTask]:
        """Every task, oldest first."""
        with self._readers.snapshot() as connection:
            rows = connection.execute(SQL["tasks"], {"organization_id": organization_id})
            return list(map(to_task, rows))

    def task(self, organization_id: str, task_id: str) -> FeedbackTask | None:
        """One task, or None."""
        with self._own_readers.snapshot() as connection:
            values = {"organization_id": organization_id, "id": task_id}
            row = connection.execute(SQL["task"], values).fetchone()
        return None if row is None else to_task(row)

    def add(self, organization_id: str, feedback: Feedback, selection: FeedbackTarget) -> Future[Feedback]:
        """Keep feedback about the selected completions."""

        def job(transaction: Transaction) -> Feedback:
            task = {"organization_id": organization_id, "id": feedback.task_id}
            if transaction.first("task", task) is None:
                raise unknown_task()
            matched = _match(transaction, organization_id, selection)
            kept = replace(feedback, matched_completion_ids=matched)
            _keep(transaction, organization_id, kept)
            return kept

        return self._writer.submit(job)

    def list(
        self,
        organization_id: str,
        *,
        offset: int = 0,
        limit: int = 50,
        completion_id: str | None = None,
        task_id: str | None = None,
    ) -> FeedbackPage:
        """Feedback, newest first."""
        values = {
            "organization_id": organization_id,
            "completion_id": completion_id,
            "task_id": task_id,
            "offset": offset,
            "limit": limit,
        }
        name = "feedback" if completion_id is None else "feedback_for"
        with self._readers.snapshot() as connection:
            total = connection.execute(SQL[f"count_{name}"], values).fetchone()["total"]
            rows = connection.execute(SQL[name], values).fetchall()
            items = tuple(_feedback(connection, organization_id, row) for row in rows)
        return FeedbackPage(items=items, total=total)

    def list_for_task(
        self, organization_id: str, task_id: str, *, limit: int, cursor: str | None = None
    ) -> Page[Feedback]:
        """Feedback on a task, newest first."""
        before_ms, before_id = (LAST, "") if cursor is None else read_cursor(cursor, int, str)
        values = {
            "organization_id": organization_id,
            "task_id": task_id,
            "before_ms": before_ms,
            "before_id": before_id,
            "limit": limit + 1,
        }
        with self._readers.snapshot() as connection:
            rows = connection.execute(SQL["feedback_of_task"], values).fetchall()
            items = tuple(_feedback(connection, organization_id, row) for row in rows[:limit])
        return Page(
            items=items, next_cursor=next_cursor(rows, limit, lambda row: (row["created_at_ms"], row["id"]))
        )

    def list_values(self, organization_id: str, task_id: str, *, limit: int) -> tuple[str, ...]:
        """The values alone of the latest feedback on a task."""
        values = {"organization_id": organization_id, "task_id": task_id, "limit": limit}
        with self._readers.snapshot() as connection:
            return tuple(row[0] for row in connection.execute(SQL["values_of_task"], values))

    def get(self, organization_id: str, feedback_id: str) -> Feedback | None:
        """One piece of feedback, or None."""
        with self._readers.snapshot() as connection:
            values = {"organization_id": organization_id, "id": feedback_id}
            row = connection.execute(SQL["one_feedback"], values).fetchone()
            return None if row is None else _feedback(connection, organization_id, row)

    def delete(self, organization_id: str, feedback_id: str) -> Future[bool]:
        """Delete one piece of feedback."""
        values = {"organization_id": organization_id, "id": feedback_id}

        def job(transaction: Transaction) -> bool:
            transaction.execute("delete_matches", values)
            return transaction.execute("delete_feedback", values).rowcount > 0

        return self._writer.submit(job)


def _match(transaction: Transaction, organization_id: str, target: FeedbackTarget) -> tuple[str, ...]:
    def find(name: str, **values: Any) -> list[str]:
        rows = transaction.execute(name, {"organization_id": organization_id, **values})
        return [row["id"] for row in rows]

    return match_completions(
        target,
        find_existing=lambda ids: find("known_ids", ids=json.dumps(ids)),
        find_tagged=lambda tags, limit: find("tagged_with_all", tags=json.dumps(tags), limit=limit),
    )


def _keep(transaction: Transaction, organization_id: str, feedback: Feedback) -> None:
    values = asdict(feedback) | {"organization_id": organization_id}
    transaction.execute("insert_feedback", values)
    transaction.execute("delete_matches", {"organization_id": organization_id, "id": feedback.id})
    transaction.executemany(
        "insert_match",
        [
            (organization_id, completion_id, feedback.task_id, feedback.id, ordinal)
            for ordinal, completion_id in enumerate(feedback.matched_completion_ids)
        ],
    )


def to_task(row: sqlite3.Row) -> FeedbackTask:
    """The task in a row."""
    return FeedbackTask(
        id=row["id"],
        name=row["name"],
        instruction=row["instruction"],
        json_schema=row["json_schema"],
        completion_tags_selector=tuple(json.loads(row["tags_selector"])),
        created_at_ms=row["created_at_ms"],
    )


def _feedback(connection: sqlite3.Connection, organization_id: str, row: sqlite3.Row) -> Feedback:
    values = {"organization_id": organization_id, "id": row["id"]}
    return Feedback(
        id=row["id"],
        task_id=row["task_id"],
        json_values=row["json_values"],
        comment=row["comment"],
        matched_completion_ids=tuple(m["completion_id"] for m in connection.execute(SQL["matches"], values)),
        created_at_ms=row["created_at_ms"],
        key_id=row["key_id"],
    )
