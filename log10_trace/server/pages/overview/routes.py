"""The routes of the Overview page and its twins."""

from __future__ import annotations

import time
from typing import Any, Final

from starlette.responses import Response

from log10_trace.domain.times import rfc3339
from log10_trace.server.http.query_params import RequestParams, timestamp_ms
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.http.responses import json_response
from log10_trace.server.operations import READ, Operation
from log10_trace.server.pages.filter_form import FilterForm, filter_form_from
from log10_trace.server.pages.overview import markdown
from log10_trace.server.pages.overview.overview_view import list_table_links, overview_view
from log10_trace.server.pages.overview.reading import TABLES, Overview, read_overview
from log10_trace.server.pages.overview.span import DEFAULT, make_span
from log10_trace.server.pages.rendering import page
from log10_trace.server.pages.urls import OVERVIEW
from log10_trace.server.routes.reports import SORTS, parse_group_by, totals_dict
from log10_trace.server.store.data_types import GroupBy

_BY: Final[tuple[GroupBy, ...]] = ("none", *TABLES)


async def overview(context: RequestContext) -> Response:
    """The overview of a span of time."""
    return await context.read(_render, context)


async def overview_json(context: RequestContext) -> Response:
    """The same figures as JSON."""
    return json_response(_to_json(await context.read(_read, context)))


async def overview_markdown(context: RequestContext) -> Response:
    """The same figures and tables as Markdown."""
    text = await context.read(_write_markdown, context)
    return Response(text.encode("utf-8", "replace"), media_type="text/markdown")


OPERATIONS: Final = (
    Operation("GET", OVERVIEW, overview, READ),
    Operation("GET", f"{OVERVIEW}.json", overview_json, READ),
    Operation("GET", f"{OVERVIEW}.md", overview_markdown, READ),
)


def _read(context: RequestContext) -> Overview:
    query = RequestParams(context.request.query_params, ("since", "until", "sort", "by"))
    now_ms = time.time_ns() // 1_000_000
    since = query.text("since") or DEFAULT
    only = parse_group_by(query, "by", _BY)
    since_ms = timestamp_ms("since", since, now_ms)
    span = make_span(since, since_ms, query.end_ms("until", now_ms), now_ms)
    return read_overview(
        context.store.reports,
        context.organization_id,
        span,
        query.choice("sort", SORTS, "cost"),
        None if only == "none" else only,
    )


def _read_form(context: RequestContext) -> FilterForm:
    form = filter_form_from(context.request.query_params.multi_items(), OVERVIEW)
    if form.value("since"):
        return form
    return filter_form_from((*form.address.pairs, ("since", DEFAULT)), OVERVIEW)


def _write_markdown(context: RequestContext) -> str:
    found = _read(context)
    return markdown.overview_markdown(found.span, overview_view(found, _read_form(context).address))


def _render(context: RequestContext) -> Response:
    found, form = _read(context), _read_form(context)
    return page(
        "overview.html",
        root=context.root_path,
        view=overview_view(found, form.address),
        form=form,
        offered=list_table_links(form.address, form.value("by")),
        twins=[
            (title, str(form.address.with_path(f"{OVERVIEW}.{ending}")))
            for title, ending in (("JSON", "json"), ("Markdown", "md"))
        ],
    )


def _to_json(found: Overview) -> dict[str, Any]:
    before = found.span.calls_before
    return {
        "since": rfc3339(found.span.since_ms),
        "until": rfc3339(found.span.end_ms),
        "before": {"since": rfc3339(before.since_ms or 0), "until": rfc3339(before.until_ms or 0)},
        "total": [totals_dict(each) for each in found.total.groups],
        "total_before": None if found.before is None else totals_dict(found.before),
        "series": [totals_dict(each) for each in found.total.series],
        "groups": {
            group_by: [
                {
                    **totals_dict(each),
                    "before": totals_dict(groups.before[each.key]) if each.key in groups.before else None,
                }
                for each in groups.found.groups
            ]
            for group_by, groups in found.tables.items()
        },
    }
