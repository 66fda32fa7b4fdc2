"""Sessions: created by request, or by the first call that names one."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import Response

from log10_trace.domain.filters import FILTER_NAMES
from log10_trace.domain.times import rfc3339
from log10_trace.server.http.api_errors import not_found
from log10_trace.server.http.query_params import RequestParams
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.http.responses import json_response
from log10_trace.server.routes.filters import parse_filters
from log10_trace.server.routes.listing import DEFAULT_LIMIT
from log10_trace.server.store.data_types import SessionSummary


async def create(context: RequestContext) -> Response:
    """A new session; its id stands alone and, as the original API has it, in ``session``."""
    await context.json_object(optional=True)
    session_id = await asyncio.wrap_future(context.store.sessions.create(context.organization_id))
    return json_response({"id": session_id, "session": {"id": session_id}}, 201)


async def list_sessions(context: RequestContext) -> Response:
    """Sessions with a call that passes the filters, the one with the latest call first."""
    query = RequestParams(context.request.query_params, (*FILTER_NAMES, "limit", "cursor"))
    limit = query.integer("limit", least=1, most=context.service.limits.page_items) or DEFAULT_LIMIT
    found = await context.read(
        context.store.sessions.page,
        context.organization_id,
        parse_filters(query),
        limit=limit,
        cursor=query.text("cursor"),
    )
    sessions = [session_dict(each) for each in found.items]
    return json_response({"sessions": sessions, "next_cursor": found.next_cursor})


async def get(context: RequestContext) -> Response:
    """One session."""
    session_id = context.path_name()
    found = await context.read(context.store.sessions.get, context.organization_id, session_id)
    if found is None:
        raise not_found("session")
    return json_response(session_dict(found))


def session_dict(session: SessionSummary) -> dict[str, Any]:
    """The session as the API shows it."""
    return {
        "id": session.id,
        "first_at": rfc3339(session.first_ms),
        "last_at": rfc3339(session.last_ms),
        "calls": session.calls,
        "failed": session.failed,
        "input_tokens": session.input_tokens,
        "output_tokens": session.output_tokens,
        "cost": session.cost,
    }
