"""One-time login codes, for the URLs that the server prints and those that ``log10-trace open`` opens."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from typing import Final

from log10_trace.server.authentication.auth import Principal

CODE_LIFETIME_S: Final = 15 * 60
"""How long a code waits for its use, in seconds."""
_MAX_OF_KEY: Final = 100
"""Unused codes of one key; with one more the oldest is forgotten."""


class LoginCodes:
    """Codes that were given out and not used. Used on the event loop only."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._given: dict[bytes, tuple[float, Principal]] = {}

    def issue(self, principal: Principal) -> str:
        """A code that stands for ``principal``, once."""
        given = [each for each, (_, holder) in self._given.items() if holder.key_id == principal.key_id]
        for oldest in given[: 1 - _MAX_OF_KEY]:
            del self._given[oldest]
        code = secrets.token_urlsafe(32)
        self._given[_hash(code)] = (self._clock() + CODE_LIFETIME_S, principal)
        return code

    def redeem(self, code: str) -> Principal | None:
        """What the code stands for; none when it was used before, has grown old, or never was."""
        until, principal = self._given.pop(_hash(code), (0.0, None))
        return principal if self._clock() < until else None


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode("utf-8", "replace")).digest()
