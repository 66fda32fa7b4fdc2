"""``Transfer`` on PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import Final

from psycopg import Connection

from log10_trace.domain.completion_record import from_stored_fields
from log10_trace.server.store.common.paging import read_in_batches
from log10_trace.server.store.common.record_codec import EncodedRecord, decode
from log10_trace.server.store.common.sort_keys import CopiedSortKeys
from log10_trace.server.store.common.transfer import READ_AT_ONCE, split_by_bytes
from log10_trace.server.store.data_types import (
    Arrival,
    Deletion,
    Mark,
    PlacedRecord,
    PrunedSpan,
    RevokedPageSession,
    SessionSpan,
    WriteResult,
)
from log10_trace.server.store.postgres.arrays import rows_to_columns
from log10_trace.server.store.postgres.connections import ReadPool, Row
from log10_trace.server.store.postgres.executor import SerialExecutor
from log10_trace.server.store.postgres.group_commit import GroupCommitWriter
from log10_trace.server.store.postgres.index_keys import is_truncated, truncate_key
from log10_trace.server.store.postgres.partitioning import SORT_KEYS
from log10_trace.server.store.postgres.prepared_records import WriteRequest
from log10_trace.server.store.postgres.pruning import SQL as PRUNING
from log10_trace.server.store.postgres.queries import load
from log10_trace.server.store.postgres.records import SQL as RECORDS

_SQL: Final = load("transfer.sql")
_DELETING: Final = load("deleting.sql")
_KEYS: Final = load("keys.sql")
_SPANS_AT_ONCE: Final = 1_000


class PostgresTransfer:
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
        """The cluster and the database in it, wherever it is reached."""
        row = self._readers.row(_SQL["identity"], {})
        return f"postgresql {row}"

    def list_organizations(self) -> list[str]:
        """Every organization of which there is anything."""
        return [row[0] for row in self._readers.rows(_SQL["organizations"], {})]

    def read_records(self, organization_id: str, *, since_ms: int = 0) -> Iterator[PlacedRecord]:
        """Every record from a moment on; between two batches no connection is held."""
        after = SORT_KEYS.first_of(since_ms) - 1, ""
        while found := self._keys_after(organization_id, after):
            keys = (((row[1], row[2]), row[3]) for row in found)
            for batch in split_by_bytes(keys):
                values = {"organization_id": organization_id, **rows_to_columns(("ids", "placed"), batch)}
                yield from map(_to_placed, self._readers.rows(_SQL["records_at"], values))
            after = found[-1][0], found[-1][1]

    def put_records(self, organization_id: str, records: Sequence[PlacedRecord]) -> list[Future[WriteResult]]:
        """Write records at the places that are given."""
        requests = [
            WriteRequest(
                organization_id,
                from_stored_fields(one.id, organization_id, one.fields),
                place=self._places.make(one.began_ms),
                packed=one.packed,
            )
            for one in records
        ]
        return self._writer.submit(requests, WriteRequest.size)

    def read_marks(self, organization_id: str) -> Iterator[Mark]:
        """What else is kept, but for what stands under a truncated name: its records have the name whole."""
        spans = (SessionSpan(*row) for row in self._read_spans("session_spans", organization_id))
        yield from (span for span in spans if not is_truncated(span.id))
        yield from (Deletion(*row) for row in self._read_spans("deletions", organization_id))
        yield from (one for one in self._read_arrivals(organization_id) if not is_truncated(one.source))
        values = {"organization_id": organization_id}
        signed_out = self._readers.rows(_SQL["revoked_page_sessions"], values)
        yield from (RevokedPageSession(*row) for row in signed_out)
        yield from (PrunedSpan(*row) for row in self._readers.rows(_SQL["pruned"], {}))

    def put_marks(self, organization_id: str, marks: Sequence[Mark]) -> Future[None]:
        """Add to what is kept."""

        def task(connection: Connection[Row]) -> None:
            _put_spans(connection, organization_id, marks)
            _put_moments(connection, organization_id, marks)

        return self._tasks.run(task)

    def _keys_after(self, organization_id: str, after: tuple[int, str]) -> list[Row]:
        values = {
            "organization_id": organization_id,
            "place": after[0],
            "id": after[1],
            "limit": READ_AT_ONCE,
        }
        return self._readers.rows(_SQL["keys_after"], values)

    def _read_spans(self, name: str, organization_id: str) -> Iterator[Row]:
        def read(after: str | None, size: int) -> list[Row]:
            values = {"organization_id": organization_id, "after": after or "", "limit": size}
            return self._readers.rows(_SQL[name], values)

        return read_in_batches(read, lambda row: str(row[0]), batch_size=_SPANS_AT_ONCE, limit=None)

    def _read_arrivals(self, organization_id: str) -> Iterator[Arrival]:
        def read(after: Arrival | None, size: int) -> list[Arrival]:
            last = Arrival("", -1, -1) if after is None else after
            values = {"organization_id": organization_id, **last._asdict(), "limit": size}
            return [Arrival(*row) for row in self._readers.rows(_SQL["arrivals"], values)]

        return read_in_batches(read, lambda one: one, batch_size=_SPANS_AT_ONCE, limit=None)


def _to_placed(row: Row) -> PlacedRecord:
    place, completion_id, head, body, stack = row
    packed = EncodedRecord(head=head, body=body, stack=stack)
    return PlacedRecord(
        id=completion_id, fields=decode(packed), began_ms=SORT_KEYS.began_ms(place), packed=packed
    )


def _put_spans(connection: Connection[Row], organization_id: str, marks: Sequence[Mark]) -> None:
    names = ("organization_ids", "ids", "first", "last")
    spans = {truncate_key(one.id): one for one in marks if isinstance(one, SessionSpan)}
    if spans:
        rows = [(organization_id, name, one.first_ms, one.last_ms) for name, one in sorted(spans.items())]
        connection.execute(RECORDS["meet_sessions"], rows_to_columns(names, rows))
    arrived = [
        (organization_id, truncate_key(one.source), one.first, one.last)
        for one in marks
        if isinstance(one, Arrival)
    ]
    if arrived:
        names = ("organization_ids", "sources", "first", "last")
        connection.execute(RECORDS["add_arrivals"], rows_to_columns(names, arrived))


def _put_moments(connection: Connection[Row], organization_id: str, marks: Sequence[Mark]) -> None:
    deleted = {one.record: (organization_id, *one) for one in marks if isinstance(one, Deletion)}
    if deleted:
        names = ("organization_ids", "records", "contents", "days")
        rows = [deleted[record] for record in sorted(deleted)]
        connection.execute(_DELETING["remember"], rows_to_columns(names, rows))
    for one in marks:
        if isinstance(one, RevokedPageSession):
            values = {"organization_id": organization_id, "now_ms": time.time_ns() // 1_000_000}
            connection.execute(_KEYS["revoke_page_session"], {**values, **one._asdict()})
        elif isinstance(one, PrunedSpan):
            connection.execute(PRUNING["note_pruned"], one._asdict())
