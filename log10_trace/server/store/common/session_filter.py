"""Which sessions a filter means: those with a call that matches, the latest first. No SQL here."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from log10_trace.server.store.data_types import CompletionFilter, CompletionSummary, Page
from log10_trace.server.store.errors import StoreBusyError
from log10_trace.server.store.protocol import READ_TIMEOUT_S

_FEW: Final = 500
"""Matching calls whose sessions are looked up by their ids; with more, sessions are walked in order."""
_ROWS: Final = 200
"""Sessions that are read at once."""


SessionKey = tuple[int, str]
"""Sort key of a session in lists: when its last call began (ms), and its id."""


class SessionRow(NamedTuple):
    """A session, and when its first and last call began."""

    id: str
    first_ms: int
    last_ms: int

    @property
    def sort_key(self) -> SessionKey:
        """Where it stands in lists."""
        return self.last_ms, self.id


@dataclass(frozen=True, slots=True)
class SessionFinder:
    """Finds the sessions of one organization with what its store can read."""

    calls: Callable[[CompletionFilter, int], Page[CompletionSummary]]
    """The newest matching calls, up to a limit."""
    after: Callable[[SessionKey, int], Sequence[SessionRow]]
    """Sessions after a sort key up to a limit, the latest first."""
    one: Callable[[str], SessionRow | None]
    """The session of an id."""

    def find(self, wanted: CompletionFilter, after: SessionKey, limit: int) -> list[SessionRow]:
        """At most ``limit`` sessions after a sort key, the latest first.

        Raises:
            SearchError: ``wanted.text`` holds no word.
            StoreBusyError: too few sessions match to be found in time.
        """
        if wanted.is_span:
            return self._walk(wanted, after, limit)
        few = self.calls(wanted, _FEW)
        if few.next_cursor is not None:
            return self._walk(wanted, after, limit)
        session_ids = {json.loads(call.fields.get("session_id", "null")) for call in few.items} - {None}
        rows = [row for session_id in session_ids if (row := self.one(session_id)) is not None]
        return sorted((row for row in rows if row.sort_key < after), key=_sort_key, reverse=True)[:limit]

    def _walk(self, wanted: CompletionFilter, after: SessionKey, limit: int) -> list[SessionRow]:
        deadline = time.monotonic() + READ_TIMEOUT_S
        found: list[SessionRow] = []
        while len(found) < limit:
            rows = self.after(after, _ROWS)
            for row in rows:
                if len(found) < limit and self._matches(row, wanted):
                    found.append(row)
                if time.monotonic() > deadline:
                    message = f"The query timed out after {READ_TIMEOUT_S} s; narrow it."
                    raise StoreBusyError(message)
            if len(rows) < _ROWS or (wanted.since_ms is not None and rows[-1].last_ms < wanted.since_ms):
                break
            after = rows[-1].sort_key
        return found

    def _matches(self, row: SessionRow, wanted: CompletionFilter) -> bool:
        since_ms, until_ms = wanted.since_ms, wanted.until_ms
        begins_too_late = until_ms is not None and row.first_ms >= until_ms
        if begins_too_late or (since_ms is not None and row.last_ms < since_ms):
            return False
        begins_before = since_ms is not None and row.first_ms < since_ms
        ends_after = until_ms is not None and row.last_ms >= until_ms
        if not wanted.is_span or (begins_before and ends_after):
            return bool(self.calls(replace(wanted, session_id=row.id), 1).items)
        return True  # its first or its last call lies in the span of time


def _sort_key(row: SessionRow) -> SessionKey:
    return row.sort_key
