"""Feedback tasks and feedback, in PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, Final

from psycopg import Connection

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
from log10_trace.server.store.postgres.connections import ReadPool, Row
from log10_trace.server.store.postgres.executor import SerialExecutor
from log10_trace.server.store.postgres.filter_sql import build_query
from log10_trace.server.store.postgres.partitioning import partition_ms
from log10_trace.server.store.postgres.queries import load

_SQL: Final = load("feedback.sql")


class PostgresFeedbackStore:
    """Feedback tasks and feedback; see ``protocol.FeedbackStore``."""

    def __init__(self, readers: ReadPool, own_readers: ReadPool, tasks: SerialExecutor) -> None:
        self._readers = readers
        self._own_readers = own_readers
        self._tasks = tasks

    def add_task(self, organization_id: str, task: FeedbackTask) -> Future[FeedbackTask]:
        """Keep a task; a task of the same id is replaced."""
        values = {
            "organization_id": organization_id,
            "id": task.id,
            # What people type is kept as JSON text: PostgreSQL's text takes no NUL.
            "name": json.dumps(task.name),
            "instruction": json.dumps(task.instruction),
            "json_schema": task.json_schema,
            "tags": list(task.completion_tags_selector),
            "created_ms": task.created_at_ms,
        }
        return self._tasks.write(_SQL["put_task"], values, lambda _: task)

    def tasks(self, organization_id: str) -> list[FeedbackTask]:
        """Every task, oldest first."""
        return [_task(row) for row in self._readers.rows(_SQL["tasks"], {"organization_id": organization_id})]

    def task(self, organization_id: str, task_id: str) -> FeedbackTask | None:
        """One task, or None."""
        row = self._own_readers.row(_SQL["task"], {"organization_id": organization_id, "id": task_id})
        return None if row is None else _task(row)

    def add(self, organization_id: str, feedback: Feedback, selection: FeedbackTarget) -> Future[Feedback]:
        """Keep feedback about the selected completions; the answer names them."""

        def task(connection: Connection[Row]) -> Feedback:
            about = {"organization_id": organization_id, "id": feedback.task_id}
            if connection.execute(_SQL["task"], about).fetchone() is None:
                raise unknown_task()
            matched = _match(connection, organization_id, selection)
            _keep(connection, organization_id, feedback, matched)
            return replace(feedback, matched_completion_ids=matched)

        return self._tasks.run(task)

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
        name = "feedback" if completion_id is None else "feedback_about"
        counted = self._readers.row(_SQL[f"count_{name}"], values)
        items = tuple(_feedback(row) for row in self._readers.rows(_SQL[name], values))
        return FeedbackPage(items=items, total=counted[0] if counted else 0)

    def list_for_task(
        self, organization_id: str, task_id: str, *, limit: int, cursor: str | None = None
    ) -> Page[Feedback]:
        """Feedback on a task, newest first; each page costs the same, however far down."""
        before_ms, before_id = (LAST, "") if cursor is None else read_cursor(cursor, int, str)
        values = {
            "organization_id": organization_id,
            "task_id": task_id,
            "before_ms": before_ms,
            "before_id": before_id,
            "limit": limit + 1,
        }
        found = [_feedback(row) for row in self._readers.rows(_SQL["feedback_of_task"], values)]
        after = next_cursor(found, limit, lambda one: (one.created_at_ms, one.id))
        return Page(items=tuple(found[:limit]), next_cursor=after)

    def list_values(self, organization_id: str, task_id: str, *, limit: int) -> tuple[str, ...]:
        """The values alone of the latest feedback on a task, newest first, as JSON texts."""
        values = {"organization_id": organization_id, "task_id": task_id, "limit": limit}
        return tuple(text for (text,) in self._readers.rows(_SQL["values_of_task"], values))

    def get(self, organization_id: str, feedback_id: str) -> Feedback | None:
        """One piece of feedback, or None."""
        values = {"organization_id": organization_id, "id": feedback_id}
        row = self._readers.row(_SQL["one_feedback"], values)
        return None if row is None else _feedback(row)

    def delete(self, organization_id: str, feedback_id: str) -> Future[bool]:
        """Delete one piece of feedback; False when there was none."""
        values = {"organization_id": organization_id, "id": feedback_id}

        def task(connection: Connection[Row]) -> bool:
            connection.execute(_SQL["delete_matches"], values)
            return connection.execute(_SQL["delete_feedback"], values).rowcount > 0

        return self._tasks.run(task)


def _match(connection: Connection[Row], organization_id: str, target: FeedbackTarget) -> tuple[str, ...]:
    def find_existing(completion_ids: Sequence[str]) -> list[str]:
        values = {
            "organization_id": organization_id,
            "ids": list(completion_ids),
            "placed": [partition_ms(completion_id) for completion_id in completion_ids],
        }
        return [row[0] for row in connection.execute(_SQL["known_ids"], values)]

    def find_tagged(tags: Sequence[str], limit: int) -> list[str]:
        query = build_query(organization_id, CompletionFilter(tags=tuple(tags), tag_match="all"))
        rows = connection.execute(*query.page("keys", limit, "newest"))
        return [completion_id for _, completion_id, _ in rows]

    return match_completions(target, find_existing, find_tagged)


def _keep(
    connection: Connection[Row], organization_id: str, feedback: Feedback, matched: tuple[str, ...]
) -> None:
    values: dict[str, Any] = {
        "organization_id": organization_id,
        "id": feedback.id,
        "task_id": feedback.task_id,
        "json_values": feedback.json_values,
        "comment": None if feedback.comment is None else json.dumps(feedback.comment),
        "created_ms": feedback.created_at_ms,
        "key_id": feedback.key_id,
        "matched": list(matched),
    }
    for name in ("put_feedback", "delete_matches", "put_matches"):
        connection.execute(_SQL[name], values)


def _task(row: Row) -> FeedbackTask:
    task_id, name, instruction, json_schema, tags, created_ms = row
    return FeedbackTask(
        id=task_id,
        name=json.loads(name),
        instruction=json.loads(instruction),
        json_schema=json_schema,
        completion_tags_selector=tuple(tags),
        created_at_ms=created_ms,
    )


def _feedback(row: Row) -> Feedback:
    feedback_id, task_id, json_values, comment, created_ms, key_id, matched = row
    return Feedback(
        id=feedback_id,
        task_id=task_id,
        json_values=json_values,
        comment=None if comment is None else json.loads(comment),
        matched_completion_ids=tuple(matched),
        created_at_ms=created_ms,
        key_id=key_id,
    )
