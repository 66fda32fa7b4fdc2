"""The list of sessions: each with what was asked first in it, and with the call that was made last."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from log10_trace.domain.call_labels import STARTED
from log10_trace.domain.filters import FILTER_NAMES
from log10_trace.server.http.query_params import RequestParams
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.pages import json_access
from log10_trace.server.pages.call_fields import FIELDS, CallFields, labels
from log10_trace.server.routes.filters import parse_filters
from log10_trace.server.routes.sessions import session_dict
from log10_trace.server.store.data_types import CompletionFilter, CompletionSummary, Page, SessionSummary

SESSIONS_PER_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One session of the list."""

    session: SessionSummary
    title: str
    """What was asked first in it; empty when that has no text."""
    last: CallFields | None
    """Of the call that was made last; None when there is none."""

    @property
    def is_running(self) -> bool:
        """Whether its last call runs."""
        return self.last is not None and self.last.status == STARTED

    @property
    def length(self) -> float:
        """Seconds from its beginning to the end of its last call."""
        last = (self.last and self.last.duration) or 0.0
        return (self.session.last_ms - self.session.first_ms) / 1000 + last

    def to_dict(self) -> dict[str, Any]:
        """The session as the API shows it, with its title."""
        return {**session_dict(self.session), "title": self.title, "running": self.is_running}


def read_sessions(context: RequestContext) -> Page[SessionRow]:
    """A page of the sessions that the request's query describes, the one with the latest call first.

    Raises:
        ApiError: the query cannot be used.
        CursorError: the cursor was not given by a page.
        SearchError: the text to search for holds no word.
    """
    query = RequestParams(context.request.query_params, (*FILTER_NAMES, "cursor"))
    found = context.store.sessions.page(
        context.organization_id,
        parse_filters(query),
        limit=SESSIONS_PER_PAGE,
        cursor=query.text("cursor"),
    )
    return Page(items=tuple(_read_rows(context, found)), next_cursor=found.next_cursor)


def read_first_call(context: RequestContext, session_id: str) -> CompletionSummary | None:
    """The call with which a session began; None when it has none."""
    wanted = CompletionFilter(session_id=session_id)
    found = context.store.completions.page(context.organization_id, wanted, limit=1, order="oldest")
    return next(iter(found.items), None)


def _read_rows(context: RequestContext, found: Page[SessionSummary]) -> Iterator[SessionRow]:
    session_ids = [session.id for session in found.items]
    ends = context.store.completions.find_session_ends(context.organization_id, session_ids)
    for session in found.items:
        first, last = ends.get(session.id, (None, None))
        fields = None if last is None else labels(last.id, json_access.values_of(last, FIELDS))
        yield SessionRow(session, "" if first is None else first.preview_request, fields)
