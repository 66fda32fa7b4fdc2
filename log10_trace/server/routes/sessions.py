"""Sessions: made by asking, or by the first call that names one."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import Response

from log10_trace.server.answer import json_answer
from log10_trace.server.query import Query
from log10_trace.server.refusal import not_found
from log10_trace.server.routes.filters import NAMES, filter_of
from log10_trace.server.routes.listing import DEFAULT_LIMIT
from log10_trace.server.store.created_at import rfc3339
from log10_trace.server.store.data_types import SessionSummary
from log10_trace.server.visit import Visit


async def create(visit: Visit) -> Response:
    """A new session; its id stands alone and, as the original API has it, in ``session``."""
    await visit.members(optional=True)
    session_id = await asyncio.wrap_future(visit.store.sessions.create(visit.organization_id))
    return json_answer({"id": session_id, "session": {"id": session_id}}, 201)


async def list_sessions(visit: Visit) -> Response:
    """Sessions with a call that passes the filters, the one with the latest call first."""
    query = Query(visit.request.query_params, (*NAMES, "limit", "cursor"))
    limit = query.whole("limit", least=1, most=visit.service.limits.page_items) or DEFAULT_LIMIT
    found = await visit.read(
        visit.store.sessions.page,
        visit.organization_id,
        filter_of(query),
        limit=limit,
        cursor=query.text("cursor"),
    )
    sessions = [session_dict(each) for each in found.items]
    return json_answer({"sessions": sessions, "next_cursor": found.next_cursor})


async def get(visit: Visit) -> Response:
    """One session."""
    session_id = visit.request.path_params["id"]
    found = await visit.read(visit.store.sessions.get, visit.organization_id, session_id)
    if found is None:
        raise not_found("session")
    return json_answer(session_dict(found))


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
