"""Deletes records everywhere they are in ClickHouse: rows, deliveries, feedback, sessions. In steps.

A deletion is done when its answer says so, and no read sees the rows from before then on. They leave the disk
when the engine rewrites the parts that hold them, which it is told to do at once, and does in the background.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any, Final

from log10_trace.domain.times import DAY_MS
from log10_trace.server.store.clickhouse.changes import ClickHouseChanges
from log10_trace.server.store.clickhouse.connections import Connection, Row
from log10_trace.server.store.clickhouse.filter_sql import build_where
from log10_trace.server.store.clickhouse.group_commit import SerialExecutor
from log10_trace.server.store.clickhouse.queries import SQL
from log10_trace.server.store.clickhouse.records import load_records, split_by_size
from log10_trace.server.store.clickhouse.removals import finish_removals, hide_rows
from log10_trace.server.store.clickhouse.text_search import BoundCondition
from log10_trace.server.store.common import deletions
from log10_trace.server.store.data_types import DELETED, CompletionChange, CompletionFilter

_A_STEP: Final = 1_000
"""Records that are deleted at once."""
_MAX_SKEW_NS: Final = 5_000_000_000
"""How far another server's clock may be ahead of this one's."""


class Deleter:
    """Deletes on a thread of its own, in steps between which writes get through."""

    def __init__(self, executor: SerialExecutor, changes: ClickHouseChanges, lock: threading.Lock) -> None:
        self._executor = executor
        self._changes = changes
        self._lock = lock
        """Held while this server writes records or hides them, so that neither sees half of the other."""

    def delete(self, where: BoundCondition, organization_id: str) -> Future[int]:
        """Delete what matches; how many records that were."""

        def task(connection: Connection) -> int:
            total = 0
            while deleted := self._hide_some(connection, organization_id, where):
                total += deleted
            finish_removals(connection, organization_id)
            return total

        return self._executor.run(task)

    def delete_one(self, organization_id: str, completion_id: str) -> Future[bool]:
        """Delete one record; False when there is none of this id."""

        def task(connection: Connection) -> bool:
            values = {"organization_id": organization_id, "ids": [completion_id]}
            places = connection.rows("places", values)
            if not places:
                finish_removals(connection, organization_id)
                return False
            where = build_where(organization_id, CompletionFilter())
            of_one = BoundCondition(
                f"{where.text} AND place = {{place:Int64}} AND id = {{id:String}}",
                {**where.values, "place": places[0][1], "id": completion_id},
            )
            if not self._hide_some(connection, organization_id, of_one):
                # A write or a deletion that failed midway left deliveries behind, and no row for lists.
                self._hide(connection, organization_id, [(places[0][1], completion_id, False, None)])
            finish_removals(connection, organization_id)
            return True

        return self._executor.run(task)

    def _hide_some(self, connection: Connection, organization_id: str, where: BoundCondition) -> int:
        query = f"{SQL['condemned']} {where.text} {SQL['first']}"
        with self._lock:
            rows = connection.ask(query, {**where.values, "limit": _A_STEP})
            if rows:
                hide_records(connection, organization_id, rows)
        self._announce(connection, organization_id, rows)
        return len(rows)

    def _hide(self, connection: Connection, organization_id: str, rows: Sequence[Row]) -> None:
        with self._lock:
            hide_records(connection, organization_id, rows)
        self._announce(connection, organization_id, rows)

    def _announce(self, connection: Connection, organization_id: str, rows: Sequence[Row]) -> None:
        gone = [CompletionChange(organization_id, row[1], DELETED, row[3]) for row in rows]
        self._changes.announce(connection, gone)


def hide_records(connection: Connection, organization_id: str, rows: Sequence[Row]) -> None:
    """Delete the records of rows (place, id, has sequence, session), but for taking them off the disk."""
    ids = [row[1] for row in rows]
    remember(connection, organization_id, ids)
    hide_rows(connection, organization_id, [(row[0], row[1]) for row in rows])
    take_off_feedback(connection, organization_id, ids)
    sessions = list({row[3] for row in rows if row[3]})
    if sessions:
        of_sessions = {"organization_id": organization_id, "ids": sessions}
        empty = connection.rows("empty_sessions", of_sessions)
        delete_sessions(connection, [(organization_id, *row) for row in empty])


def remember(connection: Connection, organization_id: str, ids: Sequence[str]) -> None:
    """Remember records that are about to be deleted, so that none of their deliveries counts."""
    day = time.time_ns() // 1_000_000 // DAY_MS
    version = 0
    hashes: list[tuple[str, str, str]] = []
    for batch in split_by_size(connection, organization_id, ids):
        for key, merged in load_records(connection, batch).items():
            hashes.append(_hash(*key, deletions.hash_content(merged.incoming)))
            version = max(version, *merged.versions)
    if hashes:
        # Told after the bodies are read, which may take long: what came from others meanwhile is meant too.
        version = max(version, time.time_ns() + _MAX_SKEW_NS)
        connection.insert("deleted", [(*each, day, version) for each in hashes])


def _hash(organization_id: str, completion_id: str, content: str) -> tuple[str, str, str]:
    return organization_id, deletions.hash_id(organization_id, completion_id), content


def take_off_feedback(connection: Connection, organization_id: str, ids: Sequence[str]) -> None:
    """Have feedback name none of these records; what was about them alone goes with them."""
    gone, version = set(ids), time.time_ns()
    rows: list[tuple[Any, ...]] = []
    values = {"organization_id": organization_id, "ids": list(ids)}
    for *head, matched, created_at_ms, key_id in connection.rows("feedback_about", values):
        left = [completion_id for completion_id in matched if completion_id not in gone]
        rows.append((organization_id, *head, left, created_at_ms, key_id, version, not left))
    if rows:
        connection.insert("feedback", rows)


def delete_sessions(connection: Connection, sessions: Sequence[tuple[str, str, int]]) -> None:
    """Delete sessions: organization, id, and when they were made."""
    if sessions:
        connection.insert("sessions", [(*each, time.time_ns(), 1) for each in sessions])
