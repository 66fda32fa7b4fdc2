"""``Completions`` on ClickHouse."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Final

from log10_trace.domain.charges import Charge
from log10_trace.domain.completion_record import CompletionRecord
from log10_trace.domain.times import DAY_MS
from log10_trace.server.store.clickhouse.connections import Connection, ReadPool, Row
from log10_trace.server.store.clickhouse.day_sums import read_day_sums
from log10_trace.server.store.clickhouse.deletion import Deleter
from log10_trace.server.store.clickhouse.filter_sql import ListPlace, build_where
from log10_trace.server.store.clickhouse.grading_queue import read_ungraded
from log10_trace.server.store.clickhouse.group_commit import GroupCommitWriter
from log10_trace.server.store.clickhouse.matching_rows import read_at, read_page, write_few
from log10_trace.server.store.clickhouse.queries import SQL
from log10_trace.server.store.clickhouse.record_rows import SORT_KEYS, Delivery, merged_fields, read_delivery
from log10_trace.server.store.clickhouse.records import WriteRequest, prepare
from log10_trace.server.store.clickhouse.text_search import BoundCondition, build_conditions
from log10_trace.server.store.common import deletions
from log10_trace.server.store.common.match_counting import find_group
from log10_trace.server.store.common.paging import next_cursor, read_cursor, read_in_batches
from log10_trace.server.store.common.passages import BodyPrefix, mark_matches, max_prefix_bytes
from log10_trace.server.store.common.record_codec import decode_head
from log10_trace.server.store.common.record_writes import ensure_id
from log10_trace.server.store.common.search_query import Phrase, add_prefixes, parse_search_query
from log10_trace.server.store.data_types import (
    CallSite,
    CompletionFilter,
    CompletionSummary,
    MatchCount,
    Neighbors,
    Order,
    Page,
    StoredCompletion,
    WriteResult,
)
from log10_trace.server.store.protocol import COUNT_TIMEOUT_S, READ_TIMEOUT_S, FeedbackStore

_STREAMED_AT_ONCE: Final = 200
_MILLISECOND_S: Final = 0.001
_LEAST_COUNT_S: Final = 5.0
"""How long a count may take at least: it reads a column or two, and is slow only where the engine is busy."""


class ClickHouseCompletions:
    """The records; see ``protocol.Completions``."""

    def __init__(
        self,
        readers: ReadPool,
        writer: GroupCommitWriter[WriteRequest, WriteResult],
        deleter: Deleter,
        feedback: FeedbackStore,
    ) -> None:
        self._readers = readers
        self._writer = writer
        self._deleter = deleter
        self._feedback = feedback

    def put(
        self, organization_id: str, incoming: CompletionRecord, *, replace_tags: bool = False
    ) -> Future[WriteResult]:
        """Create the record, or merge into the one with its id."""
        request = prepare(organization_id, ensure_id(incoming), replaces_tags=replace_tags)
        return self._writer.submit([request], WriteRequest.size)[0]

    def put_many(
        self, organization_id: str, incoming: Sequence[CompletionRecord]
    ) -> list[Future[WriteResult]]:
        """``put`` each, in order and in few commits."""
        requests = [prepare(organization_id, ensure_id(one)) for one in incoming]
        return self._writer.submit(requests, WriteRequest.size)

    def get(self, organization_id: str, completion_id: str) -> StoredCompletion | None:
        """The whole record, or None."""
        with self._readers.connection() as connection:
            return _read_listed(connection, organization_id, [completion_id]).get(completion_id)

    def get_many(self, organization_id: str, completion_ids: Sequence[str]) -> dict[str, StoredCompletion]:
        """The whole records of some ids, by id."""
        with self._readers.connection() as connection:
            return _read_listed(connection, organization_id, completion_ids)

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
        after = None if cursor is None else read_cursor(cursor, int, str)
        with self._readers.connection() as connection:
            wanted = complete_words(connection, organization_id, wanted)
            where = build_where(organization_id, wanted)
            found = read_page(connection, "summaries", where, limit=limit + 1, order=order, after=after)
            items = tuple(_to_summary(organization_id, row) for row in found[:limit])
            if with_passages and wanted.text is not None:
                items = _add_passages(connection, organization_id, items, parse_search_query(wanted.text))
        return Page(items=items, next_cursor=next_cursor(found, limit, place_of))

    def search(self, organization_id: str, wanted: CompletionFilter) -> CompletionFilter:  # noqa: ARG002 -- as the other stores
        """The filter as it is: to look for its words again takes little."""
        if wanted.text is not None:
            parse_search_query(wanted.text)
        return wanted

    def get_summaries(
        self, organization_id: str, completion_ids: Sequence[str]
    ) -> dict[str, CompletionSummary]:
        """The lines of these completions in a list, by id."""
        with self._readers.connection() as connection:
            return _read_summaries(connection, organization_id, completion_ids)

    def find_session_ends(
        self, organization_id: str, session_ids: Sequence[str]
    ) -> dict[str, tuple[CompletionSummary, CompletionSummary]]:
        """The first and the last call of each of some sessions."""
        values = {"organization_id": organization_id, "session_ids": list(session_ids)}
        with self._readers.connection() as connection:
            rows = connection.rows("session_ends", values)
            ends = {name: (first[1], last[1]) for name, first, last in rows}
            ids = sorted({completion_id for each in ends.values() for completion_id in each})
            found = _read_summaries(connection, organization_id, ids)
        return {
            name: (found[first], found[last])
            for name, (first, last) in ends.items()
            if first in found and last in found  # it may have been deleted meanwhile
        }

    def find_ids(self, organization_id: str, part: str, *, limit: int) -> list[str]:
        """Ids that begin or end with ``part``."""
        values = {"organization_id": organization_id, "part": part, "limit": limit}
        with self._readers.connection() as connection:
            if connection.rows("is_there", values):
                return [part]
            return [completion_id for (completion_id,) in connection.rows("ids_with_part", values)]

    def find_neighbors(self, organization_id: str, completion_id: str, wanted: CompletionFilter) -> Neighbors:
        """The calls beside a call in the list of what matches."""
        values = {"organization_id": organization_id, "ids": [completion_id]}
        with self._readers.connection() as connection:
            wanted = complete_words(connection, organization_id, wanted)
            where = build_where(organization_id, wanted)
            places = connection.rows("places", values)
            if not places:
                return Neighbors()
            after: ListPlace = (places[0][1], completion_id)

            def next_id(order: Order) -> str | None:
                found = read_page(connection, "keys", where, limit=1, order=order, after=after)
                return found[0][1] if found else None

            return Neighbors(newer=next_id("oldest"), older=next_id("newest"))

    def find_deletion(self, organization_id: str, completion_id: str) -> int | None:
        """The day on which the record was deleted."""
        record = deletions.hash_id(organization_id, completion_id)
        row = self._readers.row("deletion_day", {"organization_id": organization_id, "record": record})
        return None if row is None else int(row[0]) * DAY_MS

    def count(
        self, organization_id: str, wanted: CompletionFilter, *, timeout_s: float = COUNT_TIMEOUT_S
    ) -> MatchCount:
        """How many completions match: exactly, or at least how many when that takes too long.

        What the other stores' roll-ups know is counted however long it takes: a column or two are read.
        """
        if find_group(wanted) is not None:
            timeout_s = READ_TIMEOUT_S
        with self._readers.connection() as connection:
            wanted = complete_words(connection, organization_id, wanted)
            where = build_where(organization_id, wanted)
            if timeout_s < _MILLISECOND_S:
                return MatchCount(calls=0, is_exact=False)
            timeout_s = max(timeout_s, _LEAST_COUNT_S)
            began = time.monotonic()
            of_few = "" if wanted.is_span else _write_few(connection, where, timeout_s)
            sums = read_day_sums(connection, organization_id, wanted, "none")
            query = f"{SQL['count'].replace('@of_few', of_few)} {where.text} AND {sums.restrict_rows()}"
            left_s = max(timeout_s - (time.monotonic() - began), _LEAST_COUNT_S)
            began = time.monotonic()
            rows = connection.ask(query, where.values, timeout_s=left_s, keeps_part=True)
            # The engine measures less than this: what it gave within the time is all.
            is_exact = time.monotonic() - began < left_s
            summed = connection.ask(sums.write("summed_calls", {}), where.values) if sums.spans else ()
        return MatchCount(calls=sum(calls for (calls,) in (*rows, *summed)), is_exact=is_exact)

    def stream(
        self,
        organization_id: str,
        wanted: CompletionFilter,
        *,
        order: Order = "newest",
        limit: int | None = None,
    ) -> Iterator[StoredCompletion]:
        """Every whole record that matches, read in short steps."""
        with self._readers.connection() as connection:
            wanted = complete_words(connection, organization_id, wanted)
        where = build_where(organization_id, wanted)

        def read(after: ListPlace | None, size: int) -> list[tuple[ListPlace, StoredCompletion | None]]:
            with self._readers.connection() as connection:
                found = read_page(connection, "keys", where, limit=size, order=order, after=after)
                stored = read_stored(connection, organization_id, [row[1] for row in found])
            return [((row[0], row[1]), stored.get(row[1])) for row in found]

        rows = read_in_batches(read, lambda row: row[0], batch_size=_STREAMED_AT_ONCE, limit=limit)
        return (stored for _, stored in rows if stored is not None)

    def list_ungraded(
        self, organization_id: str, task_id: str, *, limit: int, cursor: str | None = None
    ) -> Page[StoredCompletion] | None:
        """Completions of a task without feedback."""
        after = None if cursor is None else read_cursor(cursor, int, str)
        task = self._feedback.task(organization_id, task_id)
        if task is None:
            return None
        with self._readers.connection() as connection:
            found = read_ungraded(connection, organization_id, task, limit=limit + 1, after=after)
            stored = read_stored(connection, organization_id, [row[1] for row in found[:limit]])
        items = tuple(stored[row[1]] for row in found[:limit] if row[1] in stored)
        return Page(items=items, next_cursor=next_cursor(found, limit, place_of))

    def delete(self, organization_id: str, wanted: CompletionFilter) -> Future[int]:
        """Delete what matches."""
        return self._deleter.delete(build_where(organization_id, wanted), organization_id)

    def delete_one(self, organization_id: str, completion_id: str) -> Future[bool]:
        """Delete one record."""
        return self._deleter.delete_one(organization_id, completion_id)


def read_stored(
    connection: Connection, organization_id: str, completion_ids: Sequence[str]
) -> dict[str, StoredCompletion]:
    """Whole records by id, without unknown ones; of ids that lists gave."""
    found = _read_deliveries(connection, organization_id, completion_ids)
    return {name: _join(organization_id, name, each) for name, each in found.items()}


def _read_listed(
    connection: Connection, organization_id: str, completion_ids: Sequence[str]
) -> dict[str, StoredCompletion]:
    """Whole records by id, those alone that stand in lists: a write that failed may have left deliveries."""
    found = _read_deliveries(connection, organization_id, completion_ids)
    if not found:
        return {}
    places = {(one.place, name) for name, each in found.items() for one in each}
    where = build_where(organization_id, CompletionFilter())
    listed = read_at(connection, "keys", where, sorted(places))
    return {name: _join(organization_id, name, found[name]) for _, name in listed}


def _read_deliveries(
    connection: Connection, organization_id: str, completion_ids: Sequence[str]
) -> dict[str, list[Delivery]]:
    """What came of records, each delivery once."""
    if not completion_ids:
        return {}
    found: dict[str, dict[int, Delivery]] = {}
    values = {"organization_id": organization_id, "ids": list(completion_ids)}
    for completion_id, *row in connection.rows("deliveries", values):
        delivery = read_delivery(row)
        found.setdefault(completion_id, {})[delivery.version] = delivery
    return {completion_id: list(each.values()) for completion_id, each in found.items()}


def _join(organization_id: str, completion_id: str, deliveries: Sequence[Delivery]) -> StoredCompletion:
    return StoredCompletion(
        organization_id=organization_id, id=completion_id, fields=merged_fields(deliveries)
    )


def complete_words(
    connection: Connection, organization_id: str, wanted: CompletionFilter
) -> CompletionFilter:
    """The filter, in whose text words that no record of the organization holds are beginnings of words."""

    def are_known(phrases: Iterable[Phrase]) -> list[bool]:
        return [_occurs(connection, organization_id, phrase) for phrase in phrases]

    return wanted if wanted.text is None else replace(wanted, text=add_prefixes(wanted.text, are_known))


def place_of(row: Row) -> ListPlace:
    """Where the record of a row stands in lists."""
    return row[0], row[1]


def _write_few(connection: Connection, where: BoundCondition, timeout_s: float) -> str:
    try:
        return write_few(connection, where, timeout_s=timeout_s)
    except TimeoutError:
        return ""


def _occurs(connection: Connection, organization_id: str, phrase: Phrase) -> bool:
    where = build_where(organization_id, CompletionFilter())
    (condition,) = build_conditions([phrase])
    query = f"{SQL['any']} {where.text} AND {condition.text} LIMIT 1"
    return bool(connection.ask(query, where.values | condition.values))


def _read_summaries(
    connection: Connection, organization_id: str, completion_ids: Sequence[str]
) -> dict[str, CompletionSummary]:
    if not completion_ids:
        return {}
    values = {"organization_id": organization_id, "ids": list(completion_ids)}
    places = [(place, completion_id) for completion_id, place in connection.rows("places", values)]
    where = build_where(organization_id, CompletionFilter())
    rows = read_at(connection, "summaries", where, places)
    return {row[1]: _to_summary(organization_id, row) for row in rows}


def _to_summary(organization_id: str, row: Row) -> CompletionSummary:
    place, completion_id, head, model, input_tokens, output_tokens, *previews, site = row[:-4]
    return CompletionSummary(
        organization_id=organization_id,
        id=completion_id,
        fields=decode_head(head, SORT_KEYS.began_ms(place)),
        model=model,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        preview_request=previews[0],
        preview_response=previews[1],
        preview_tool=previews[2],
        call_site=CallSite(*json.loads(site)) if site else None,
        charges=tuple(map(Charge, *row[-4:])),
    )


def _add_passages(
    connection: Connection,
    organization_id: str,
    summaries: Sequence[CompletionSummary],
    phrases: Sequence[Phrase],
) -> tuple[CompletionSummary, ...]:
    max_bytes = max_prefix_bytes(len(summaries))
    values = {
        "organization_id": organization_id,
        "ids": [summary.id for summary in summaries],
        "max_bytes": max_bytes,
    }
    bodies = {
        completion_id: BodyPrefix(skipped, body)
        for completion_id, (skipped, body) in connection.rows("body_prefixes", values)
    }
    return tuple(
        mark_matches(summary, bodies[summary.id], phrases, max_bytes) if summary.id in bodies else summary
        for summary in summaries
    )
