"""Writing records: a group of writes, one transaction, a few round trips whatever the group's size."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from psycopg import Connection

from log10_trace.domain.ranges import Range, merge_ranges
from log10_trace.server.store.common import deletions
from log10_trace.server.store.common.counted import Counted, write_counted
from log10_trace.server.store.common.record_codec import EncodedRecord
from log10_trace.server.store.common.record_writes import ensure_id
from log10_trace.server.store.common.seen_messages import SeenMessages
from log10_trace.server.store.data_types import CompletionChange, WriteResult
from log10_trace.server.store.postgres.arrays import rows_to_columns
from log10_trace.server.store.postgres.changes import notify
from log10_trace.server.store.postgres.connections import Row
from log10_trace.server.store.postgres.locks import STACKS_LOCK
from log10_trace.server.store.postgres.partitioning import partition_ms
from log10_trace.server.store.postgres.prepared_records import (
    CompletionRow,
    Key,
    PreparedRecord,
    StoredRecord,
    WriteRequest,
    build_record,
    prepare,
    record_from_row,
)
from log10_trace.server.store.postgres.queries import load
from log10_trace.server.store.postgres.rollup_compaction import Deltas
from log10_trace.server.store.postgres.text_search import index_words

SQL: Final = load("records.sql")
_RECOUNTED_COLUMNS: Final = (
    *("status", "kind", "model", "session_id", "failure_kind", "file", "function", "duration"),
    *("input_tokens", "output_tokens", "tokens", "preview_tool", "prompt_digest", "trace_id"),
)
_TAG_COLUMNS: Final = ("organization_ids", "tags", "places", "ids", "placed")


class RecordWriter:
    """The work of the writer thread."""

    def __init__(self) -> None:
        self._seen_messages = SeenMessages()

    def write(self, connection: Connection[Row], puts: Sequence[WriteRequest]) -> list[WriteResult]:
        """Create or merge each record, and all that is kept of it elsewhere; answers in the order given."""
        puts = [put._replace(incoming=ensure_id(put.incoming)) for put in puts]
        by_key: dict[Key, list[WriteRequest]] = {}
        for put in puts:
            by_key.setdefault(put.key, []).append(put)
        try:
            with connection.transaction():
                # In one order everywhere, so that servers never wait for each other in a ring.
                connection.execute(SQL["hold_stacks"], {"lock": STACKS_LOCK})
                prepared = self._write_all(connection, {key: by_key[key] for key in sorted(by_key)})
                with connection.pipeline():
                    changed = [one for one in prepared if one.is_changed]
                    _write_derived_rows(connection, changed)
                    notify(connection, map(_change, changed))
        except BaseException:
            self._seen_messages.forget()
            raise
        answers = {one.key: iter(one.outcomes) for one in prepared}
        return [next(answers[put.key]) for put in puts]

    def _write_all(
        self, connection: Connection[Row], by_key: dict[Key, list[WriteRequest]]
    ) -> list[PreparedRecord]:
        """Write all records; of one that was deleted, what comes after the repeats that begin its writes."""
        written: dict[Key, PreparedRecord] = {}
        while by_key:
            repeats: dict[Key, int] = {}
            for one in self._upsert(connection, by_key, repeats):
                refused = written[one.key].outcomes if one.key in written else ()
                repeated = one.mark_as_repeats(repeats[one.key]) if one.key in repeats else one
                written[one.key] = replace(repeated, outcomes=(*refused, *repeated.outcomes))
            by_key = {key: rest for key, number in repeats.items() if (rest := by_key[key][number:])}
        return list(written.values())

    def _upsert(
        self,
        connection: Connection[Row],
        by_key: Mapping[Key, Sequence[WriteRequest]],
        repeats: dict[Key, int],
    ) -> list[PreparedRecord]:
        """Insert what is new; lock and merge what was there. Those deleted before join ``repeats``."""
        now_ms = time.time_ns() // 1_000_000
        placed = _resolve_partitions(connection, by_key, now_ms)
        prepared = {
            key: prepare(key, placed[key], puts, None, now_ms=now_ms, seen_messages=self._seen_messages)
            for key, puts in by_key.items()
        }
        settled = _insert(connection, list(prepared.values()), repeats)
        while conflicts := [key for key in prepared if key not in settled]:
            found = lock_records(connection, [(*key, placed[key]) for key in conflicts])
            for key, before in found.items():
                prepared[key] = prepare(
                    key, placed[key], by_key[key], before, now_ms=now_ms, seen_messages=self._seen_messages
                )
            _update(connection, [prepared[key] for key in found if prepared[key].is_changed])
            # What was there a moment ago and is gone was deleted meanwhile.
            gone = [prepared[key] for key in conflicts if key not in found]
            settled |= found.keys() | _insert(connection, gone, repeats)
        if repeats:
            self._seen_messages.forget()  # their messages are not in the text index
        return list(prepared.values())


def _change(one: PreparedRecord) -> CompletionChange:
    return CompletionChange(*one.key, one.after.facts.status, one.after.facts.session_id)


def _insert(
    connection: Connection[Row], prepared: Sequence[PreparedRecord], repeats: dict[Key, int]
) -> set[Key]:
    """Insert records; the keys of those that were not there. Those deleted before join ``repeats``."""
    if not prepared:
        return set()
    _keep_stacks(connection, prepared)
    values = rows_to_columns(CompletionRow._fields, [one.to_row() for one in prepared])
    inserted = set(connection.execute(SQL["insert"], values).fetchall())
    # After the insertion, which waits for a deletion that is under way on another server.
    found = _find_repeats(connection, [one for one in prepared if one.key in inserted])
    if found:
        _take_back(connection, [one for one in prepared if one.key in found])
        repeats |= found
    return inserted


def _find_repeats(connection: Connection[Row], prepared: Sequence[PreparedRecord]) -> dict[Key, int]:
    """Of records that were deleted or pruned: how many writes are repeats, from the first."""
    by_key = {one.key: one for one in prepared}
    rows = [
        (
            *one.key,
            deletions.hash_id(*one.key),
            one.after.facts.began_ms,
            one.after.facts.source,
            one.after.facts.sequence,
        )
        for one in prepared
    ]
    names = ("organization_ids", "ids", "records", "began", "sources", "sequences")
    found = {}
    for *key, content, was_pruned in connection.execute(SQL["repeats"], rows_to_columns(names, rows)):
        one = by_key[key[0], key[1]]
        if was_pruned and not one.is_copy:
            found[one.key] = len(one.outcomes)
        elif content is not None and (number := one.count_repeats(content)):
            found[one.key] = number
    return found


def _take_back(connection: Connection[Row], prepared: Sequence[PreparedRecord]) -> None:
    rows = [(*one.key, one.placed_ms) for one in prepared]
    connection.execute(SQL["take_back"], rows_to_columns(("organization_ids", "ids", "placed"), rows))


def _update(connection: Connection[Row], prepared: Sequence[PreparedRecord]) -> None:
    if prepared:
        _keep_stacks(connection, prepared)
        connection.execute(
            SQL["update"], rows_to_columns(CompletionRow._fields, [one.to_row() for one in prepared])
        )


def _resolve_partitions(
    connection: Connection[Row], by_key: Mapping[Key, Sequence[WriteRequest]], now_ms: int
) -> dict[Key, int]:
    """Where each record stands, or is to stand."""
    told = {key: partition_ms(key[1]) for key in by_key}
    placed = {key: moment for key, moment in told.items() if moment is not None}
    if silent := [key for key, moment in told.items() if moment is None]:
        values = {
            "organization_ids": [organization_id for organization_id, _ in silent],
            "ids": [completion_id for _, completion_id in silent],
        }
        arrived = [by_key[key][0].arrived_ms(now_ms) for key in silent]
        connection.execute(SQL["place"], {**values, "placed": arrived})
        for organization_id, completion_id, moment in connection.execute(SQL["placed"], values):
            placed[organization_id, completion_id] = moment
    return placed


def lock_records(
    connection: Connection[Row], wanted: Sequence[tuple[str, str, int]]
) -> dict[Key, StoredRecord]:
    """Those of the records that stand, held until the commit."""
    values = {
        "organization_ids": [organization_id for organization_id, _, _ in wanted],
        "ids": [completion_id for _, completion_id, _ in wanted],
        "placed": [moment for _, _, moment in wanted],
    }
    found = {}
    rows = connection.execute(SQL["lock"], values, binary=True)
    for organization_id, completion_id, place, skipped, head, body, stack, *counted in rows:
        key, packed = (organization_id, completion_id), EncodedRecord(head=head, body=body, stack=stack)
        found[key] = record_from_row(key, place, skipped, packed, Counted(*counted))
    return found


def recount(connection: Connection[Row], wanted: Sequence[tuple[str, str, int]]) -> None:
    """Count records by the rules of now, those that an earlier version counted."""
    placed = {(organization_id, completion_id): moment for organization_id, completion_id, moment in wanted}
    rows: list[Row] = []
    labels: list[Row] = []
    deltas = Deltas()
    for key, before in lock_records(connection, wanted).items():
        if not before.facts.is_outdated:
            continue
        known = build_record(before.place, before.skipped, before.incoming).facts
        deltas.count(key[0], before.facts, sign=-1)
        deltas.count(key[0], known)
        columns = (getattr(known, name) for name in _RECOUNTED_COLUMNS)
        rows.append((*key, placed[key], *columns, write_counted(known)))
        new = set(known.labels).difference(before.facts.labels)
        labels += [(key[0], label, before.place, key[1], placed[key]) for label in new]
    if rows:
        names = ("organization_id", "id", "placed_ms", *_RECOUNTED_COLUMNS, "charges")
        connection.execute(SQL["recount"], rows_to_columns(names, rows))
    _add_tags(connection, labels)
    deltas.append(connection)


def _keep_stacks(connection: Connection[Row], prepared: Iterable[PreparedRecord]) -> None:
    """Keep the call stacks of the records, each once."""
    stacks = {(one.key[0], one.stack_hash): one.packed.stack for one in prepared if one.packed.stack}
    if stacks:
        rows = sorted((*key, body) for key, body in stacks.items())
        connection.execute(
            SQL["keep_stacks"], rows_to_columns(("organization_ids", "hashes", "bodies"), rows)
        )


def _write_derived_rows(connection: Connection[Row], prepared: Sequence[PreparedRecord]) -> None:
    _keep_tags(connection, prepared)
    _keep_texts(connection, prepared)
    _keep_sessions(connection, prepared)
    _keep_arrivals(connection, prepared)
    _keep_tallies(connection, prepared)


def remove_tags(connection: Connection[Row], rows: Sequence[Row]) -> None:
    """Take tags off records: rows of organization, tag, place, id, placed."""
    if rows:
        connection.execute(SQL["remove_tags"], rows_to_columns(_TAG_COLUMNS, rows))


def _keep_tags(connection: Connection[Row], prepared: Sequence[PreparedRecord]) -> None:
    added: list[Row] = []
    removed: list[Row] = []
    for one in prepared:
        before = set(one.before.facts.labels) if one.before else set()
        after = set(one.after.facts.labels)
        added += [_tag_row(one, tag) for tag in after - before]
        removed += [_tag_row(one, tag) for tag in before - after]
    remove_tags(connection, removed)
    _add_tags(connection, added)


def _add_tags(connection: Connection[Row], rows: Sequence[Row]) -> None:
    if rows:
        connection.execute(SQL["add_tags"], rows_to_columns(_TAG_COLUMNS, rows))


def _keep_texts(connection: Connection[Row], prepared: Sequence[PreparedRecord]) -> None:
    add_texts(
        connection,
        [
            (*one.key, one.placed_ms, *one.after.searched)
            for one in prepared
            if one.before is None or one.before.searched != one.after.searched
        ],
    )


def add_texts(connection: Connection[Row], texts: Sequence[tuple[str, str, int, str, str]]) -> None:
    """Hand texts to the indexer: rows of organization, id, placed, request, response."""
    rows = [(*key, index_words(request, response)) for *key, request, response in texts]
    if rows:
        names = ("organization_ids", "ids", "placed", "contents")
        connection.execute(SQL["add_texts"], rows_to_columns(names, rows))


def _keep_sessions(connection: Connection[Row], prepared: Sequence[PreparedRecord]) -> None:
    spans: dict[Key, list[int]] = {}
    for one in prepared:
        if (session_id := one.after.facts.session_id) is not None:
            spans.setdefault((one.key[0], session_id), []).append(one.after.facts.began_ms)
    if spans:
        rows = [(*key, min(moments), max(moments)) for key, moments in sorted(spans.items())]
        names = ("organization_ids", "ids", "first", "last")
        connection.execute(SQL["meet_sessions"], rows_to_columns(names, rows))


def _keep_arrivals(connection: Connection[Row], prepared: Sequence[PreparedRecord]) -> None:
    arrived: dict[Key, list[Range]] = {}
    for one in prepared:
        known = one.after.facts
        if known.source is not None and known.sequence is not None:
            arrived.setdefault((one.key[0], known.source), []).append((known.sequence, known.sequence))
    rows = [(*key, *span) for key, ranges in arrived.items() for span in merge_ranges(ranges)]
    if rows:
        names = ("organization_ids", "sources", "first", "last")
        connection.execute(SQL["add_arrivals"], rows_to_columns(names, rows))


def _keep_tallies(connection: Connection[Row], prepared: Sequence[PreparedRecord]) -> None:
    deltas = Deltas()
    for one in prepared:
        if one.before is not None:
            deltas.count(one.key[0], one.before.facts, sign=-1)
        deltas.count(one.key[0], one.after.facts)
    deltas.append(connection)


def _tag_row(one: PreparedRecord, tag: str) -> Row:
    organization_id, completion_id = one.key
    return (organization_id, tag, one.after.place, completion_id, one.placed_ms)
