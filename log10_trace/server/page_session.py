"""The cookie of somebody who logged in on the page: names a key, holds none, and dies with it.

It is sealed with the hash that the store keeps of the key's secret, so no session has to be kept anywhere:
it outlives a restart, holds on every server of one database, and ends when the key is revoked.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from log10_trace.server.store.keys import Key


@dataclass(frozen=True, slots=True)
class PageSession:
    """A cookie's parts, not yet checked."""

    key_id: str
    expires_ms: int
    seal: str

    def is_sealed_by(self, key: Key) -> bool:
        """Whether the server itself made the cookie, for this key."""
        return hmac.compare_digest(_seal(key, self.expires_ms).encode(), self.seal.encode("utf-8", "replace"))


def make_cookie(key: Key, expires_ms: int) -> str:
    """The cookie of somebody who showed ``key``."""
    return f"{key.id}.{expires_ms}.{_seal(key, expires_ms)}"


def read_cookie(cookie: str) -> PageSession | None:
    """The parts of a cookie; none for anything else."""
    parts = cookie.split(".")
    if len(parts) != 3 or not (parts[1].isascii() and parts[1].isdigit()):  # noqa: PLR2004 -- the cookie's form
        return None
    return PageSession(parts[0], int(parts[1][:20]), parts[2])


def _seal(key: Key, expires_ms: int) -> str:
    message = f"page session of {key.id} until {expires_ms}".encode()
    return hmac.new(key.secret_hash, message, hashlib.sha256).hexdigest()
