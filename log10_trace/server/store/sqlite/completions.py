"""``Completions`` on SQLite."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Final

from log10_trace.domain.completion_record import CompletionRecord
from log10_trace.domain.times import DAY_MS
from log10_trace.server.store.common import deletions, record_codec
from log10_trace.server.store.common.counted import read_charges
from log10_trace.server.store.common.paging import next_cursor, read_cursor, read_in_batches
from log10_trace.server.store.common.record_writes import ensure_id
from log10_trace.server.store.common.search_query import parse_search_query
from log10_trace.server.store.common.statistics_of_matches import MAX_RECORDS
from log10_trace.server.store.data_types import (
    CompletionFilter,
    CompletionSummary,
    MatchCount,
    Neighbors,
    Order,
    Page,
    SearchedFilter,
    StoredCompletion,
    WriteResult,
)
from log10_trace.server.store.protocol import COUNT_TIMEOUT_S
from log10_trace.server.store.sqlite import records
from log10_trace.server.store.sqlite.connection import SQL
from log10_trace.server.store.sqlite.counting import count_records
from log10_trace.server.store.sqlite.deletion import BackgroundDeleter
from log10_trace.server.store.sqlite.feedback import to_task
from log10_trace.server.store.sqlite.filter_sql import select_by_words
from log10_trace.server.store.sqlite.grading_queue import find_ungraded
from log10_trace.server.store.sqlite.index_readiness import ensure_indexed
from log10_trace.server.store.sqlite.passages import add_passages
from log10_trace.server.store.sqlite.positions import find_positions
from log10_trace.server.store.sqlite.readers import ReadPool
from log10_trace.server.store.sqlite.sort_keys import SORT_KEYS
from log10_trace.server.store.sqlite.text_query import complete_words
from log10_trace.server.store.sqlite.transaction import LookupKey, Transaction
from log10_trace.server.store.sqlite.writer import WriteJob, Writer

_STREAMED_AT_ONCE: Final = 100


class SqliteCompletions:
    """The records."""

    def __init__(self, writer: Writer, readers: ReadPool, deleter: BackgroundDeleter) -> None:
        self._writer = writer
        self._readers = readers
        self._deleter = deleter

    def put(
        self, organization_id: str, incoming: CompletionRecord, *, replace_tags: bool = False
    ) -> Future[WriteResult]:
        """Create the record, or merge into the one with its id."""
        return self._writer.submit_all([_job(organization_id, incoming, replace_tags=replace_tags)])[0]

    def put_many(
        self, organization_id: str, incoming: Sequence[CompletionRecord]
    ) -> list[Future[WriteResult]]:
        """``put`` each, in order and in few commits."""
        return self._writer.submit_all([_job(organization_id, one) for one in incoming])

    def get(self, organization_id: str, completion_id: str) -> StoredCompletion | None:
        """The whole record, or None."""
        with self._readers.snapshot() as connection:
            values = {"organization_id": organization_id, "id": completion_id}
            row = connection.execute(SQL["load"], values).fetchone()
        return None if row is None else _to_stored(row)

    def get_many(self, organization_id: str, completion_ids: Sequence[str]) -> dict[str, StoredCompletion]:
        """The whole records of some ids, by id."""
        values = {"organization_id": organization_id, "ids": json.dumps(list(completion_ids))}
        with self._readers.snapshot() as connection:
            places = [row["position"] for row in connection.execute(SQL["find"], values)]
            found = json.dumps([place for place in places if place is not None])
            rows = connection.execute(SQL["load_many"], {"positions": found})
            return {row["id"]: _to_stored(row) for row in rows}

    def page(
        self,
        organization_id: str,
        wanted: CompletionFilter,
        *,
        limit: int,
        cursor: str | None = None,
        order: Order = "newest",
        with_passages: bool = False,
    ) -> Page[CompletionSummary]:
        """One page of what matches."""
        after = None if cursor is None else read_cursor(cursor, int)[0]
        wanted = self._prepare(organization_id, wanted)
        with self._readers.snapshot() as connection:
            found = find_positions(
                connection, organization_id, wanted, after=after, limit=limit + 1, order=order
            )
            rows = connection.execute(SQL["summaries"], {"positions": json.dumps(found[:limit])})
            items = tuple(map(_to_summary, rows))
            if with_passages and wanted.text is not None:
                items = add_passages(connection, items, found[:limit], parse_search_query(wanted.text))
        return Page(items=items, next_cursor=next_cursor(found, limit, _sort_key))

    def search(self, organization_id: str, wanted: CompletionFilter) -> CompletionFilter:
        """The filter, with the completions in which its words are found, where they are few."""
        if wanted.text is None:
            return wanted
        wanted = self._prepare(organization_id, wanted)
        query = select_by_words(organization_id, wanted, MAX_RECORDS + 1)
        with self._readers.snapshot() as connection:
            found = tuple(sorted([position for (position,) in connection.execute(query.text, query.values)]))
        is_few = len(found) <= MAX_RECORDS
        return SearchedFilter.from_filter(wanted, found if is_few else None)

    def get_summaries(
        self, organization_id: str, completion_ids: Sequence[str]
    ) -> dict[str, CompletionSummary]:
        """The lines of these completions in a list, by id."""
        values = {"organization_id": organization_id, "ids": json.dumps(list(completion_ids))}
        with self._readers.snapshot() as connection:
            places = [row["position"] for row in connection.execute(SQL["find"], values)]
            found = json.dumps([place for place in places if place is not None])
            rows = connection.execute(SQL["summaries"], {"positions": found})
            return {row["id"]: _to_summary(row) for row in rows}

    def find_session_ends(
        self, organization_id: str, session_ids: Sequence[str]
    ) -> dict[str, tuple[CompletionSummary, CompletionSummary]]:
        """The first and the last call of each of some sessions."""
        values = {"organization_id": organization_id, "session_ids": json.dumps(list(session_ids))}
        with self._readers.snapshot() as connection:
            rows = connection.execute(SQL["session_ends"], values).fetchall()
            ends = {
                row["session_id"]: (row["first"], row["last"]) for row in rows if row["first"] is not None
            }
            places = sorted({place for each in ends.values() for place in each})
            found = connection.execute(SQL["summaries"], {"positions": json.dumps(places)})
            by_place = dict(zip(places, map(_to_summary, found), strict=True))
        return {name: (by_place[first], by_place[last]) for name, (first, last) in ends.items()}

    def find_ids(self, organization_id: str, part: str, *, limit: int) -> list[str]:
        """Ids that begin or end with ``part``."""
        values = {"organization_id": organization_id, "id": part, "limit": limit}
        with self._readers.snapshot() as connection:
            if connection.execute(SQL["position"], values).fetchone() is not None:
                return [part]
            return [row["id"] for row in connection.execute(SQL["ids_with_part"], values)]

    def find_neighbors(self, organization_id: str, completion_id: str, wanted: CompletionFilter) -> Neighbors:
        """The calls beside a call in the list of what matches."""
        wanted = self._prepare(organization_id, wanted)
        with self._readers.snapshot() as connection:
            values = {"organization_id": organization_id, "id": completion_id}
            row = connection.execute(SQL["position"], values).fetchone()
            if row is None:
                return Neighbors()

            def next_id(order: Order) -> str | None:
                found = find_positions(
                    connection, organization_id, wanted, after=row["position"], limit=1, order=order
                )
                return connection.execute(SQL["id"], found).fetchone()["id"] if found else None

            return Neighbors(newer=next_id("oldest"), older=next_id("newest"))

    def find_deletion(self, organization_id: str, completion_id: str) -> int | None:
        """The day on which the record was deleted."""
        values = (organization_id, deletions.hash_id(organization_id, completion_id))
        with self._readers.snapshot() as connection:
            row = connection.execute(SQL["deletion_day"], values).fetchone()
        return None if row is None else int(row["day"]) * DAY_MS

    def count(
        self, organization_id: str, wanted: CompletionFilter, *, timeout_s: float = COUNT_TIMEOUT_S
    ) -> MatchCount:
        """How many completions match: exactly, or at least how many when that takes too long."""
        wanted = self._prepare(organization_id, wanted)
        with self._readers.snapshot() as connection:
            return count_records(connection, organization_id, wanted, timeout_s)

    def stream(
        self,
        organization_id: str,
        wanted: CompletionFilter,
        *,
        order: Order = "newest",
        limit: int | None = None,
    ) -> Iterator[StoredCompletion]:
        """Every whole record that matches, read in short steps so that no snapshot is held for long."""
        wanted = self._prepare(organization_id, wanted)  # raises now, not when the first record is asked for

        def read(after: int | None, size: int) -> list[sqlite3.Row]:
            with self._readers.snapshot() as connection:
                found = find_positions(
                    connection, organization_id, wanted, after=after, limit=size, order=order
                )
                return _load_many(connection, found)

        rows = read_in_batches(
            read, lambda row: int(row["position"]), batch_size=_STREAMED_AT_ONCE, limit=limit
        )
        return map(_to_stored, rows)

    def list_ungraded(
        self, organization_id: str, task_id: str, *, limit: int, cursor: str | None = None
    ) -> Page[StoredCompletion] | None:
        """Completions of a task without feedback."""
        after = None if cursor is None else read_cursor(cursor, int)
        with self._readers.snapshot() as connection:
            values = {"organization_id": organization_id, "id": task_id}
            row = connection.execute(SQL["task"], values).fetchone()
            if row is None:
                return None
            waiting = find_ungraded(connection, organization_id, to_task(row), after, limit + 1)
            found = [int(each.sort_key[0]) for each in waiting]
            items = tuple(map(_to_stored, _load_many(connection, found[:limit])))
        return Page(items=items, next_cursor=next_cursor(found, limit, _sort_key))

    def delete(self, organization_id: str, wanted: CompletionFilter) -> Future[int]:
        """Delete what matches."""
        if wanted.text is not None:
            parse_search_query(wanted.text)  # raises now; the index is brought up to date on the other thread
        find = partial(_find_in, organization_id=organization_id, wanted=wanted)

        def delete() -> int:
            if wanted.text is not None:
                ensure_indexed(self._writer, self._readers)
            return self._deleter.delete(find)

        future = self._deleter.start(delete)
        future.add_done_callback(self._deleter.purge_when_done)
        return future

    def delete_one(self, organization_id: str, completion_id: str) -> Future[bool]:
        """Delete one record."""
        job = partial(_delete_one, organization_id=organization_id, completion_id=completion_id)
        future = self._writer.submit(job)
        future.add_done_callback(self._deleter.purge_when_done)
        return future

    def _prepare(self, organization_id: str, wanted: CompletionFilter) -> CompletionFilter:
        """Before a search: have the words of all that came in indexed, and complete those of the search."""
        if wanted.text is None or isinstance(wanted, SearchedFilter):
            return wanted
        parse_search_query(wanted.text)
        ensure_indexed(self._writer, self._readers)
        with self._readers.snapshot() as connection:
            return complete_words(connection, organization_id, wanted)


def _job(
    organization_id: str, incoming: CompletionRecord, *, replace_tags: bool = False
) -> WriteJob[WriteResult]:
    """The write of a record, with all that can be worked out beforehand worked out."""
    incoming = ensure_id(incoming)
    draft = records.prepare(incoming, now_ms=_now_ms())
    lookup = LookupKey(organization_id, str(incoming.id), draft.facts.began_ms)
    run = partial(_put, organization_id=organization_id, draft=draft, replace_tags=replace_tags)
    return WriteJob(run, draft.size, lookup)


def _put(
    transaction: Transaction, *, organization_id: str, draft: records.PreparedRecord, replace_tags: bool
) -> WriteResult:
    return records.put(transaction, organization_id, draft, replace_tags=replace_tags)


def _delete_one(transaction: Transaction, *, organization_id: str, completion_id: str) -> bool:
    position = transaction.find_position(organization_id, completion_id)
    return position is not None and records.delete(transaction, position)


def _find_in(
    transaction: Transaction, limit: int, *, organization_id: str, wanted: CompletionFilter
) -> list[int]:
    return find_positions(
        transaction.flush_deferred(), organization_id, wanted, after=None, limit=limit, order="newest"
    )


def _load_many(connection: sqlite3.Connection, found: Sequence[int]) -> list[sqlite3.Row]:
    return connection.execute(SQL["load_many"], {"positions": json.dumps(list(found))}).fetchall()


def _sort_key(position: int) -> tuple[int]:
    return (position,)


def _to_stored(row: sqlite3.Row) -> StoredCompletion:
    packed = record_codec.EncodedRecord(row["head"], row["body"], row["stack"])
    fields = record_codec.decode(packed, SORT_KEYS.began_ms(row["position"]))
    return StoredCompletion(organization_id=row["organization_id"], id=row["id"], fields=fields)


def _to_summary(row: sqlite3.Row) -> CompletionSummary:
    return CompletionSummary(
        organization_id=row["organization_id"],
        id=row["id"],
        fields=record_codec.decode_head(row["head"], SORT_KEYS.began_ms(row["position"])),
        model=row["model"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        preview_request=row["preview_request"],
        preview_response=row["preview_response"],
        preview_tool=row["preview_tool"],
        call_site=record_codec.decode_call_site(row["stack"]),
        charges=read_charges(row["charges"]),
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
