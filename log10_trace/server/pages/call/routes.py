"""The routes of the Call page, and of a record's exact text."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from log10_trace.server.http.api_errors import not_found
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.http.responses import json_bytes_response
from log10_trace.server.operations import READ, Operation
from log10_trace.server.pages.call.call_view import RAW, call_view
from log10_trace.server.pages.rendering import page
from log10_trace.server.pages.urls import completion_id_of
from log10_trace.server.routes import completions
from log10_trace.server.store.data_types import (
    StoredCompletion,
)


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


OPERATIONS: Final = (
    Operation("GET", "/completions/{id}.json", record, READ),
    Operation("GET", "/completions/{id}/{field}.json", body, READ),
    Operation("GET", "/completions/{id}", call, READ),
)
