"""Whether to try again, and after how long. No I/O; the clock is read for a date in ``Retry-After`` only."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from log10_trace.client.http_library import httpx, is_error
from log10_trace.domain.retry_after import parse_retry_after
from log10_trace.unpatched import time

Attempt: TypeAlias = httpx.Response | httpx.TransportError
"""What came of sending a request: an answer, or why there is none."""

_RETRYABLE_STATUSES: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_NOT_PROCESSED_STATUSES: Final = frozenset({425, 429})
"""Statuses that mean the request was not processed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often a request is tried, and how long is waited in between.

    What may be done twice is tried again after a lost connection, a time-out, and the answers that may pass
    (408, 425, 429, 500, 502, 503, 504); anything else only when it certainly was not acted on.
    """

    attempts: int = 3
    """Tries in all; 1 never tries again."""
    first_wait: float = 0.2
    """Seconds before the second try at most; doubled with every further try, with full jitter."""
    longest_wait: float = 30.0
    """Seconds; a server that asks for more (``Retry-After``) gets no further try."""
    jitter: Callable[[], float] = random.random

    def wait(self, attempt: int, outcome: Attempt, *, repeatable: bool) -> float | None:
        """Seconds to wait before the next try; none when there is to be none.

        Args:
            attempt: 1 for the first try.
            outcome: what came of it.
            repeatable: whether the request may be acted on twice.
        """
        if attempt >= self.attempts or not _is_retryable(outcome, repeatable=repeatable):
            return None
        retry_after = _retry_after(outcome)
        if retry_after is None:
            return min(self.longest_wait, self.first_wait * float(2 ** (attempt - 1))) * self.jitter()
        return retry_after if retry_after <= self.longest_wait else None


def _is_retryable(outcome: Attempt, *, repeatable: bool) -> bool:
    if not isinstance(outcome, Exception):
        return outcome.status_code in (_RETRYABLE_STATUSES if repeatable else _NOT_PROCESSED_STATUSES)
    never_sent = is_error(outcome, "ConnectError", "ConnectTimeout", "PoolTimeout")
    return (repeatable or never_sent) and not is_error(outcome, "UnsupportedProtocol")


def _retry_after(outcome: Attempt) -> float | None:
    if isinstance(outcome, Exception):
        return None
    return parse_retry_after(outcome.headers.get("retry-after"), time.time())
