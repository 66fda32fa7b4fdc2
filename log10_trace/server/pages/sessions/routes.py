"""The routes of the Sessions page, and of the page of one session."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from log10_trace.domain.filters import FILTER_NAMES
from log10_trace.server.http.api_errors import ApiError, from_store_error, not_found
from log10_trace.server.http.query_params import RequestParams
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.operations import READ, Operation
from log10_trace.server.pages.calls import list_view
from log10_trace.server.pages.filter_form import FilterForm, filter_form_from
from log10_trace.server.pages.rendering import page
from log10_trace.server.pages.sessions.session_view import session_view
from log10_trace.server.pages.urls import SESSIONS, PageURL, session_path
from log10_trace.server.routes.filters import parse_filters
from log10_trace.server.store.data_types import (
    CompletionFilter,
    CompletionSummary,
    Page,
    StoredCompletion,
)
from log10_trace.server.store.errors import CursorError, SearchError

_SESSIONS: Final = 50
_STEPS: Final = 25
"""How many a page shows, of each."""
_SESSION_CHARACTERS: Final = 32_000_000
"""Of the records of a session that a page shows; one record alone may have more."""


async def sessions(context: RequestContext) -> Response:
    """The sessions, the one with the latest call first."""
    return await context.read(_sessions, context)


async def session(context: RequestContext) -> Response:
    """One session as a conversation."""
    return await context.read(_session, context)


def _sessions(context: RequestContext) -> Response:
    conditions = filter_form_from(context.request.query_params.multi_items(), SESSIONS)
    shown: dict[str, object] = {"rows": (), "earlier": "", "is_first_page": True, "fault": ""}
    status = 200
    try:
        query = RequestParams(context.request.query_params, (*FILTER_NAMES, "cursor"))
        shown |= _session_rows(context, conditions, parse_filters(query), query.text("cursor"))
    except ApiError as refusal:
        status, shown["fault"] = refusal.status, refusal.describe()
    except (SearchError, CursorError) as error:
        status, shown["fault"] = from_store_error(error).status, from_store_error(error).describe()
    return page("sessions.html", status, root=context.root_path, conditions=conditions, **shown)


def _session_rows(
    context: RequestContext, conditions: FilterForm, wanted: CompletionFilter, cursor: str | None
) -> dict[str, object]:
    store, organization_id = context.store, context.organization_id
    found = store.sessions.page(organization_id, wanted, limit=_SESSIONS, cursor=cursor)
    rows = []
    for each in found.items:
        last = store.completions.page(organization_id, CompletionFilter(session_id=each.id), limit=1)
        rows.append(list_view.SessionRow(each, next(iter(list_view.rows(last, store.reports.prices)), None)))
    earlier = str(conditions.address.with_param("cursor", found.next_cursor)) if found.next_cursor else ""
    return {"rows": rows, "earlier": earlier, "is_first_page": cursor is None}


def _session(context: RequestContext) -> Response:
    store, organization_id = context.store, context.organization_id
    session_id = context.request.path_params["id"]
    found = store.sessions.get(organization_id, session_id)
    if found is None:
        raise not_found("session")
    cursor = context.request.query_params.get("cursor") or None
    wanted = CompletionFilter(session_id=session_id)

    def list_page(limit: int) -> Page[CompletionSummary]:
        return store.completions.page(organization_id, wanted, limit=limit, cursor=cursor, order="oldest")

    summaries = list_page(_STEPS)
    records, count = _records(context, summaries)
    if count < len(summaries.items):
        summaries = list_page(count)
    address = PageURL(session_path(session_id))
    later = str(address.with_param("cursor", summaries.next_cursor)) if summaries.next_cursor else ""
    view = session_view(found, records, later)
    return page("session.html", root=context.root_path, view=view)


def _records(
    context: RequestContext, summaries: Page[CompletionSummary]
) -> tuple[list[StoredCompletion], int]:
    """The records of the first summaries, as many as a page has memory for; and how many those are."""
    records: list[StoredCompletion] = []
    characters = 0
    for count, summary in enumerate(summaries.items):
        stored = context.store.completions.get(context.organization_id, summary.id)
        if stored is None:  # deleted since it was list_page
            continue
        characters += sum(map(len, stored.fields.values()))
        if records and characters > _SESSION_CHARACTERS:
            return records, count
        records.append(stored)
    return records, len(summaries.items)


OPERATIONS: Final = (
    Operation("GET", "/sessions", sessions, READ),
    Operation("GET", "/sessions/{id}", session, READ),
)
