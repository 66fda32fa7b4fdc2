"""Lists and summaries of sessions, over what an engine reads of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from log10_trace.domain.prices import Prices
from log10_trace.server.store.common.aggregates import Aggregate
from log10_trace.server.store.common.paging import LAST, next_cursor, read_cursor
from log10_trace.server.store.common.session_filter import SessionFinder, SessionKey, SessionRow
from log10_trace.server.store.common.usage_statistics import session_summary
from log10_trace.server.store.data_types import CompletionFilter, Page, SessionSummary
from log10_trace.server.store.protocol import Completions

_NEWEST: Final[SessionKey] = (LAST, "")


class SessionReads(ABC):
    """The reading half of ``protocol.Sessions``; an engine adds the queries."""

    def __init__(self, completions: Completions, prices: Prices) -> None:
        self._completions = completions
        self._prices = prices

    def page(
        self,
        organization_id: str,
        wanted: CompletionFilter | None = None,
        *,
        limit: int,
        cursor: str | None = None,
    ) -> Page[SessionSummary]:
        """Sessions with a call that is ``wanted``, the one with the latest call first."""
        after = _NEWEST if cursor is None else read_cursor(cursor, int, str)
        finder = SessionFinder(
            lambda calls, most: self._completions.page(organization_id, calls, limit=most),
            partial(self._read_after, organization_id),
            partial(self._read_one, organization_id),
        )
        rows = finder.find(wanted or CompletionFilter(), after, limit + 1)
        return Page(
            items=self._summarize(organization_id, rows[:limit]),
            next_cursor=next_cursor(rows, limit, lambda row: row.sort_key),
        )

    def get(self, organization_id: str, session_id: str) -> SessionSummary | None:
        """One session, or None."""
        row = self._read_one(organization_id, session_id)
        return None if row is None else self._summarize(organization_id, [row])[0]

    def _summarize(self, organization_id: str, rows: Sequence[SessionRow]) -> tuple[SessionSummary, ...]:
        totals = self._read_totals(organization_id, rows)
        return tuple(session_summary(*row, totals.get(row.id, Aggregate()), self._prices) for row in rows)

    @abstractmethod
    def _read_after(self, organization_id: str, after: SessionKey, limit: int) -> Sequence[SessionRow]:
        """At most ``limit`` sessions after a sort key, the latest first."""

    @abstractmethod
    def _read_one(self, organization_id: str, session_id: str) -> SessionRow | None:
        """The session of an id."""

    @abstractmethod
    def _read_totals(self, organization_id: str, rows: Sequence[SessionRow]) -> Mapping[str, Aggregate]:
        """The sums over the calls of sessions, by id; none of a session without calls."""
