"""The routes of the Call page, and of the exact texts of a record."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from log10_trace.server.http.api_errors import not_found
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.http.responses import json_bytes_response
from log10_trace.server.operations import ADMIN, GRADE, READ, Operation
from log10_trace.server.pages.call import copies, deletion, feedback
from log10_trace.server.pages.call.call_view import RAW
from log10_trace.server.pages.call.reading import get_stored
from log10_trace.server.pages.call.showing import show_call
from log10_trace.server.routes import completions


async def call(context: RequestContext) -> Response:
    """One call whole."""
    return await context.read(show_call, context)


async def record(context: RequestContext) -> Response:
    """The whole record, exactly as it is stored."""
    return json_bytes_response(completions.utf8(await context.read(get_stored, context)))


async def body(context: RequestContext) -> Response:
    """One body of a call, exactly as it is stored."""
    return await context.read(_body, context)


def _body(context: RequestContext) -> Response:
    stored = get_stored(context)
    field = context.request.path_params["field"]
    if field not in RAW or field not in stored.fields:
        raise not_found("part of a completion")
    return json_bytes_response(stored.fields[field].encode())


OPERATIONS: Final = (
    Operation("GET", "/completions/{id}.json", record, READ),
    Operation("GET", "/completions/{id}.md", copies.markdown, READ),
    Operation("GET", "/completions/{id}/messages.json", copies.messages, READ),
    Operation("GET", "/completions/{id}/request.sh", copies.curl, READ),
    Operation("GET", "/completions/{id}/request.py", copies.python, READ),
    Operation("GET", "/completions/{id}/media/{place}", copies.media, READ),
    Operation("GET", "/completions/{id}/{field}.json", body, READ),
    Operation("GET", "/completions/{id}/delete", deletion.confirm, ADMIN),
    Operation("POST", "/completions/{id}/delete", deletion.delete, ADMIN),
    Operation("POST", "/completions/{id}/feedback/{task}", feedback.give, GRADE),
    Operation("GET", "/completions/{id}", call, READ),
)
