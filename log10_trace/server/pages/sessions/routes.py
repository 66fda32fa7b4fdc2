"""The routes of the Sessions page, and of the page of one session."""

from __future__ import annotations

import time
from typing import Any, Final

from starlette.responses import Response

from log10_trace.server.http.api_errors import ApiError, from_store_error
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.http.responses import json_response
from log10_trace.server.operations import READ, Operation
from log10_trace.server.pages.call import view_choice
from log10_trace.server.pages.call.texts import Texts
from log10_trace.server.pages.filter_form import filter_form_from
from log10_trace.server.pages.rendering import page
from log10_trace.server.pages.sessions.exports import session_json, session_jsonl, session_markdown
from log10_trace.server.pages.sessions.session_list import read_first_call, read_sessions
from log10_trace.server.pages.sessions.session_page import read_session_page
from log10_trace.server.pages.sessions.session_view import session_view
from log10_trace.server.pages.urls import SESSIONS
from log10_trace.server.store.errors import CursorError, SearchError


async def sessions(context: RequestContext) -> Response:
    """The sessions, the one with the latest call first."""
    return await context.read(_sessions, context)


async def sessions_json(context: RequestContext) -> Response:
    """The sessions for programs."""
    found = await context.read(read_sessions, context)
    rows = [row.to_dict() for row in found.items]
    return json_response({"sessions": rows, "next_cursor": found.next_cursor})


async def session(context: RequestContext) -> Response:
    """One session as a story."""
    return await context.read(_session, context)


def _sessions(context: RequestContext) -> Response:
    given = context.request.query_params.multi_items()
    conditions = filter_form_from(given, SESSIONS)
    shown: dict[str, Any] = {"rows": (), "earlier": "", "fault": ""}
    status = 200
    try:
        found = read_sessions(context)
        shown["rows"] = found.items
        if found.next_cursor:
            shown["earlier"] = str(conditions.address.with_param("cursor", found.next_cursor))
    except ApiError as refusal:
        status, shown["fault"] = refusal.status, refusal.describe()
    except (SearchError, CursorError) as error:
        status, shown["fault"] = from_store_error(error).status, from_store_error(error).describe()
    return page(
        "sessions.html",
        status,
        root=context.root_path,
        feed_position=context.feed_position,
        conditions=conditions,
        is_first_page=not any(name == "cursor" for name, _ in given),
        **shown,
    )


def _session(context: RequestContext) -> Response:
    found = read_session_page(context)
    first = read_first_call(context, found.session.id)
    view = session_view(
        found.session,
        found.records,
        title=first.preview_request if first else "",
        later=found.later,
        now_ms=time.time_ns() // 1_000_000,
        earlier=found.earlier,
        first_number=found.first_number,
    )
    texts = Texts(
        [choice.turn for step in view.steps for choice in step.call.choices],
        [turn for step in view.steps for turn in step.added],
        rendered=view_choice.is_rendered(context.request),
    )
    return page(
        "session.html",
        root=context.root_path,
        feed_position=context.feed_position,
        view=view,
        texts=texts,
    )


OPERATIONS: Final = (
    Operation("GET", SESSIONS, sessions, READ),
    Operation("GET", f"{SESSIONS}.json", sessions_json, READ),
    Operation("GET", f"{SESSIONS}/{{id}}.json", session_json, READ),
    Operation("GET", f"{SESSIONS}/{{id}}.jsonl", session_jsonl, READ),
    Operation("GET", f"{SESSIONS}/{{id}}.md", session_markdown, READ),
    Operation("GET", f"{SESSIONS}/{{id}}", session, READ),
)
