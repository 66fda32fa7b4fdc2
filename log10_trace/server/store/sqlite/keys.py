"""``Keys`` on SQLite."""

from __future__ import annotations

import json
import sqlite3
from concurrent.futures import Future
from dataclasses import asdict

from log10_trace.domain.keys import Key, Scope
from log10_trace.server.store.common.last_use import LastUseThrottle
from log10_trace.server.store.sqlite.connection import SQL
from log10_trace.server.store.sqlite.readers import ReadPool
from log10_trace.server.store.sqlite.transaction import Transaction
from log10_trace.server.store.sqlite.writer import Writer


class SqliteKeys:
    """The keys of the API, hashed."""

    def __init__(self, writer: Writer, readers: ReadPool) -> None:
        self._writer = writer
        self._readers = readers
        self._last_use = LastUseThrottle()

    def add(self, organization_id: str, key: Key) -> Future[Key]:
        """Keep a key."""
        scopes = json.dumps(sorted(scope.value for scope in key.scopes))
        values = asdict(key) | {"organization_id": organization_id, "scopes": scopes}

        def job(transaction: Transaction) -> Key:
            transaction.execute("insert_key", values)
            return key

        return self._writer.submit(job)

    def find(self, key_id: str) -> Key | None:
        """The key of this id, whosever it is."""
        with self._readers.snapshot() as connection:
            row = connection.execute(SQL["find_key"], {"id": key_id}).fetchone()
        return None if row is None else _key(row)

    def list(self, organization_id: str | None = None) -> list[Key]:
        """The keys of an organization, or of all."""
        with self._readers.snapshot() as connection:
            rows = connection.execute(SQL["keys"], {"organization_id": organization_id})
            return list(map(_key, rows))

    def revoke(self, organization_id: str, key_id: str, *, now_ms: int) -> Future[bool]:
        """Revoke a key."""
        values = {"organization_id": organization_id, "id": key_id, "now_ms": now_ms}

        def job(transaction: Transaction) -> bool:
            return transaction.execute("revoke_key", values).rowcount > 0

        return self._writer.submit(job)

    def touch(self, organization_id: str, key_id: str, *, now_ms: int) -> None:
        """Note the key's use, about once a minute."""
        values = {"organization_id": organization_id, "id": key_id, "now_ms": now_ms}

        def job(transaction: Transaction) -> None:
            transaction.execute("use_key", values)

        self._last_use.note(key_id, now_ms, lambda: self._writer.submit(job))

    def revoke_page_session(
        self, organization_id: str, session_id: str, *, expires_at_ms: int, now_ms: int
    ) -> Future[None]:
        """Record that a page session signed out, and delete the records of expired ones."""
        values = {"organization_id": organization_id, "id": session_id, "expires_at_ms": expires_at_ms}

        def job(transaction: Transaction) -> None:
            transaction.execute("delete_expired_page_sessions", {"now_ms": now_ms})
            transaction.execute("revoke_page_session", values)

        return self._writer.submit(job)

    def is_page_session_revoked(self, organization_id: str, session_id: str) -> bool:
        """Whether the page session signed out."""
        values = {"organization_id": organization_id, "id": session_id}
        with self._readers.snapshot() as connection:
            return connection.execute(SQL["is_page_session_revoked"], values).fetchone() is not None


def _key(row: sqlite3.Row) -> Key:
    return Key(
        id=row["id"],
        organization_id=row["organization_id"],
        name=row["name"],
        scopes=frozenset(map(Scope, json.loads(row["scopes"]))),
        secret_hash=row["secret_hash"],
        created_at_ms=row["created_at_ms"],
        expires_at_ms=row["expires_at_ms"],
        revoked_at_ms=row["revoked_at_ms"],
        last_used_at_ms=row["last_used_at_ms"],
    )
