"""``Transfer`` on SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Final

from log10_trace.domain.completion_record import from_stored_fields
from log10_trace.server.store.common import record_codec
from log10_trace.server.store.common.paging import read_in_batches
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
from log10_trace.server.store.sqlite import records
from log10_trace.server.store.sqlite.connection import SQL
from log10_trace.server.store.sqlite.readers import ReadPool
from log10_trace.server.store.sqlite.sort_keys import SORT_KEYS
from log10_trace.server.store.sqlite.transaction import LookupKey, Transaction
from log10_trace.server.store.sqlite.writer import WriteJob, Writer

_SPANS_AT_ONCE: Final = 1_000


class SqliteTransfer:
    """All there is, for another database; see ``protocol.Transfer``."""

    def __init__(self, path: Path, writer: Writer, readers: ReadPool) -> None:
        self._path = path
        self._writer = writer
        self._readers = readers

    def identify(self) -> str:
        """The file, whatever its name."""
        found = self._path.stat()
        return f"sqlite {found.st_dev} {found.st_ino}"

    def list_organizations(self) -> list[str]:
        """Every organization of which there is anything."""
        with self._readers.snapshot() as connection:
            return [row["organization_id"] for row in connection.execute(SQL["organizations"])]

    def read_records(self, organization_id: str, *, since_ms: int = 0) -> Iterator[PlacedRecord]:
        """Every record from a moment on, in short steps so that no snapshot is held for long."""
        after = SORT_KEYS.first_of(since_ms) - 1
        while found := self._positions_after(organization_id, after):
            for positions in split_by_bytes(found):
                with self._readers.snapshot() as connection:
                    values = {"positions": json.dumps(positions)}
                    rows = connection.execute(SQL["load_many"], values).fetchall()
                yield from map(_to_placed, rows)
                del rows  # before the next ones are read
            after = found[-1][0]

    def put_records(self, organization_id: str, records: Sequence[PlacedRecord]) -> list[Future[WriteResult]]:
        """Write records at the places that are given."""
        return self._writer.submit_all([_job(organization_id, one) for one in records])

    def read_marks(self, organization_id: str) -> Iterator[Mark]:
        """What else is kept."""
        yield from (SessionSpan(*row) for row in self._read_spans("session_spans", organization_id))
        yield from (Deletion(*row) for row in self._read_spans("deletions", organization_id))
        yield from self._read_arrivals(organization_id)
        values = {"organization_id": organization_id}
        with self._readers.snapshot() as connection:
            signed_out = connection.execute(SQL["revoked_page_sessions"], values).fetchall()
            pruned = connection.execute(SQL["pruned"]).fetchall()
        yield from (RevokedPageSession(*row) for row in signed_out)
        yield from (PrunedSpan(*row) for row in pruned)

    def put_marks(self, organization_id: str, marks: Sequence[Mark]) -> Future[None]:
        """Add to what is kept."""

        def job(transaction: Transaction) -> None:
            for mark in marks:
                _put_mark(transaction, organization_id, mark)

        return self._writer.submit(job)

    def _positions_after(self, organization_id: str, after: int) -> list[tuple[int, int]]:
        values = {"organization_id": organization_id, "after": after, "limit": READ_AT_ONCE}
        with self._readers.snapshot() as connection:
            return [
                (row["position"], row["bytes"]) for row in connection.execute(SQL["positions_after"], values)
            ]

    def _read_spans(self, name: str, organization_id: str) -> Iterator[sqlite3.Row]:
        def read(after: str | None, size: int) -> list[sqlite3.Row]:
            values = {"organization_id": organization_id, "after": after or "", "limit": size}
            with self._readers.snapshot() as connection:
                return connection.execute(SQL[name], values).fetchall()

        return read_in_batches(read, lambda row: str(row[0]), batch_size=_SPANS_AT_ONCE, limit=None)

    def _read_arrivals(self, organization_id: str) -> Iterator[Arrival]:
        def read(after: Arrival | None, size: int) -> list[Arrival]:
            source, first = (after.source, after.first) if after else ("", -1)
            values = {"organization_id": organization_id, "source": source, "first": first, "limit": size}
            with self._readers.snapshot() as connection:
                return [Arrival(*row) for row in connection.execute(SQL["arrivals"], values)]

        return read_in_batches(read, lambda one: one, batch_size=_SPANS_AT_ONCE, limit=None)


def _to_placed(row: sqlite3.Row) -> PlacedRecord:
    packed = record_codec.EncodedRecord(row["head"], row["body"], row["stack"])
    return PlacedRecord(
        id=row["id"],
        fields=record_codec.decode(packed),
        began_ms=SORT_KEYS.began_ms(row["position"]),
        packed=packed,
    )


def _job(organization_id: str, one: PlacedRecord) -> WriteJob[WriteResult]:
    incoming = from_stored_fields(one.id, organization_id, one.fields)
    draft = records.prepare(incoming, now_ms=one.began_ms, began_ms=one.began_ms, packed=one.packed)
    run = partial(_put, organization_id=organization_id, draft=draft)
    return WriteJob(run, draft.size, LookupKey(organization_id, one.id, one.began_ms))


def _put(transaction: Transaction, *, organization_id: str, draft: records.PreparedRecord) -> WriteResult:
    return records.put(transaction, organization_id, draft, is_copy=True)


def _put_mark(transaction: Transaction, organization_id: str, mark: Mark) -> None:
    match mark:
        case SessionSpan():
            transaction.execute_now("touch_session", (organization_id, *mark))
        case Arrival():
            transaction.add_sequence(organization_id, *mark)
        case Deletion():
            transaction.execute_now("remember_deleted", (organization_id, *mark))
        case RevokedPageSession():
            values = {"organization_id": organization_id, **mark._asdict()}
            transaction.execute_now("revoke_page_session", values)
        case PrunedSpan():
            transaction.note_pruned(mark.before_ms)
