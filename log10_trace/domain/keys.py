"""Keys: how one is made, written and checked. Only the hash of a key's secret is ever kept.

A key reads ``l10_<id>_<secret>``. The secret is 256 random bits, so one round of SHA-256 is enough.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

_PREFIX: Final = "l10"
OWN_USER: Final = "this machine's own user"
"""The name of the key that a server makes for the user who runs it."""
ID_BYTES: Final = 8
"""Of a key's id, written as hexadecimal digits."""
_SECRET_BYTES: Final = 32


class Scope(str, Enum):
    """What a key may do; ``admin`` may do everything, ``ingest`` cannot read."""

    INGEST = "ingest"
    READ = "read"
    FEEDBACK = "feedback"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key as it is kept, without its secret. Times are milliseconds since 1970, UTC."""

    id: str
    organization_id: str
    name: str
    scopes: frozenset[Scope]
    secret_hash: bytes
    created_at_ms: int
    expires_at_ms: int | None = None
    revoked_at_ms: int | None = None
    last_used_at_ms: int | None = None

    def allows(self, scope: Scope) -> bool:
        """Whether the key may do what ``scope`` stands for."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def is_valid(self, now_ms: int) -> bool:
        """Whether the key is neither revoked nor expired."""
        expired = self.expires_at_ms is not None and self.expires_at_ms <= now_ms
        return self.revoked_at_ms is None and not expired


def make_key(
    organization_id: str,
    scopes: Iterable[Scope],
    *,
    name: str = "",
    now_ms: int,
    expires_at_ms: int | None = None,
    key_id: str = "",
) -> tuple[str, Key]:
    """A new key: the token to show once, and what to keep. ``key_id`` is random unless it is given."""
    key_id, secret = key_id or secrets.token_hex(ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
    key = Key(
        id=key_id,
        organization_id=organization_id,
        name=name,
        scopes=frozenset(scopes),
        secret_hash=_hash(secret),
        created_at_ms=now_ms,
        expires_at_ms=expires_at_ms,
    )
    return f"{_PREFIX}_{key_id}_{secret}", key


def split_token(token: str) -> tuple[str, str] | None:
    """The id and the secret of a token; None when it is no token of ours."""
    prefix, _, rest = token.partition("_")
    key_id, _, secret = rest.partition("_")
    if prefix != _PREFIX or not key_id or not secret:
        return None
    return key_id, secret


def matches(secret: str, key: Key) -> bool:
    """Whether ``secret`` is the key's, compared in constant time."""
    return hmac.compare_digest(_hash(secret), key.secret_hash)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
