"""Deleting records everywhere they are: rows, tags, words, stacks, roll-ups, feedback. In small steps."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from psycopg import Connection

from log10_trace.domain.times import DAY_MS
from log10_trace.server.store.common import deletions
from log10_trace.server.store.data_types import DELETED, CompletionChange
from log10_trace.server.store.postgres.arrays import rows_to_columns
from log10_trace.server.store.postgres.changes import notify
from log10_trace.server.store.postgres.connections import Row
from log10_trace.server.store.postgres.filter_sql import FilterQuery
from log10_trace.server.store.postgres.locks import STACKS_LOCK
from log10_trace.server.store.postgres.partitioning import partition_ms
from log10_trace.server.store.postgres.prepared_records import StoredRecord, stack_hash
from log10_trace.server.store.postgres.queries import load
from log10_trace.server.store.postgres.records import lock_records, remove_tags
from log10_trace.server.store.postgres.rollup_compaction import Deltas

_SQL: Final = load("deleting.sql")
_A_STEP: Final = 200
"""Records of one transaction."""


def delete_matching(
    connection: Connection[Row], organization_id: str, asked: FilterQuery, *, is_pruned: bool = False
) -> int:
    """Delete what is asked for, newest first, and say how many that were."""
    deleted, after = 0, None
    while rows := connection.execute(*asked.page("keys", _A_STEP, "newest", after)).fetchall():
        after = rows[-1][:2]
        found = [(completion_id, placed) for _, completion_id, placed in rows]
        deleted += delete(connection, organization_id, found, is_pruned=is_pruned)
    return deleted


def delete_one(connection: Connection[Row], organization_id: str, completion_id: str) -> bool:
    """Delete one record; False when there is none of this id."""
    values = {
        "organization_id": organization_id,
        "id": completion_id,
        "placed_ms": partition_ms(completion_id),
    }
    row = connection.execute(_SQL["find"], values).fetchone()
    return row is not None and delete(connection, organization_id, [(completion_id, row[0])]) > 0


def delete(
    connection: Connection[Row],
    organization_id: str,
    records: Sequence[tuple[str, int]],
    *,
    is_pruned: bool = False,
) -> int:
    """Delete records by id and the day they stand in, in one transaction; how many there were."""
    values = {
        "organization_id": organization_id,
        "ids": [completion_id for completion_id, _ in records],
        "placed": [placed for _, placed in records],
    }
    deltas = Deltas()
    with connection.transaction():
        found = lock_records(connection, [(organization_id, *record) for record in records])
        for standing in found.values():
            deltas.count(organization_id, standing.facts, sign=-1)
        with connection.pipeline():
            remember(
                connection,
                [
                    (*key, deletions.hash_content(standing.incoming))
                    for key, standing in found.items()
                    if not (is_pruned and deletions.has_sequence(standing.facts))
                ],
            )
            _delete_rows(connection, values, found, dict(records))
            deltas.append(connection)
            notify(
                connection,
                [CompletionChange(*key, DELETED, one.facts.session_id) for key, one in found.items()],
            )
    hashes = {stack_hash(standing.incoming.fields.get("stacktrace")) for standing in found.values()}
    sweep_stacks(connection, organization_id, hashes)
    return len(found)


def _delete_rows(
    connection: Connection[Row],
    values: Mapping[str, Any],
    found: Mapping[tuple[str, str], StoredRecord],
    placed: Mapping[str, int],
) -> None:
    """Delete what locked records have in each table; ``placed`` is the day that each stands in."""
    connection.execute(_SQL["delete"], values)
    remove_tags(
        connection,
        [
            (values["organization_id"], tag, standing.place, key[1], placed[key[1]])
            for key, standing in found.items()
            for tag in standing.facts.labels
        ],
    )
    for name in ("delete_words", "delete_texts", "delete_placements", "delete_feedback"):
        connection.execute(_SQL[name], values)
    sessions = {standing.facts.session_id for standing in found.values()} - {None}
    connection.execute(_SQL["delete_sessions"], {**values, "sessions": list(sessions)})


def remember(connection: Connection[Row], deleted: Sequence[tuple[str, str, str]]) -> None:
    """Remember deletions: rows of organization, id, content hash."""
    today = time.time_ns() // 1_000_000 // DAY_MS
    rows = sorted((key[0], deletions.hash_id(*key), content, today) for *key, content in deleted)
    if rows:
        names = ("organization_ids", "records", "contents", "days")
        connection.execute(_SQL["remember"], rows_to_columns(names, rows))


def sweep_stacks(connection: Connection[Row], organization_id: str, hashes: Iterable[bytes | None]) -> None:
    """Delete those of the call stacks that no record names any more."""
    candidates = [one for one in hashes if one is not None]
    if candidates:
        with connection.transaction():
            connection.execute(_SQL["alone_with_stacks"], {"lock": STACKS_LOCK})
            values = {"organization_id": organization_id, "hashes": candidates}
            connection.execute(_SQL["sweep_stacks"], values)


def sweep_all_stacks(connection: Connection[Row]) -> None:
    """Delete every call stack that no record names, such as those of days that were dropped."""
    with connection.transaction():
        connection.execute(_SQL["alone_with_stacks"], {"lock": STACKS_LOCK})
        connection.execute(_SQL["sweep_all_stacks"])
