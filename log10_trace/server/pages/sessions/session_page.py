"""Reads from the store what the page of one session shows: some of its calls, and where they are in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from log10_trace.server.http.api_errors import not_found
from log10_trace.server.http.query_params import RequestParams
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.pages.urls import PageURL, session_path
from log10_trace.server.store.data_types import (
    CompletionFilter,
    CompletionSummary,
    SessionSummary,
    StoredCompletion,
)

STEPS_PER_PAGE: Final = 50
_MAX_CHARACTERS: Final = 32_000_000
"""Of the records of a session that a page shows; one record alone may have more."""
_MAX_AT_ONCE: Final = 16
"""Records that are read together, where they are as long as those before them and so many fit."""
_PLACES: Final = ("start", "end")


@dataclass(frozen=True, slots=True)
class SessionPage:
    """Some consecutive calls of a session, oldest first."""

    session: SessionSummary
    records: tuple[StoredCompletion, ...]
    first_number: int
    """The number of the first of them in the session, from 1."""
    earlier: StoredCompletion | None
    """The call before them; None when they are the first."""
    later: str
    """The address of the calls after them; empty when they are the last."""


def get_session(context: RequestContext) -> SessionSummary:
    """The session that the request's path names.

    Raises:
        ApiError: 404, when there is none.
    """
    session_id = context.path_name()
    found = context.store.sessions.get(context.organization_id, session_id)
    if found is None:
        raise not_found("session")
    return found


def read_session_page(context: RequestContext) -> SessionPage:
    """The page of a session that the request's query names: the first one, one behind a cursor, or the last.

    Raises:
        ApiError: there is no such session, or the query cannot be used.
        CursorError: the cursor was not given by a page.
    """
    session = get_session(context)
    query = RequestParams(context.request.query_params, ("cursor", "from", "at", "view"))
    if query.choice("at", _PLACES, "start") == "end":
        return _read_end(context, session)
    cursor = query.text("cursor")
    number = (query.integer("from", least=1) or 1) if cursor else 1
    wanted = CompletionFilter(session_id=session.id)

    store, organization_id = context.store.completions, context.organization_id
    summaries = store.page(organization_id, wanted, limit=STEPS_PER_PAGE, cursor=cursor, order="oldest")
    records, count = _read_records(context, summaries.items)
    if count < len(summaries.items):
        summaries = store.page(organization_id, wanted, limit=count, cursor=cursor, order="oldest")
    later = ""
    if summaries.next_cursor:
        address = PageURL(session_path(session.id)).with_param("cursor", summaries.next_cursor)
        later = str(PageURL(address.path, (*address.pairs, ("from", str(number + count)))))
    earlier = _read_earlier(context, session, summaries.items) if cursor else None
    return SessionPage(session, tuple(records), number, earlier, later)


def _read_end(context: RequestContext, session: SessionSummary) -> SessionPage:
    wanted = CompletionFilter(session_id=session.id)
    summaries = context.store.completions.page(context.organization_id, wanted, limit=STEPS_PER_PAGE)
    records, _ = _read_records(context, summaries.items)
    records.reverse()
    number = max(1, session.calls - len(records) + 1)
    earlier = _read_earlier(context, session, records[:1]) if number > 1 else None
    return SessionPage(session, tuple(records), number, earlier, "")


def _read_earlier(
    context: RequestContext,
    session: SessionSummary,
    calls: Iterable[CompletionSummary | StoredCompletion],
) -> StoredCompletion | None:
    """The record before the first of the calls, within the session."""
    store, organization_id = context.store.completions, context.organization_id
    first = next(iter(calls), None)
    if first is None:
        return None
    wanted = CompletionFilter(session_id=session.id)
    earlier = store.find_neighbors(organization_id, first.id, wanted).older
    return None if earlier is None else store.get(organization_id, earlier)


def _read_records(
    context: RequestContext, summaries: Sequence[CompletionSummary]
) -> tuple[list[StoredCompletion], int]:
    """The records of the first summaries, as many as a page has memory for; and how many those are."""
    records: list[StoredCompletion] = []
    characters, size, ids = 0, 1, [summary.id for summary in summaries]
    done = 0
    while done < len(ids):
        asked = ids[done : done + size]
        found = context.store.completions.get_many(context.organization_id, asked)
        for number, completion_id in enumerate(asked, done):
            stored = found.get(completion_id)
            if stored is None:  # deleted since the summaries were read
                continue
            characters += sum(map(len, stored.fields.values()))
            if records and characters > _MAX_CHARACTERS:
                return records, number
            records.append(stored)
        done += size
        size = max(1, min(_MAX_AT_ONCE, (_MAX_CHARACTERS - characters) * done // (characters + 1)))
    return records, len(ids)
