"""Limits: the sizes that ``GET /api/v1/limits`` returns, and the request rate of a key."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from log10_trace.domain.json_slices import MAX_DEPTH
from log10_trace.domain.labels import MAX_LABEL, MAX_TAGS
from log10_trace.server.http.api_errors import ApiError, unavailable

MIB: Final = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Upper bounds, in bytes where the name says so.

    A request with a 20 MB image is a legitimate record: base64 and a native copy make it about 54 MB.
    """

    batch_items: int = 500
    batch_bytes: int = 64 * MIB
    body_bytes: int = 64 * MIB
    inflated_bytes: int = 128 * MIB
    form_bytes: int = MIB
    """For bodies other than records: feedback, tasks, a login."""
    in_flight_bytes: int = 256 * MIB
    """For the bodies of all requests that are being handled; beyond it, 503."""
    depth: int = MAX_DEPTH
    """How deep JSON may be nested."""
    tags: int = MAX_TAGS
    label_chars: int = MAX_LABEL
    """For an id, a tag and the like."""
    page_items: int = 1000
    request_s: float = 60.0
    """Seconds from the head of a request to its last byte."""
    head_s: float = 20.0
    """Seconds from the first byte of a request, or the opening of its connection, to the end of its head."""
    half_open_connections: int = 256
    """Connections without a whole head; beyond them the oldest is closed."""
    idle_connections: int = 512
    """Connections between two requests; beyond them the oldest is closed."""
    requests_per_s: float = 5000.0
    """For one key, with bursts of twice as many; 0 means no limit."""

    def as_dict(self) -> dict[str, int | float]:
        """What a client may want to know before it sends."""
        return {
            "batch_items": self.batch_items,
            "batch_bytes": self.batch_bytes,
            "body_bytes": self.body_bytes,
            "inflated_bytes": self.inflated_bytes,
            "depth": self.depth,
            "tags": self.tags,
            "label_chars": self.label_chars,
            "page_items": self.page_items,
            "request_s": self.request_s,
            "requests_per_s": self.requests_per_s,
        }


class InFlightBytes:
    """The bytes of all bodies being handled, bounded. Used on the event loop only."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0

    @property
    def held(self) -> int:
        """Number of bytes in flight."""
        return self._held

    def reserve(self, size: int) -> None:
        """Count ``size`` more bytes.

        Raises:
            ApiError: 503, when the bound would be passed. One body alone is always taken.
        """
        if self._held and self._held + size > self._most:
            raise unavailable("Too many request bytes in flight; try again.")
        self._held += size

    def release(self, size: int) -> None:
        """Count ``size`` bytes less."""
        self._held -= size


class RateLimiter:
    """A token bucket for each key: a rate of requests a second, with bursts of twice as many."""

    def __init__(self, per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def acquire(self, key: str) -> None:
        """Count one request of ``key``.

        Raises:
            ApiError: 429, when the key has no request left.
        """
        if self._per_s <= 0:
            return
        now = self._clock()
        burst = max(1.0, 2 * self._per_s)
        left, at = self._buckets.get(key, (burst, now))
        left = min(burst, left + (now - at) * self._per_s)
        if left < 1:
            message = f"This key sends more than {self._per_s:g} requests a second."
            wait_s = max(1, round((1 - left) / self._per_s))
            raise ApiError(429, "too_many_requests", message, retry_after_s=wait_s)
        self._buckets[key] = (left - 1, now)
