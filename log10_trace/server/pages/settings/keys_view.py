"""The keys of an organization as the settings show them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from log10_trace.domain.keys import OWN_USER, Key, Scope
from log10_trace.domain.times import rfc3339

SCOPES: Final = {
    Scope.INGEST: "sends calls, and reads none: the key for a program",
    Scope.READ: "reads calls, on these pages and by the API",
    Scope.FEEDBACK: "grades calls, and makes tasks",
    Scope.ADMIN: "does everything: these settings, deleting, all of the above",
}
"""What a key of each scope may do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """A key, without its secret."""

    id: str
    name: str
    scopes: tuple[str, ...]
    state: str
    """``valid``, ``expired`` or ``revoked``."""
    created_ms: int
    last_used_ms: int | None
    expires_ms: int | None
    revoked_ms: int | None
    is_own: bool
    """The reader is signed in with it."""
    is_last_admin: bool
    """No other valid key opens the settings."""

    @property
    def is_bootstrap(self) -> bool:
        """The programs and commands of the server's user find this key by themselves."""
        return self.name == OWN_USER

    def as_dict(self) -> dict[str, Any]:
        """The key as JSON has it."""
        moments = {
            "created_at": self.created_ms,
            "last_used_at": self.last_used_ms,
            "expires_at": self.expires_ms,
            "revoked_at": self.revoked_ms,
        }
        written = {name: None if ms is None else rfc3339(ms) for name, ms in moments.items()}
        return {"id": self.id, "name": self.name, "scopes": self.scopes, "state": self.state, **written}


def key_rows(keys: Iterable[Key], own_id: str, now_ms: int) -> tuple[KeyRow, ...]:
    """The keys of an organization, the newest first."""
    known = sorted(keys, key=lambda key: key.created_at_ms, reverse=True)
    admins = [key.id for key in known if key.is_valid(now_ms) and Scope.ADMIN in key.scopes]
    return tuple(_key_row(key, own_id, now_ms, is_last_admin=admins == [key.id]) for key in known)


def _key_row(key: Key, own_id: str, now_ms: int, *, is_last_admin: bool) -> KeyRow:
    state = "revoked" if key.revoked_at_ms is not None else "valid" if key.is_valid(now_ms) else "expired"
    return KeyRow(
        id=key.id,
        name=key.name,
        scopes=tuple(scope.value for scope in Scope if scope in key.scopes),
        state=state,
        created_ms=key.created_at_ms,
        last_used_ms=key.last_used_at_ms,
        expires_ms=key.expires_at_ms,
        revoked_ms=key.revoked_at_ms,
        is_own=key.id == own_id,
        is_last_admin=is_last_admin,
    )
