"""Pruning: whole partitions are dropped; in the last day records are deleted one by one."""

from __future__ import annotations

import time
from typing import Final

from psycopg import Connection, sql

from log10_trace.domain.times import DAY_MS
from log10_trace.server.store.common import deletions
from log10_trace.server.store.common.aggregates import SerializedAggregate, negate
from log10_trace.server.store.common.pruning import MAX_ROUNDS, count_to_prune
from log10_trace.server.store.data_types import PruneReport
from log10_trace.server.store.postgres.changes import notify_unnamed
from log10_trace.server.store.postgres.connections import Row
from log10_trace.server.store.postgres.deletion import delete_matching, remember, sweep_all_stacks
from log10_trace.server.store.postgres.filter_sql import ALL, FilterQuery
from log10_trace.server.store.postgres.partitioning import SORT_KEYS
from log10_trace.server.store.postgres.queries import load
from log10_trace.server.store.postgres.records import lock_records
from log10_trace.server.store.postgres.rollup_compaction import append, compact

SQL: Final = load("pruning.sql")
_PARTED: Final = ("completions", "completion_tags", "completion_words")
_MINUTE_MS: Final = 60_000
_MINUTES_A_STEP: Final = 5_000
_REMEMBERED_A_STEP: Final = 500


def prune(connection: Connection[Row], before_ms: int | None, max_bytes: int | None) -> PruneReport:
    """Delete what began before ``before_ms``, then the oldest until everything fits ``max_bytes``."""
    bytes_before = _number(connection, "bytes")
    today = time.time_ns() // 1_000_000 // DAY_MS
    connection.execute(SQL["forget_deletions"], {"day": today - deletions.DAYS_REMEMBERED})
    deleted = 0 if before_ms is None else _delete_before(connection, SORT_KEYS.first_of(before_ms))
    if max_bytes is not None:
        deleted += _shrink(connection, max_bytes)
    return PruneReport(
        completions=deleted, bytes_before=bytes_before, bytes_after=_number(connection, "bytes")
    )


def _shrink(connection: Connection[Row], max_bytes: int) -> int:
    """Delete the oldest until the database fits; how many."""
    deleted = 0
    for _ in range(MAX_ROUNDS):
        too_many = count_to_prune(_number(connection, "records"), _number(connection, "bytes"), max_bytes)
        if not too_many:
            break
        place = _number(connection, "place_of", count=too_many)
        parts = connection.execute(SQL["parts_before"], {"before": place}).fetchall()
        deleted += _delete_before(connection, place)
        for (part,) in parts:
            _give_back(connection, part)
    return deleted


def _delete_before(connection: Connection[Row], place: int) -> int:
    """Delete the records whose place is lower; how many."""
    # Noted before the first is gone: until then it keeps nothing out that is there.
    connection.execute(SQL["note_pruned"], {"before_ms": SORT_KEYS.began_ms(place - 1) + 1})
    minute = SORT_KEYS.began_ms(place) // _MINUTE_MS
    dropped = _drop_days(
        connection, end_ms=SORT_KEYS.began_ms(place), kept=SORT_KEYS.first_of(minute * _MINUTE_MS)
    )
    deleted = 0
    for (organization_id,) in connection.execute(SQL["organizations"]).fetchall():
        values = {"organization_id": organization_id}
        deleted += delete_matching(
            connection, organization_id, FilterQuery(ALL, (), values, high=place - 1), is_pruned=True
        )
    if dropped:
        _forget_minutes(connection, minute)
        sweep_all_stacks(connection)
    compact(connection)
    connection.execute(SQL["forget_sessions"], {"before_ms": SORT_KEYS.began_ms(place)})
    return deleted + dropped


def _forget_minutes(connection: Connection[Row], end: int) -> None:
    """Take what is left of the sums of the minutes before ``end`` away, from the longer spans too."""
    compact(connection)
    old = {"minute": end, "limit": _MINUTES_A_STEP}
    while rows := connection.execute(SQL["old_minutes"], old).fetchall():
        append(connection, [(*row[:4], -row[4], *negate(SerializedAggregate(*row[5:]))) for row in rows])
        compact(connection)


def _drop_days(connection: Connection[Row], *, end_ms: int, kept: int) -> int:
    """Drop the days that ended by ``end_ms`` and hold no place from ``kept`` on; how many records that were.

    A UUIDv7 says when it was made, the record when its call began; where they disagree by days, the record
    is left to be deleted by itself.
    """
    dropped = 0
    for (first_ms,) in connection.execute(SQL["days"], {"end_ms": end_ms}).fetchall():
        day = {"first_ms": first_ms, "kept": kept}
        with connection.transaction():
            connection.execute(SQL["limit_locks"])
            count, has_later = connection.execute(SQL["count_day"], day).fetchone() or (0, False)
            if has_later:
                continue
            _remember_day(connection, day)
            connection.execute(SQL["forget_day"], day)
            connection.execute(SQL["detach_day"], day)
            notify_unnamed(connection)
        connection.execute(SQL["drop_detached_day"], day)
        dropped += count
    return dropped


def _remember_day(connection: Connection[Row], day: dict[str, int]) -> None:
    """Remember the records of a day that is about to be dropped, but for those that have a sequence."""
    with connection.cursor(name="without_sequence") as cursor:
        cursor.execute(SQL["without_sequence"], day)
        while rows := cursor.fetchmany(_REMEMBERED_A_STEP):
            found = lock_records(connection, [(row[0], row[1], row[2]) for row in rows])
            contents = [(*key, deletions.hash_content(one.incoming)) for key, one in found.items()]
            remember(connection, contents)


def _give_back(connection: Connection[Row], part: str) -> None:
    """Return the space of deleted records to the disk. Writers to this day wait meanwhile."""
    for parent in _PARTED:
        connection.execute(sql.SQL("VACUUM (FULL, ANALYZE) {}").format(sql.Identifier(f"{parent}_{part}")))


def _number(connection: Connection[Row], name: str, **values: int) -> int:
    row = connection.execute(SQL[name], values).fetchone()
    return int(row[0]) if row and row[0] is not None else 0
