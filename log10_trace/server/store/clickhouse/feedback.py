"""``FeedbackStore`` on ClickHouse: feedback tasks and feedback."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from log10_trace.server.store.clickhouse.connections import Connection, ReadPool, Row
from log10_trace.server.store.clickhouse.filter_sql import build_where
from log10_trace.server.store.clickhouse.group_commit import SerialExecutor
from log10_trace.server.store.clickhouse.matching_rows import read_page
from log10_trace.server.store.common.feedback_matching import match_completions, unknown_task
from log10_trace.server.store.common.paging import LAST, next_cursor, read_cursor
from log10_trace.server.store.data_types import (
    CompletionFilter,
    Feedback,
    FeedbackPage,
    FeedbackTarget,
    FeedbackTask,
    Page,
)


class ClickHouseFeedbackStore:
    """See ``protocol.FeedbackStore``."""

    def __init__(self, readers: ReadPool, own_readers: ReadPool, tasks: SerialExecutor) -> None:
        self._readers = readers
        self._own_readers = own_readers
        self._tasks = tasks

    def add_task(self, organization_id: str, task: FeedbackTask) -> Future[FeedbackTask]:
        """Keep a task; one of the same id is replaced, and keeps its place in the list."""

        def write(connection: Connection) -> FeedbackTask:
            old = connection.rows("task", {"organization_id": organization_id, "id": task.id})
            row = (
                organization_id,
                task.id,
                task.name,
                task.instruction,
                task.json_schema,
                list(task.completion_tags_selector),
                old[0][-1] if old else task.created_at_ms,
                time.time_ns(),
            )
            connection.insert("feedback_tasks", [row])
            return task

        return self._tasks.run(write)

    def tasks(self, organization_id: str) -> list[FeedbackTask]:
        """Every task, oldest first."""
        return [_task(row) for row in self._readers.rows("tasks", {"organization_id": organization_id})]

    def task(self, organization_id: str, task_id: str) -> FeedbackTask | None:
        """One task, or None."""
        row = self._own_readers.row("task", {"organization_id": organization_id, "id": task_id})
        return None if row is None else _task(row)

    def add(self, organization_id: str, feedback: Feedback, selection: FeedbackTarget) -> Future[Feedback]:
        """Keep feedback about the selected completions; the answer names them."""

        def write(connection: Connection) -> Feedback:
            if not connection.rows("task", {"organization_id": organization_id, "id": feedback.task_id}):
                raise unknown_task()
            matched = _match(connection, organization_id, selection)
            kept = replace(feedback, matched_completion_ids=matched)
            old = connection.rows("one_feedback", {"organization_id": organization_id, "id": feedback.id})
            stored = replace(kept, created_at_ms=old[0][5]) if old else kept
            connection.insert("feedback", [_row(organization_id, stored)])
            return kept

        return self._tasks.run(write)

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
        values: dict[str, Any] = {
            "organization_id": organization_id,
            "completion_id": completion_id or "",
            "task_id": task_id or "",
            "offset": offset,
            "limit": limit,
        }
        with self._readers.connection() as connection:
            ((total,),) = connection.rows("count_feedback", values) or ((0,),)
            items = tuple(map(_feedback, connection.rows("feedback", values)))
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
        found = tuple(map(_feedback, self._readers.rows("feedback_of_task", values)))
        cursor = next_cursor(found, limit, lambda one: (one.created_at_ms, one.id))
        return Page(items=found[:limit], next_cursor=cursor)

    def list_values(self, organization_id: str, task_id: str, *, limit: int) -> tuple[str, ...]:
        """The values alone of the latest feedback on a task."""
        values = {"organization_id": organization_id, "task_id": task_id, "limit": limit}
        return tuple(text for (text,) in self._readers.rows("values_of_task", values))

    def get(self, organization_id: str, feedback_id: str) -> Feedback | None:
        """One piece of feedback, or None."""
        row = self._readers.row("one_feedback", {"organization_id": organization_id, "id": feedback_id})
        return None if row is None else _feedback(row)

    def delete(self, organization_id: str, feedback_id: str) -> Future[bool]:
        """Delete one piece of feedback."""

        def write(connection: Connection) -> bool:
            values = {"organization_id": organization_id, "id": feedback_id}
            found = connection.rows("one_feedback", values)
            if found:
                connection.insert("feedback", [_row(organization_id, _feedback(found[0]), is_gone=True)])
            return bool(found)

        return self._tasks.run(write)


def _match(connection: Connection, organization_id: str, target: FeedbackTarget) -> tuple[str, ...]:
    def find_existing(ids: Sequence[str]) -> list[str]:
        values = {"organization_id": organization_id, "ids": list(ids)}
        return [completion_id for (completion_id,) in connection.rows("existing", values)]

    def find_tagged(tags: Sequence[str], limit: int) -> list[str]:
        where = build_where(organization_id, CompletionFilter(tags=tuple(tags), tag_match="all"))
        found = read_page(connection, "keys", where, limit=limit, order="newest")
        return [completion_id for _, completion_id in found]

    return match_completions(target, find_existing, find_tagged)


def _row(organization_id: str, feedback: Feedback, *, is_gone: bool = False) -> tuple[Any, ...]:
    return (
        organization_id,
        feedback.id,
        feedback.task_id,
        feedback.json_values,
        feedback.comment,
        list(feedback.matched_completion_ids),
        feedback.created_at_ms,
        feedback.key_id,
        time.time_ns(),
        int(is_gone),
    )


def _task(row: Row) -> FeedbackTask:
    task_id, name, instruction, json_schema, tags, created_at_ms = row
    return FeedbackTask(
        id=task_id,
        name=name,
        instruction=instruction,
        json_schema=json_schema,
        completion_tags_selector=tuple(tags),
        created_at_ms=created_at_ms,
    )


def _feedback(row: Row) -> Feedback:
    feedback_id, task_id, json_values, comment, matched, created_at_ms, key_id = row
    return Feedback(
        id=feedback_id,
        task_id=task_id,
        json_values=json_values,
        comment=comment,
        matched_completion_ids=tuple(matched),
        created_at_ms=created_at_ms,
        key_id=key_id,
    )
