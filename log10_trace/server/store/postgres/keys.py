"""The keys of the API, in PostgreSQL."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Final

from log10_trace.domain.keys import Key, Scope
from log10_trace.server.store.common.last_use import LastUseThrottle
from log10_trace.server.store.postgres.connections import ReadPool, Row
from log10_trace.server.store.postgres.executor import SerialExecutor
from log10_trace.server.store.postgres.queries import load

_SQL: Final = load("keys.sql")


class PostgresKeys:
    """The keys; see ``protocol.Keys``."""

    def __init__(self, readers: ReadPool, tasks: SerialExecutor) -> None:
        self._readers = readers
        self._tasks = tasks
        self._last_use = LastUseThrottle()

    def add(self, organization_id: str, key: Key) -> Future[Key]:
        """Keep a key."""
        values = {
            "id": key.id,
            "organization_id": organization_id,
            "name": key.name,
            "scopes": sorted(scope.value for scope in key.scopes),
            "secret_hash": key.secret_hash,
            "created_ms": key.created_at_ms,
            "expires_ms": key.expires_at_ms,
            "revoked_ms": key.revoked_at_ms,
            "used_ms": key.last_used_at_ms,
        }
        return self._tasks.write(_SQL["add"], values, lambda _: key)

    def find(self, key_id: str) -> Key | None:
        """The key of this id, whosever it is."""
        row = self._readers.row(_SQL["find"], {"id": key_id})
        return _key(row) if row else None

    def list(self, organization_id: str | None = None) -> list[Key]:
        """The keys of an organization, or of all, oldest first."""
        rows = self._readers.rows(_SQL["list"], {"organization_id": organization_id})
        return [_key(row) for row in rows]

    def revoke(self, organization_id: str, key_id: str, *, now_ms: int) -> Future[bool]:
        """Revoke a key; False when there is none that is still valid."""
        values = {"organization_id": organization_id, "id": key_id, "now_ms": now_ms}
        return self._tasks.write(_SQL["revoke"], values, bool)

    def touch(self, organization_id: str, key_id: str, *, now_ms: int) -> None:
        """Note the key's use, about once a minute."""
        values = {"organization_id": organization_id, "id": key_id, "now_ms": now_ms}
        self._last_use.note(key_id, now_ms, lambda: self._tasks.write(_SQL["used"], values, bool))

    def revoke_page_session(
        self, organization_id: str, session_id: str, *, expires_at_ms: int, now_ms: int
    ) -> Future[None]:
        """Record that a page session signed out, and delete the records of expired ones."""
        values = {
            "organization_id": organization_id,
            "id": session_id,
            "expires_at_ms": expires_at_ms,
            "now_ms": now_ms,
        }
        return self._tasks.write(_SQL["revoke_page_session"], values, lambda _: None)

    def is_page_session_revoked(self, organization_id: str, session_id: str) -> bool:
        """Whether the page session signed out."""
        values = {"organization_id": organization_id, "id": session_id}
        return self._readers.row(_SQL["is_page_session_revoked"], values) is not None


def _key(row: Row) -> Key:
    key_id, organization_id, name, scopes, secret_hash, created_ms, expires_ms, revoked_ms, used_ms = row
    return Key(
        id=key_id,
        organization_id=organization_id,
        name=name,
        scopes=frozenset(Scope(scope) for scope in scopes),
        secret_hash=bytes(secret_hash),
        created_at_ms=created_ms,
        expires_at_ms=expires_ms,
        revoked_at_ms=revoked_ms,
        last_used_at_ms=used_ms,
    )
