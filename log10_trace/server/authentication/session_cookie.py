"""The cookie of a page session: signed with the key's hash; revoking the key invalidates it.

It is sealed with the hash that the store keeps of the key's secret, so no session has to be kept anywhere:
it outlives a restart, is valid on every server of one database, and ends when the key is revoked. Only the
ids of sessions that signed out are kept, by the store, until their cookies expire.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Final

from log10_trace.domain.keys import Key

_ID_BYTES: Final = 16
_COOKIE: Final = re.compile(r"([0-9A-Za-z]{1,64})\.([0-9a-f]{32})\.([0-9]{1,20})\.([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class SessionCookie:
    """A cookie's parts, not yet checked."""

    key_id: str
    id: str
    expires_ms: int
    signature: str

    def is_signed_by(self, key: Key) -> bool:
        """Whether the server itself made the cookie, for this key."""
        return hmac.compare_digest(_seal(key, self.id, self.expires_ms), self.signature)


def make_cookie(key: Key, expires_ms: int) -> str:
    """The cookie of a new session of the holder of ``key``."""
    session_id = secrets.token_hex(_ID_BYTES)
    return f"{key.id}.{session_id}.{expires_ms}.{_seal(key, session_id, expires_ms)}"


def read_cookie(cookie: str) -> SessionCookie | None:
    """The parts of a cookie; None for anything else."""
    match = _COOKIE.fullmatch(cookie)
    return SessionCookie(match[1], match[2], int(match[3]), match[4]) if match else None


def _seal(key: Key, session_id: str, expires_ms: int) -> str:
    message = f"page session {session_id} of {key.id} until {expires_ms}".encode()
    return hmac.new(key.secret_hash, message, hashlib.sha256).hexdigest()
