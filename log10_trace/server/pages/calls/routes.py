"""The routes of the Calls page."""

from __future__ import annotations

import time
from typing import Final

from starlette.responses import Response

from log10_trace.domain.filters import FILTER_NAMES
from log10_trace.server.http.api_errors import ApiError, from_store_error
from log10_trace.server.http.query_params import RequestParams
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.operations import READ, Operation
from log10_trace.server.pages.calls import list_view
from log10_trace.server.pages.calls.stats_panel import build_stats_panel, stats_query
from log10_trace.server.pages.filter_form import FilterForm, filter_form_from
from log10_trace.server.pages.rendering import page
from log10_trace.server.routes.filters import ORDERS, parse_filters
from log10_trace.server.store.data_types import (
    CompletionFilter,
    Order,
    StatisticsQuery,
)
from log10_trace.server.store.errors import CursorError, SearchError

_CALLS: Final = 50
_LATELY_MS: Final = 7 * 24 * 3_600_000
"""The models that were called so lately are offered."""


async def calls(context: RequestContext) -> Response:
    """The calls, newest first, with their filters and figures."""
    return await context.read(_list, context)


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
    view = list_view.ListView(conditions=conditions, fault=refusal.describe())
    return page("list.html", refusal.status, root=context.root_path, view=view)


OPERATIONS: Final = (Operation("GET", "/", calls, READ),)
