"""``Transfer`` on ClickHouse."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future

from log10_trace.domain.completion_record import from_stored_fields
from log10_trace.server.store.clickhouse.connections import Connection, ReadPool
from log10_trace.server.store.clickhouse.filter_sql import ListPlace, build_where
from log10_trace.server.store.clickhouse.group_commit import GroupCommitWriter, SerialExecutor
from log10_trace.server.store.clickhouse.matching_rows import read_page
from log10_trace.server.store.clickhouse.record_rows import SORT_KEYS, Delivery, Key, derive, merged_texts
from log10_trace.server.store.clickhouse.records import WriteRequest, load_deliveries, split_by_size
from log10_trace.server.store.common.record_codec import read_texts
from log10_trace.server.store.common.sort_keys import CopiedSortKeys
from log10_trace.server.store.common.transfer import READ_AT_ONCE
from log10_trace.server.store.data_types import (
    Arrival,
    CompletionFilter,
    Deletion,
    Mark,
    PlacedRecord,
    PrunedSpan,
    RevokedPageSession,
    SessionSpan,
    WriteResult,
)


class ClickHouseTransfer:
    """All there is, for another database; see ``protocol.Transfer``."""

    def __init__(
        self,
        readers: ReadPool,
        writer: GroupCommitWriter[WriteRequest, WriteResult],
        tasks: SerialExecutor,
    ) -> None:
        self._readers = readers
        self._writer = writer
        self._tasks = tasks
        self._places = CopiedSortKeys(SORT_KEYS)

    def identify(self) -> str:
        """What the engine knows the table of records by."""
        row = self._readers.row("identity", {})
        return f"clickhouse {row[0] if row else ''}"

    def list_organizations(self) -> list[str]:
        """Every organization of which there is anything."""
        return [organization_id for (organization_id,) in self._readers.rows("all_organizations", {})]

    def read_records(self, organization_id: str, *, since_ms: int = 0) -> Iterator[PlacedRecord]:
        """Every record from a moment on; between two batches no connection is held."""
        where = build_where(organization_id, CompletionFilter(since_ms=since_ms))
        after: ListPlace | None = None
        while True:
            with self._readers.connection() as connection:
                found = read_page(connection, "keys", where, limit=READ_AT_ONCE, order="oldest", after=after)
                batches = split_by_size(connection, organization_id, [row[1] for row in found])
            for batch in batches:
                with self._readers.connection() as connection:
                    stored = load_deliveries(connection, batch)
                yield from (_to_placed(key, stored.pop(key)) for key in batch if key in stored)
            if len(found) < READ_AT_ONCE:
                return
            after = found[-1][0], found[-1][1]

    def put_records(self, organization_id: str, records: Sequence[PlacedRecord]) -> list[Future[WriteResult]]:
        """Write records at the places that are given."""
        requests = [_copy(organization_id, one, self._places.make(one.began_ms)) for one in records]
        return self._writer.submit(requests, WriteRequest.size)

    def read_marks(self, organization_id: str) -> Iterator[Mark]:
        """What else is kept."""
        values = {"organization_id": organization_id, "source": ""}
        yield from (SessionSpan(*row) for row in self._readers.rows("session_spans", values))
        yield from (Deletion(*row) for row in self._readers.rows("deletions", values))
        yield from (Arrival(*row) for row in self._readers.rows("ranges", values))
        yield from (RevokedPageSession(*row) for row in self._readers.rows("page_sessions", values))
        pruned = self._readers.row("pruned", {})
        if pruned and pruned[0]:
            yield PrunedSpan(pruned[0])

    def put_marks(self, organization_id: str, marks: Sequence[Mark]) -> Future[None]:
        """Add to what is kept."""

        def task(connection: Connection) -> None:
            _put_sessions(connection, organization_id, [one for one in marks if isinstance(one, SessionSpan)])
            for one in marks:
                if isinstance(one, Arrival):
                    connection.execute("add_arrival", {"organization_id": organization_id, **one._asdict()})
            deleted = [one for one in marks if isinstance(one, Deletion)]
            if deleted:
                # Of version 0: they mean no delivery that is here, such as one of a record made anew.
                connection.insert("deleted", [(organization_id, *one, 0) for one in deleted])
            signed_out = [one for one in marks if isinstance(one, RevokedPageSession)]
            if signed_out:
                connection.insert("revoked_page_sessions", [(organization_id, *one) for one in signed_out])
            pruned = [(1, one.before_ms) for one in marks if isinstance(one, PrunedSpan)]
            if pruned:
                connection.insert("pruned", pruned)

        return self._tasks.run(task)


def _to_placed(key: Key, deliveries: Sequence[Delivery]) -> PlacedRecord:
    began_ms = SORT_KEYS.began_ms(deliveries[0].place)
    return PlacedRecord(id=key[1], fields=read_texts(merged_texts(deliveries)), began_ms=began_ms)


def _copy(organization_id: str, one: PlacedRecord, place: int) -> WriteRequest:
    known = derive(from_stored_fields(one.id, organization_id, one.fields), one.began_ms, one.began_ms)
    return WriteRequest(organization_id, known, place=place)


def _put_sessions(connection: Connection, organization_id: str, spans: Sequence[SessionSpan]) -> None:
    """Two rows a session, since each tells one moment: lists take the first and the last."""
    rows = [
        (organization_id, span.id, moment, time.time_ns(), 0)
        for span in spans
        for moment in sorted({span.first_ms, span.last_ms})
    ]
    if rows:
        connection.insert("sessions", rows)
