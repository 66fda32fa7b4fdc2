"""What commits change, as server-sent events for every page that is open: one watch a process.

Events are numbered within one watch, so that a stream goes on where another of the same watch ended. One
that does not know where, or comes too late, is told that anything may have changed. Used on the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Final

from log10_trace.server.http.api_errors import unavailable
from log10_trace.server.store.data_types import CompletionChange
from log10_trace.server.store.protocol import Changes

GAP_S: Final = 0.1
"""Seconds between two events; what is committed meanwhile is told together. The first is sent at once."""
LINGER_S: Final = 60.0
"""Seconds that the watch goes on without a stream."""
MAX_KEPT: Final = 512
"""Events that a stream may be behind."""
MAX_NAMED: Final = 100
"""Changes of an organization that one event names; of more it says that anything may have changed."""
MAX_STREAMS: Final = 1_000
MAX_STREAMS_OF_KEY: Final = 200

_Event = dict[str, bytes] | None
"""The event's text for each organization that it concerns; None: anything may have changed for all."""


class ChangeFeed:
    """The events, and the streams that send them."""

    def __init__(self, changes: Changes, *, gap_s: float = GAP_S, linger_s: float = LINGER_S) -> None:
        self._changes = changes
        self._gap_s = gap_s
        self._linger_s = linger_s
        self._streams: Counter[str] = Counter()
        self._stop: Callable[[], None] | None = None
        self._stop_later: asyncio.TimerHandle | None = None
        self._watch_id = ""
        self._last = 0
        self._kept: deque[_Event] = deque(maxlen=MAX_KEPT)
        self._collected: dict[str, dict[str, CompletionChange]] | None = {}
        self._sent_at = -gap_s
        self._is_due = False
        self._woken = asyncio.Event()
        self.is_closed = False

    @property
    def position(self) -> str:
        """Where a stream begins that is to tell what changes from now on; empty while nobody watches."""
        return f"{self._watch_id}-{self._last}" if self._stop else ""

    @property
    def streams(self) -> int:
        """Streams that are open."""
        return self._streams.total()

    def open(self, organization_id: str, key_id: str, after: str = "") -> EventStream:
        """A stream of the organization's changes after a position; the caller closes it.

        Raises:
            ApiError: 503, when too many streams are open or the server stops.
        """
        if self.is_closed or self.streams >= MAX_STREAMS or self._streams[key_id] >= MAX_STREAMS_OF_KEY:
            raise unavailable("Too many pages wait for changes; ask again later.")
        self._streams[key_id] += 1
        self._watch()
        return EventStream(self, organization_id, key_id, self._number_of(after))

    def release(self, key_id: str) -> None:
        """Count a stream less; without any the watch ends a little later."""
        self._streams[key_id] -= 1
        self._streams += Counter()  # drops the keys without streams
        if not self._streams and self._stop_later is None:
            self._stop_later = asyncio.get_running_loop().call_later(self._linger_s, self._end_watch)

    def close(self) -> None:
        """End every stream, for good."""
        self.is_closed = True
        self._woken.set()
        self._end_watch()

    async def wait(self, timeout_s: float) -> bool:
        """Wait for the next event; False when none came in time."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._woken.wait(), timeout_s)
            return True
        return False

    def events_after(self, number: int | None, organization_id: str) -> tuple[int | None, bytes]:
        """The number of the last event, and the texts of those after ``number`` for the organization."""
        if not self._last:  # the store has not begun to tell
            return number, b""
        behind = self._last - number if number is not None else MAX_KEPT + 1
        if behind > len(self._kept):
            return self._last, _spell(self.position, None)
        missed = [self._kept[index] for index in range(-behind, 0)]
        if None in missed:
            return self._last, _spell(self.position, None)
        return self._last, b"".join(event.get(organization_id, b"") for event in missed if event)

    def _number_of(self, position: str) -> int | None:
        watch_id, _, number = position.partition("-")
        is_known = watch_id == self._watch_id and number.isdecimal() and len(number) < 20  # noqa: PLR2004 -- digits
        return int(number) if is_known and int(number) <= self._last else None

    def _watch(self) -> None:
        if self._stop_later is not None:
            self._stop_later.cancel()
            self._stop_later = None
        if self._stop is not None:
            return
        loop = asyncio.get_running_loop()
        self._watch_id, self._last = secrets.token_hex(4), 0
        self._kept.clear()
        watch_id = self._watch_id

        def listen(changes: Sequence[CompletionChange] | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._collect, watch_id, changes)

        self._stop = self._changes.watch(listen)

    def _end_watch(self) -> None:
        self._stop_later = None
        if self._stop is not None:
            self._stop()
            self._stop = None
            self._collected = {}

    def _collect(self, watch_id: str, changes: Sequence[CompletionChange] | None) -> None:
        if self._stop is None or watch_id != self._watch_id:
            return
        if changes is None:
            self._collected = None
        elif self._collected is not None:
            for change in changes:
                self._collected.setdefault(change.organization_id, {})[change.id] = change
        if not self._is_due:
            self._is_due = True
            wait_s = self._sent_at + self._gap_s - time.monotonic()
            asyncio.get_running_loop().call_later(max(wait_s, 0), self._send)

    def _send(self) -> None:
        self._is_due = False
        self._sent_at = time.monotonic()
        collected, self._collected = self._collected, {}
        if collected == {}:
            return
        self._last += 1
        self._kept.append(None if collected is None else _spell_each(self.position, collected))
        self._woken.set()
        self._woken = asyncio.Event()


class EventStream:
    """The events of one organization from a position on."""

    def __init__(self, feed: ChangeFeed, organization_id: str, key_id: str, number: int | None) -> None:
        self._feed = feed
        self._organization_id = organization_id
        self._key_id = key_id
        self._number = number

    def close(self) -> None:
        """Count the stream no more."""
        self._feed.release(self._key_id)

    async def next(self, timeout_s: float) -> bytes | None:
        """The next events; empty when none came in time, None when the server stops."""
        while not self._feed.is_closed:
            self._number, events = self._feed.events_after(self._number, self._organization_id)
            if events:
                return events
            if not await self._feed.wait(timeout_s):
                return b""
        return None


def _spell_each(position: str, changed: dict[str, dict[str, CompletionChange]]) -> dict[str, bytes]:
    return {
        organization_id: _spell(position, list(named.values())) for organization_id, named in changed.items()
    }


def _spell(position: str, changes: Sequence[CompletionChange] | None) -> bytes:
    """A server-sent event; its data are on one line, as JSON is without line breaks."""
    named = None
    if changes is not None and len(changes) <= MAX_NAMED:
        named = [{"id": each.id, "status": each.status, "session_id": each.session_id} for each in changes]
    return f"id: {position}\ndata: {json.dumps({'changes': named})}\n\n".encode()
