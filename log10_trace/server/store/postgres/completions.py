"""The records, in PostgreSQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import Final

from log10_trace.domain.completion_record import CompletionRecord
from log10_trace.domain.times import DAY_MS
from log10_trace.server.store.common import deletions
from log10_trace.server.store.common.counted import read_charges
from log10_trace.server.store.common.paging import next_cursor, read_cursor, read_in_batches
from log10_trace.server.store.common.record_codec import EncodedRecord, decode, decode_call_site, decode_head
from log10_trace.server.store.common.search_query import parse_search_query
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
from log10_trace.server.store.postgres.connections import ReadPool, Row
from log10_trace.server.store.postgres.counting import count_records
from log10_trace.server.store.postgres.deletion import delete_matching, delete_one
from log10_trace.server.store.postgres.executor import SerialExecutor
from log10_trace.server.store.postgres.feedback import PostgresFeedbackStore
from log10_trace.server.store.postgres.filter_sql import (
    RECORDS_BY_ID,
    SESSION_ENDS,
    SESSION_ENDS_NEAR,
    SUMMARIES_BY_ID,
    KeysetPosition,
    Projection,
    build_query,
    build_ungraded_query,
)
from log10_trace.server.store.postgres.group_commit import GroupCommitWriter
from log10_trace.server.store.postgres.index_keys import truncate_key
from log10_trace.server.store.postgres.matching_rows import read_matching_rows
from log10_trace.server.store.postgres.partitioning import SORT_KEYS, partition_ms
from log10_trace.server.store.postgres.passages import add_passages
from log10_trace.server.store.postgres.prepared_records import WriteRequest
from log10_trace.server.store.postgres.records import SQL
from log10_trace.server.store.postgres.word_lookup import complete_words, search_words
from log10_trace.server.store.protocol import COUNT_TIMEOUT_S

_STREAMED: Final = 50
"""Records that a stream holds at a time; between them it holds no connection."""
_ENDS: Final = 2
"""Of a session: its first and its last call."""
_INDEXED_END: Final = 8
"""Characters of the index on the ends of ids, in which they stand backwards."""


class PostgresCompletions:
    """The records; see ``protocol.Completions``."""

    def __init__(
        self,
        readers: ReadPool,
        writer: GroupCommitWriter[WriteRequest, WriteResult],
        deleter: SerialExecutor,
        feedback: PostgresFeedbackStore,
    ) -> None:
        self._readers = readers
        self._writer = writer
        self._deleter = deleter
        self._feedback = feedback

    def put(
        self, organization_id: str, incoming: CompletionRecord, *, replace_tags: bool = False
    ) -> Future[WriteResult]:
        """Create the record, or merge into the one with its id."""
        return self._writer.submit(
            [WriteRequest(organization_id, incoming, replace_tags)], WriteRequest.size
        )[0]

    def put_many(
        self, organization_id: str, incoming: Sequence[CompletionRecord]
    ) -> list[Future[WriteResult]]:
        """``put`` each, in order; one that fails costs none of the others."""
        return self._writer.submit(
            [WriteRequest(organization_id, one) for one in incoming], WriteRequest.size
        )

    def get(self, organization_id: str, completion_id: str) -> StoredCompletion | None:
        """The whole record, or None."""
        values = {
            "organization_id": organization_id,
            "id": completion_id,
            "placed_ms": partition_ms(completion_id),
        }
        row = self._readers.row(SQL["get"], values)
        return None if row is None else _to_stored(organization_id, row)

    def get_many(self, organization_id: str, completion_ids: Sequence[str]) -> dict[str, StoredCompletion]:
        """The whole records of some ids, by id."""
        values = {
            "organization_id": organization_id,
            "ids": list(completion_ids),
            "placed": [partition_ms(completion_id) for completion_id in completion_ids],
        }
        rows = self._readers.rows(RECORDS_BY_ID, values)
        return {row[1]: _to_stored(organization_id, row) for row in rows}

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
        wanted = self._complete(organization_id, wanted)
        rows = self._read_rows(
            organization_id, wanted, "summaries", limit=limit + 1, order=order, after=_after(cursor)
        )
        items = tuple(_to_summary(organization_id, row) for row in rows[:limit])
        if with_passages and wanted.text is not None:
            items = add_passages(self._readers, organization_id, items, parse_search_query(wanted.text))
        return Page(items=items, next_cursor=next_cursor(rows, limit, _sort_key))

    def search(self, organization_id: str, wanted: CompletionFilter) -> CompletionFilter:
        """The filter, with the completions in which its words are found, where they are few."""
        if wanted.text is None:
            return wanted
        parse_search_query(wanted.text)
        with self._readers.connection() as connection:
            return search_words(connection, organization_id, wanted)

    def get_summaries(
        self, organization_id: str, completion_ids: Sequence[str]
    ) -> dict[str, CompletionSummary]:
        """The lines of these completions in a list, by id."""
        values = {
            "organization_id": organization_id,
            "ids": list(completion_ids),
            "placed": [partition_ms(completion_id) for completion_id in completion_ids],
        }
        rows = self._readers.rows(SUMMARIES_BY_ID, values)
        return {row[1]: _to_summary(organization_id, row) for row in rows}

    def find_session_ends(
        self, organization_id: str, session_ids: Sequence[str]
    ) -> dict[str, tuple[CompletionSummary, CompletionSummary]]:
        """The first and the last call of each of some sessions."""
        stored = {truncate_key(session_id): session_id for session_id in session_ids}
        rows = self._find_ids_of_ends(organization_id, list(stored))
        found = self.get_summaries(organization_id, list({completion_id for _, _, completion_id in rows}))
        ends: dict[str, list[CompletionSummary]] = {}
        for session_id, _, completion_id in rows:
            if completion_id in found:  # not deleted meanwhile
                ends.setdefault(stored[session_id], []).append(found[completion_id])
        return {session_id: (each[0], each[-1]) for session_id, each in ends.items()}

    def find_ids(self, organization_id: str, part: str, *, limit: int) -> list[str]:
        """Ids that begin or end with ``part``."""
        values = {
            "organization_id": organization_id,
            "id": part,
            "placed_ms": partition_ms(part),
            "end": part[: -_INDEXED_END - 1 : -1],
            "limit": limit,
        }
        if self._readers.row(SQL["sort_key"], values) is not None:
            return [part]
        return [row[0] for row in self._readers.rows(SQL["ids_with_part"], values)]

    def find_neighbors(self, organization_id: str, completion_id: str, wanted: CompletionFilter) -> Neighbors:
        """The calls beside a call in the list of what matches."""
        wanted = self._complete(organization_id, wanted)
        values = {
            "organization_id": organization_id,
            "id": completion_id,
            "placed_ms": partition_ms(completion_id),
        }
        row = self._readers.row(SQL["sort_key"], values)
        if row is None:
            return Neighbors()

        def next_id(order: Order) -> str | None:
            after = _sort_key(row)
            found = self._read_rows(organization_id, wanted, "keys", limit=1, order=order, after=after)
            return found[0][1] if found else None

        return Neighbors(newer=next_id("oldest"), older=next_id("newest"))

    def find_deletion(self, organization_id: str, completion_id: str) -> int | None:
        """The day on which the record was deleted."""
        values = {
            "organization_id": organization_id,
            "record": deletions.hash_id(organization_id, completion_id),
        }
        row = self._readers.row(SQL["deletion_day"], values)
        return None if row is None else int(row[0]) * DAY_MS

    def count(
        self, organization_id: str, wanted: CompletionFilter, *, timeout_s: float = COUNT_TIMEOUT_S
    ) -> MatchCount:
        """How many completions match: exactly, or at least how many when that takes too long."""
        wanted = self._complete(organization_id, wanted)
        return count_records(self._readers, organization_id, wanted, timeout_s)

    def stream(
        self,
        organization_id: str,
        wanted: CompletionFilter,
        *,
        order: Order = "newest",
        limit: int | None = None,
    ) -> Iterator[StoredCompletion]:
        """Every whole record that matches, one by one."""
        wanted = self._complete(organization_id, wanted)  # raises now, not when the first record is asked for

        def read(after: KeysetPosition | None, size: int) -> list[Row]:
            return self._read_rows(organization_id, wanted, "records", limit=size, order=order, after=after)

        rows = read_in_batches(read, _sort_key, batch_size=_STREAMED, limit=limit)
        return (_to_stored(organization_id, row) for row in rows)

    def list_ungraded(
        self, organization_id: str, task_id: str, *, limit: int, cursor: str | None = None
    ) -> Page[StoredCompletion] | None:
        """Completions that wait for feedback, newest first; None when there is no such task."""
        task = self._feedback.task(organization_id, task_id)
        if task is None:
            return None
        after = _after(cursor)
        if not task.completion_tags_selector:
            return Page(items=(), next_cursor=None)
        asked = build_ungraded_query(organization_id, task_id, task.completion_tags_selector)
        rows = self._readers.rows(*asked.page("records", limit + 1, "newest", after))
        items = tuple(_to_stored(organization_id, row) for row in rows[:limit])
        return Page(items=items, next_cursor=next_cursor(rows, limit, _sort_key))

    def delete(self, organization_id: str, wanted: CompletionFilter) -> Future[int]:
        """Delete what matches everywhere it is; how many."""
        asked = build_query(organization_id, wanted)
        return self._deleter.run_without_transaction(
            lambda connection: delete_matching(connection, organization_id, asked)
        )

    def delete_one(self, organization_id: str, completion_id: str) -> Future[bool]:
        """Delete one record everywhere it is; False when there was none."""
        return self._deleter.run_without_transaction(
            lambda connection: delete_one(connection, organization_id, completion_id)
        )

    def _find_ids_of_ends(self, organization_id: str, session_ids: Sequence[str]) -> list[Row]:
        """Each session, whether it is its last call, and the id of the call; the last ones behind the first.

        A call stands in the day of its id, mostly the day on which it began. Where what is found there
        is not of the moment at which the session began or ended, all days are looked through. Of calls of
        one millisecond any is named.
        """
        values = {"organization_id": organization_id, "session_ids": session_ids}
        near = self._readers.rows(SESSION_ENDS_NEAR, values)
        right = Counter(row[0] for row in near if SORT_KEYS.began_ms(row[3]) == row[4])
        rows = [row[:3] for row in near if right[row[0]] == _ENDS]
        if others := [session_id for session_id in session_ids if right[session_id] < _ENDS]:
            rows += self._readers.rows(SESSION_ENDS, {**values, "session_ids": others})
        return rows

    def _complete(self, organization_id: str, wanted: CompletionFilter) -> CompletionFilter:
        if wanted.text is None or isinstance(wanted, SearchedFilter):
            return wanted
        parse_search_query(wanted.text)
        with self._readers.connection() as connection:
            return complete_words(connection, organization_id, wanted)

    def _read_rows(
        self,
        organization_id: str,
        wanted: CompletionFilter,
        projection: Projection,
        *,
        limit: int,
        order: Order,
        after: KeysetPosition | None,
    ) -> list[Row]:
        with self._readers.connection() as connection:
            return read_matching_rows(
                connection, organization_id, wanted, projection, limit=limit, order=order, after=after
            )


def _after(cursor: str | None) -> KeysetPosition | None:
    if cursor is None:
        return None
    place, completion_id = read_cursor(cursor, int, str)
    return place, completion_id


def _sort_key(row: Row) -> KeysetPosition:
    place, completion_id, *_ = row
    return place, completion_id


def _to_stored(organization_id: str, row: Row) -> StoredCompletion:
    place, completion_id, head, body, stack = row
    fields = decode(EncodedRecord(head=head, body=body, stack=stack), SORT_KEYS.began_ms(place))
    return StoredCompletion(organization_id=organization_id, id=completion_id, fields=fields)


def _to_summary(organization_id: str, row: Row) -> CompletionSummary:
    place, completion_id, head, model, input_tokens, output_tokens, *previews, charges, stack = row
    preview_request, preview_response, preview_tool = previews
    return CompletionSummary(
        organization_id=organization_id,
        id=completion_id,
        fields=decode_head(head, SORT_KEYS.began_ms(place)),
        model=model,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        preview_request=preview_request,
        preview_response=preview_response,
        preview_tool=preview_tool,
        call_site=decode_call_site(stack),
        charges=read_charges(charges),
    )
