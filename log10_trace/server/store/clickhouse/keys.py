"""``Keys`` on ClickHouse. A key's row is merged of those that made, used and revoked it."""

from __future__ import annotations

import json
from concurrent.futures import Future

from log10_trace.domain.keys import Key, Scope
from log10_trace.server.store.clickhouse.connections import Connection, ReadPool, Row
from log10_trace.server.store.clickhouse.group_commit import SerialExecutor
from log10_trace.server.store.common.last_use import LastUseThrottle

_NOTHING = ("", "", "", 0, None)
"""Name, scopes, hash, and times of a row that only adds to a key."""


class ClickHouseKeys:
    """See ``protocol.Keys``."""

    def __init__(self, readers: ReadPool, tasks: SerialExecutor) -> None:
        self._readers = readers
        self._tasks = tasks
        self._last_use = LastUseThrottle()

    def add(self, organization_id: str, key: Key) -> Future[Key]:
        """Keep a key."""
        row = (
            organization_id,
            key.id,
            key.name,
            json.dumps(sorted(scope.value for scope in key.scopes)),
            key.secret_hash.hex(),
            key.created_at_ms,
            key.expires_at_ms,
            key.revoked_at_ms,
            key.last_used_at_ms,
        )

        def task(connection: Connection) -> Key:
            connection.insert("keys", [row])
            return key

        return self._tasks.run(task)

    def find(self, key_id: str) -> Key | None:
        """The key of this id, whosever it is."""
        row = self._readers.row("find_key", {"id": key_id})
        return None if row is None else _key(row)

    def list(self, organization_id: str | None = None) -> list[Key]:
        """The keys of an organization, or of all."""
        return list(map(_key, self._readers.rows("list_keys", {"organization_id": organization_id or ""})))

    def revoke(self, organization_id: str, key_id: str, *, now_ms: int) -> Future[bool]:
        """Revoke a key."""

        def task(connection: Connection) -> bool:
            keys = map(_key, connection.rows("find_key", {"id": key_id}))
            is_valid = any(
                key.organization_id == organization_id and key.revoked_at_ms is None for key in keys
            )
            if is_valid:
                connection.insert("keys", [(organization_id, key_id, *_NOTHING, now_ms, None)])
            return is_valid

        return self._tasks.run(task)

    def touch(self, organization_id: str, key_id: str, *, now_ms: int) -> None:
        """Note the key's use, about once a minute."""

        def task(connection: Connection) -> None:
            connection.insert("keys", [(organization_id, key_id, *_NOTHING, None, now_ms)])

        self._last_use.note(key_id, now_ms, lambda: self._tasks.run(task))

    def revoke_page_session(
        self, organization_id: str, session_id: str, *, expires_at_ms: int, now_ms: int
    ) -> Future[None]:
        """Record that a page session signed out, and delete the records of expired ones."""

        def task(connection: Connection) -> None:
            expired = {"now_ms": now_ms}
            if connection.rows("has_expired_page_sessions", expired):
                connection.execute("delete_expired_page_sessions", expired)
            connection.insert("revoked_page_sessions", [(organization_id, session_id, expires_at_ms)])

        return self._tasks.run(task)

    def is_page_session_revoked(self, organization_id: str, session_id: str) -> bool:
        """Whether the page session signed out."""
        values = {"organization_id": organization_id, "id": session_id}
        return self._readers.row("is_page_session_revoked", values) is not None


def _key(row: Row) -> Key:
    organization_id, key_id, name, scopes, secret_hash, *times = row
    created_at_ms, expires_at_ms, revoked_at_ms, last_used_at_ms = times
    return Key(
        id=key_id,
        organization_id=organization_id,
        name=name,
        scopes=frozenset(map(Scope, json.loads(scopes))),
        secret_hash=bytes.fromhex(secret_hash),
        created_at_ms=created_at_ms,
        expires_at_ms=expires_at_ms,
        revoked_at_ms=revoked_at_ms,
        last_used_at_ms=last_used_at_ms,
    )
