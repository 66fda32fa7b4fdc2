"""Which calls are recorded where ``sample_rate`` leaves some out: those of whole sessions."""

from __future__ import annotations

import random
from collections.abc import Callable
from hashlib import blake2b
from typing import Final, NamedTuple

from log10_trace.context import Scope

_HASH_BYTES: Final = 8


def count_nothing() -> None:
    """Without a delivery nobody asks for the number."""


class Sampling(NamedTuple):
    """The share of sessions that is recorded, what is kept of the others, and who counts what is left out."""

    rate: float = 1.0
    keep_failures: bool = False
    count_left_out: Callable[[], None] = count_nothing

    def keeps(self, scope: Scope) -> bool:
        """Whether a call in ``scope`` is recorded; the same for all calls of a session, in any process."""
        if self.rate >= 1:
            return True
        if scope.session is None:
            # The process's own session would keep all or nothing of a server that opens no others.
            return random.random() < self.rate  # noqa: S311 -- no secret
        return _share_of(scope.session.id) < self.rate


EVERYTHING: Final = Sampling()
"""Nothing is left out."""


def _share_of(session_id: str) -> float:
    """A number from 0 to 1 that is the same for the same session everywhere."""
    digest = blake2b(session_id.encode("utf-8", "surrogatepass"), digest_size=_HASH_BYTES).digest()
    return int.from_bytes(digest, "big") / (1 << 8 * _HASH_BYTES)
