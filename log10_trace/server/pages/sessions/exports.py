"""A session for programs and for readers elsewhere: JSON, JSON Lines, Markdown."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from starlette.responses import Response, StreamingResponse

from log10_trace.domain.session_markdown import write_session
from log10_trace.domain.session_story import FIELDS, tell_story
from log10_trace.server.http.query_params import RequestParams
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.http.responses import encode_json, json_bytes_response
from log10_trace.server.pages import json_access
from log10_trace.server.pages.sessions.session_list import read_first_call
from log10_trace.server.pages.sessions.session_page import get_session
from log10_trace.server.routes.listing import chunk_lines, export_completions
from log10_trace.server.routes.sessions import session_dict
from log10_trace.server.store.data_types import CompletionFilter, StoredCompletion


async def session_json(context: RequestContext) -> Response:
    """The session, and what lists show of its calls, oldest first, a page of them."""
    return json_bytes_response(await context.read(_write_json, context))


async def session_jsonl(context: RequestContext) -> Response:
    """Every record of the session, oldest first, one a line."""
    session = await context.read(get_session, context)
    wanted = CompletionFilter(session_id=session.id)
    return await export_completions(context, wanted, "oldest", None, "jsonl", name="session")


async def session_markdown(context: RequestContext) -> Response:
    """The session as a story in Markdown."""
    pieces = await context.read_pieces(chunk_lines(_write_markdown(context)))
    return StreamingResponse(pieces, media_type="text/markdown")


def _write_json(context: RequestContext) -> bytes:
    session = get_session(context)
    query = RequestParams(context.request.query_params, ("cursor",))
    found = context.store.completions.page(
        context.organization_id,
        CompletionFilter(session_id=session.id),
        limit=context.service.limits.page_items,
        cursor=query.text("cursor"),
        order="oldest",
    )
    first = read_first_call(context, session.id)
    head = {"session": {**session_dict(session), "title": first.preview_request if first else ""}}
    calls = ",".join(summary.to_json(context.store.reports.prices) for summary in found.items)
    tail = encode_json({"next_cursor": found.next_cursor})[1:]
    return encode_json(head)[:-1] + b',"calls":[' + calls.encode("utf-8", "surrogatepass") + b"]," + tail


def _write_markdown(context: RequestContext) -> Iterator[bytes]:
    session = get_session(context)
    first = read_first_call(context, session.id)
    wanted = CompletionFilter(session_id=session.id)
    records = context.store.completions.stream(context.organization_id, wanted, order="oldest")
    steps = tell_story(map(_read_values, records), time.time_ns() // 1_000_000)
    for piece in write_session(session.id, first.preview_request if first else "", steps):
        yield piece.encode("utf-8", "replace")


def _read_values(stored: StoredCompletion) -> dict[str, Any]:
    return {**json_access.values_of(stored, FIELDS), "id": stored.id}
