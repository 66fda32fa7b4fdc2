"""The routes of the Calls page: the page, and its two parts that are fetched again when calls change."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from starlette.responses import Response

from log10_trace.domain.filters import FILTER_NAMES
from log10_trace.domain.times import DAY_MS
from log10_trace.server.http.api_errors import ApiError, from_store_error
from log10_trace.server.http.query_params import RequestParams
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.operations import READ, Operation
from log10_trace.server.pages.calls import twins
from log10_trace.server.pages.calls.figures import Counts, FiguresView, figures_view, statistics_query
from log10_trace.server.pages.calls.list_view import ListView, RowsView, rows_view
from log10_trace.server.pages.filter_form import FilterForm, filter_form_from
from log10_trace.server.pages.rendering import page
from log10_trace.server.pages.urls import CALL_TWINS, FIGURES, ROWS
from log10_trace.server.routes.filters import ORDERS, parse_filters
from log10_trace.server.store.data_types import CompletionFilter, Order, StatisticsQuery
from log10_trace.server.store.errors import CursorError, SearchError

_CALLS: Final = 50
_LATELY_MS: Final = 7 * DAY_MS
"""The models that were called so lately are offered."""


@dataclass(frozen=True, slots=True)
class _Query:
    """What a request asks of the list."""

    conditions: FilterForm
    wanted: CompletionFilter
    order: Order
    cursor: str | None


async def calls(context: RequestContext) -> Response:
    """The calls, newest first, with their filters and figures."""
    conditions = _conditions(context)
    try:
        query = _read_query(context, conditions)
    except ApiError as refusal:
        return await context.read(_error_page, context, conditions, refusal)
    try:
        view = await _list_view(context, query)
    except (SearchError, CursorError) as error:
        return await context.read(_error_page, context, conditions, from_store_error(error))
    return await context.read(_render, context, view)


async def rows(context: RequestContext) -> Response:
    """The rows alone, as they stand on the page of the same conditions."""
    return await _share(context, _rows_part)


async def figures(context: RequestContext) -> Response:
    """The figures and the chart alone, as they stand on the page of the same conditions."""
    return await _share(context, _figures_part)


async def _share(context: RequestContext, read: Callable[[RequestContext], Response]) -> Response:
    """A part that all pages with these conditions fetch at the same moment."""
    url = context.request.url
    key = (context.organization_id, context.root_path, url.path, url.query)
    return await context.service.shared_reads.get(
        key, context.feed_position, partial(context.read, read, context)
    )


def _read_query(context: RequestContext, conditions: FilterForm) -> _Query:
    query = RequestParams(context.request.query_params, (*FILTER_NAMES, "order", "cursor"))
    order = query.choice("order", ORDERS, "newest")
    return _Query(conditions, parse_filters(query), order, query.text("cursor"))


def _conditions(context: RequestContext) -> FilterForm:
    return filter_form_from(context.request.query_params.multi_items())


def _render(context: RequestContext, view: ListView) -> Response:
    return page("list.html", root=context.root_path, view=view, feed_position=context.feed_position)


def _rows_part(context: RequestContext) -> Response:
    view = _rows_view(context, _read_query(context, _conditions(context)))
    return page("calls_rows.html", root=context.root_path, view=view)


def _figures_part(context: RequestContext) -> Response:
    view = _figures_view(context, _search(context, _read_query(context, _conditions(context))))
    return page("calls_figures.html", root=context.root_path, view=view)


def _search(context: RequestContext, query: _Query) -> _Query:
    """The query with its words looked for, once for all that the page reads."""
    return replace(query, wanted=context.store.completions.search(context.organization_id, query.wanted))


async def _list_view(context: RequestContext, query: _Query) -> ListView:
    """What the page shows; its figures are read beside its rows."""
    if query.wanted.text is not None:
        query = await context.read(_search, context, query)
    figures, (found, models, tags) = await asyncio.gather(
        context.read(_figures_view, context, query), context.read(_rows_and_names, context, query)
    )
    return ListView(conditions=query.conditions, rows=found, figures=figures, models=models, tags=tags)


def _rows_and_names(
    context: RequestContext, query: _Query
) -> tuple[RowsView, tuple[str, ...], tuple[str, ...]]:
    """The rows, and the models and the tags that are offered."""
    store, organization_id = context.store, context.organization_id
    since_ms = (time.time_ns() // 1_000_000 - _LATELY_MS) // DAY_MS * DAY_MS  # whole days are read quickly
    lately = StatisticsQuery(group_by="model", since_ms=since_ms, series_groups=0)
    models = store.reports.statistics(organization_id, lately)
    return (
        _rows_view(context, query),
        tuple(sorted(group.key for group in models.groups if group.key)),
        tuple(store.reports.tags(organization_id)),
    )


def _rows_view(context: RequestContext, query: _Query) -> RowsView:
    store = context.store
    found = store.completions.page(
        context.organization_id,
        query.wanted,
        limit=_CALLS,
        cursor=query.cursor,
        order=query.order,
        with_passages=True,
    )
    return rows_view(query.conditions, found, store.reports.prices)


def _figures_view(context: RequestContext, query: _Query) -> FiguresView:
    store, organization_id = context.store, context.organization_id
    now_ms = time.time_ns() // 1_000_000
    matched = total = store.completions.count(organization_id, query.wanted)
    if query.wanted != CompletionFilter():
        total = store.completions.count(organization_id, CompletionFilter())
    counted = statistics_query(query.wanted, matched, now_ms)
    counts = Counts(
        wanted=query.wanted,
        matched=matched,
        total=total,
        query=counted,
        statistics=store.reports.statistics(organization_id, counted),
        now_ms=now_ms,
    )
    return figures_view(counts, query.conditions.address)


def _error_page(context: RequestContext, conditions: FilterForm, refusal: ApiError) -> Response:
    """The list's own page with what cannot be done, so that the filters can be mended where they stand."""
    view = ListView(conditions=conditions, fault=refusal.describe())
    return page("list.html", refusal.status, root=context.root_path, view=view)


OPERATIONS: Final = (
    Operation("GET", "/", calls, READ),
    Operation("GET", ROWS, rows, READ),
    Operation("GET", FIGURES, figures, READ),
    Operation("GET", CALL_TWINS, twins.twin, READ),
)
