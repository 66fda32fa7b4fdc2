"""Leases of the completions that wait for feedback, in ClickHouse.

Nothing locks a row, so a completion is leased in two steps: a claim is inserted, then it is looked who else
has one. Whoever finds no other claim holds the lease. Of two that find each other, the lower claim waits
until the higher one is held, which was first, or withdrawn; the higher one is withdrawn.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any, Final, NamedTuple

from log10_trace.server.store.clickhouse.connections import Connection, ReadPool, Row
from log10_trace.server.store.clickhouse.filter_sql import ListPlace, build_where
from log10_trace.server.store.clickhouse.group_commit import SerialExecutor
from log10_trace.server.store.clickhouse.matching_rows import read_page
from log10_trace.server.store.clickhouse.queries import SQL
from log10_trace.server.store.clickhouse.text_search import BoundCondition
from log10_trace.server.store.common.grading_queue import make_summary
from log10_trace.server.store.common.paging import read_cursor, write_cursor
from log10_trace.server.store.data_types import (
    CompletionFilter,
    FeedbackTask,
    GradingCandidate,
    GradingLease,
    GradingSummary,
)
from log10_trace.server.store.protocol import GRADED_LIMIT

_LOOK_EVERY_S: Final = 0.02
_LOOKS: Final = 250
"""How long a claim waits for a higher one: five seconds, after which the server that made it has died."""
_EXPIRED_MS: Final = 3_600_000
"""Claims are taken out of the table when they expired so long ago."""


class _Claim(NamedTuple):
    """A claim that has not expired."""

    completion_id: str
    claim: str
    holder: str
    is_held: bool
    expires_at_ms: int
    draft: str


class ClickHouseGradingQueue:
    """See ``protocol.GradingQueue``."""

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
        leased = BoundCondition(SQL["not_leased"], {"holder": holder, "now_ms": now_ms})
        with self._readers.connection() as connection:
            found = read_ungraded(connection, organization_id, task, limit=limit, after=after, also=leased)
        return [
            GradingCandidate(completion_id=completion_id, cursor=write_cursor(place, completion_id))
            for place, completion_id in found
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
        values = {"organization_id": organization_id, "task_id": task_id, "now_ms": now_ms}

        def task(connection: Connection) -> str | None:
            leases = _Leases(connection, values, holder, expires_at_ms, draft)
            leases.give_up()
            waiting = list(completion_ids) if take_over else leases.leave_out_graded(completion_ids)
            return next((one for one in waiting if leases.take(one, take_over=take_over)), None)

        return self._tasks.run(task)

    def list_leases(self, organization_id: str, task_id: str, *, now_ms: int) -> list[GradingLease]:
        """The task's leases that have not expired."""
        values = {"organization_id": organization_id, "task_id": task_id, "now_ms": now_ms}
        return [
            GradingLease(
                completion_id=one.completion_id,
                holder=one.holder,
                expires_at_ms=one.expires_at_ms,
                draft=one.draft,
            )
            for one in (_Claim(*row) for row in self._readers.rows("claims", values))
            if one.is_held
        ]

    def summarize(self, organization_id: str, task_id: str, *, limit: int = GRADED_LIMIT) -> GradingSummary:
        """How many completions have feedback for the task, and who gave it lately."""
        values = {"organization_id": organization_id, "task_id": task_id, "limit": limit + 1}
        with self._readers.connection() as connection:
            ((graded,),) = connection.rows("count_graded", values) or ((0,),)
            key_ids = [key_id for (key_id,) in connection.rows("graders", values)]
        return make_summary(graded, limit, key_ids)


def read_ungraded(
    connection: Connection,
    organization_id: str,
    task: FeedbackTask,
    *,
    limit: int,
    after: ListPlace | None,
    also: BoundCondition | None = None,
) -> Sequence[Row]:
    """The places of the newest completions that a task selects and that have no feedback for it."""
    if not task.completion_tags_selector:
        return []
    selected = CompletionFilter(tags=tuple(task.completion_tags_selector), tag_match="any")
    where = build_where(organization_id, selected)
    text = f"{where.text} AND {SQL['ungraded']}" + (f" AND {also.text}" if also else "")
    values = {**where.values, "task_id": task.id}
    asked = BoundCondition(text, values | (also.values if also else {}))
    return read_page(connection, "keys", asked, limit=limit, order="newest", after=after)


class _Leases:
    """One holder's claims on completions of a task."""

    def __init__(
        self, connection: Connection, values: dict[str, Any], holder: str, expires_at_ms: int, draft: str
    ) -> None:
        self._connection = connection
        self._values = values
        self._holder = holder
        self._expires_at_ms = expires_at_ms
        self._draft = draft
        self._pause = threading.Event()  # never set: a pause that is no sleep

    def give_up(self) -> None:
        """Withdraw what the holder has, and take old claims out of the table."""
        old = {"now_ms": self._values["now_ms"] - _EXPIRED_MS}
        if self._connection.rows("has_expired_claims", {"before_ms": old["now_ms"]}):
            self._connection.execute("delete_expired_claims", old)
        self._withdraw([one for one in self._read("claims") if one.holder == self._holder])

    def leave_out_graded(self, completion_ids: Sequence[str]) -> list[str]:
        """The completions that have no feedback for the task."""
        graded = self._connection.rows("graded", {**self._values, "ids": list(completion_ids)})
        return [one for one in completion_ids if (one,) not in {tuple(row) for row in graded}]

    def take(self, completion_id: str, *, take_over: bool) -> bool:
        """Lease one completion; False when another holder has it."""
        others = self._read("claims_on", completion_id=completion_id)
        if others and not take_over:
            return False
        mine = _Claim(completion_id, uuid.uuid4().hex, self._holder, False, self._expires_at_ms, self._draft)
        self._insert([mine])
        for _ in range(_LOOKS):
            others = [
                one for one in self._read("claims_on", completion_id=completion_id) if one.claim != mine.claim
            ]
            if take_over:
                self._withdraw(others)
                others = []
            if not others:
                self._insert([mine._replace(is_held=True)])
                return True
            if any(one.is_held or one.claim < mine.claim for one in others):
                break
            self._pause.wait(_LOOK_EVERY_S)
        self._withdraw([mine])
        return False

    def _read(self, name: str, **values: str) -> list[_Claim]:
        return [_Claim(*row) for row in self._connection.rows(name, {**self._values, **values})]

    def _withdraw(self, claims: Sequence[_Claim]) -> None:
        self._insert(claims, is_gone=True)

    def _insert(self, claims: Sequence[_Claim], *, is_gone: bool = False) -> None:
        owner = (self._values["organization_id"], self._values["task_id"])
        if claims:
            rows = [(*owner, *one, time.time_ns(), int(is_gone)) for one in claims]
            self._connection.insert("grading_claims", rows)
