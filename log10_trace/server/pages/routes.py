"""The pages' routes: each reads the store for the principal's organization and renders a view."""

from __future__ import annotations

import time
from typing import Final

from starlette.responses import Response

from log10_trace.domain.filters import FILTER_NAMES
from log10_trace.server.http.api_errors import ApiError, from_store_error, not_found
from log10_trace.server.http.query_params import RequestParams
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.http.responses import json_bytes_response
from log10_trace.server.operations import READ, Operation
from log10_trace.server.pages import list_view
from log10_trace.server.pages.call_view import RAW, call_view
from log10_trace.server.pages.filter_form import FilterForm, filter_form_from
from log10_trace.server.pages.rendering import page, static_file
from log10_trace.server.pages.session_view import session_view
from log10_trace.server.pages.stats_panel import build_stats_panel, stats_query
from log10_trace.server.pages.urls import SESSIONS, PageURL, completion_id_of, session_path
from log10_trace.server.routes import completions
from log10_trace.server.routes.filters import ORDERS, parse_filters
from log10_trace.server.store.data_types import (
    CompletionFilter,
    CompletionSummary,
    Order,
    Page,
    StatisticsQuery,
    StoredCompletion,
)
from log10_trace.server.store.errors import CursorError, SearchError

_CALLS: Final = 50
_SESSIONS: Final = 50
_STEPS: Final = 25
"""How many a page shows, of each."""
_SESSION_CHARACTERS: Final = 32_000_000
"""Of the records of a session that a page shows; one record alone may have more."""
_LATELY_MS: Final = 7 * 24 * 3_600_000
"""The models that were called so lately are offered."""


async def calls(context: RequestContext) -> Response:
    """The calls, newest first, with their filters and figures."""
    return await context.read(_list, context)


async def call(context: RequestContext) -> Response:
    """One call whole."""
    return await context.read(_call, context)


async def record(context: RequestContext) -> Response:
    """The whole record, exactly as it is stored."""
    return json_bytes_response(completions.utf8(await context.read(_get_stored, context)))


async def body(context: RequestContext) -> Response:
    """One body of a call, exactly as it is stored."""
    return await context.read(_body, context)


def _body(context: RequestContext) -> Response:
    stored = _get_stored(context)
    field = context.request.path_params["field"]
    if field not in RAW or field not in stored.fields:
        raise not_found("part of a completion")
    return json_bytes_response(stored.fields[field].encode())


async def sessions(context: RequestContext) -> Response:
    """The sessions, the one with the latest call first."""
    return await context.read(_sessions, context)


async def session(context: RequestContext) -> Response:
    """One session as a conversation."""
    return await context.read(_session, context)


async def static(context: RequestContext) -> Response:
    """A file that pages load."""
    answer = static_file(context.request.path_params["name"])
    if answer is None:
        raise not_found("file")
    return answer


PAGES: Final = (
    Operation("GET", "/", calls, READ),
    Operation("GET", "/completions/{id}.json", record, READ),
    Operation("GET", "/completions/{id}/{field}.json", body, READ),
    Operation("GET", "/completions/{id}", call, READ),
    Operation("GET", "/sessions", sessions, READ),
    Operation("GET", "/sessions/{id}", session, READ),
    Operation("GET", "/static/{name}", static, None),
)
"""Everything that a browser may ask for; a read key's holder sees it, the static files are everybody's."""


def _list(context: RequestContext) -> Response:
    conditions = filter_form_from(context.request.query_params.multi_items())
    try:
        query = RequestParams(context.request.query_params, (*FILTER_NAMES, "order", "cursor"))
        order = query.choice("order", ORDERS, "newest")
        view = _list_view(context, conditions, parse_filters(query), order, query.text("cursor"))
    except ApiError as refusal:
        return _render_list_error(context, conditions, refusal)
    except (SearchError, CursorError) as error:
        return _render_list_error(context, conditions, from_store_error(error))
    return page("list.html", root=context.root_path, view=view)


def _list_view(
    context: RequestContext,
    conditions: FilterForm,
    wanted: CompletionFilter,
    order: Order,
    cursor: str | None,
) -> list_view.ListView:
    store, organization_id = context.store, context.organization_id
    found = store.completions.page(organization_id, wanted, limit=_CALLS, cursor=cursor, order=order)
    now_ms = time.time_ns() // 1_000_000
    query = stats_query(wanted, now_ms)
    lately = StatisticsQuery(group_by="model", interval="day", since_ms=now_ms - _LATELY_MS)
    models = store.reports.statistics(organization_id, lately)
    return list_view.ListView(
        conditions=conditions,
        rows=list_view.rows(found),
        older=list_view.older(conditions, found),
        stats_panel=build_stats_panel(store.reports.statistics(organization_id, query), wanted, query),
        models=tuple(sorted(group.key for group in models.groups if group.key)),
        tags=tuple(store.reports.tags(organization_id)),
    )


def _render_list_error(context: RequestContext, conditions: FilterForm, refusal: ApiError) -> Response:
    """The list's own page with what cannot be done, so that the filters can be mended where they stand."""
    view = list_view.ListView(conditions=conditions, fault=_fault(refusal))
    return page("list.html", refusal.status, root=context.root_path, view=view)


def _fault(refusal: ApiError) -> str:
    return f"{refusal.field}: {refusal.message}" if refusal.field else refusal.message


def _call(context: RequestContext) -> Response:
    is_whole = context.request.query_params.get("show") == "all"
    view = call_view(_get_stored(context), whole=is_whole)
    cost = context.store.reports.prices.cost_of(view.charges) if view.charges else None
    return page("call.html", root=context.root_path, view=view, cost=cost)


def _get_stored(context: RequestContext) -> StoredCompletion:
    completion_id = completion_id_of(context.request.path_params["id"])
    found = context.store.completions.get(context.organization_id, completion_id)
    if found is None:
        raise not_found("completion")
    return found


def _sessions(context: RequestContext) -> Response:
    conditions = filter_form_from(context.request.query_params.multi_items(), SESSIONS)
    shown: dict[str, object] = {"rows": (), "earlier": "", "is_first_page": True, "fault": ""}
    status = 200
    try:
        query = RequestParams(context.request.query_params, (*FILTER_NAMES, "cursor"))
        shown |= _session_rows(context, conditions, parse_filters(query), query.text("cursor"))
    except ApiError as refusal:
        status, shown["fault"] = refusal.status, _fault(refusal)
    except (SearchError, CursorError) as error:
        status, shown["fault"] = from_store_error(error).status, _fault(from_store_error(error))
    return page("sessions.html", status, root=context.root_path, conditions=conditions, **shown)


def _session_rows(
    context: RequestContext, conditions: FilterForm, wanted: CompletionFilter, cursor: str | None
) -> dict[str, object]:
    store, organization_id = context.store, context.organization_id
    found = store.sessions.page(organization_id, wanted, limit=_SESSIONS, cursor=cursor)
    rows = []
    for each in found.items:
        last = store.completions.page(organization_id, CompletionFilter(session_id=each.id), limit=1)
        rows.append(list_view.SessionRow(each, next(iter(list_view.rows(last)), None)))
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
