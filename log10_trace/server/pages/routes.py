"""The operations of all pages: everything that a browser may ask for."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from log10_trace.server.http.api_errors import not_found
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.operations import READ, Operation
from log10_trace.server.pages.call import routes as call
from log10_trace.server.pages.calls import routes as calls
from log10_trace.server.pages.compare import routes as compare
from log10_trace.server.pages.grade import routes as grade
from log10_trace.server.pages.overview import routes as overview
from log10_trace.server.pages.rendering import static_file
from log10_trace.server.pages.sessions import routes as sessions
from log10_trace.server.pages.settings import routes as settings
from log10_trace.server.routes import events


async def static(context: RequestContext) -> Response:
    """A file that pages load."""
    answer = static_file(**context.request.path_params)
    if answer is None:
        raise not_found("file")
    return answer


PAGES: Final = (
    *calls.OPERATIONS,
    *call.OPERATIONS,
    *overview.OPERATIONS,
    *sessions.OPERATIONS,
    *grade.OPERATIONS,
    *settings.OPERATIONS,
    Operation("GET", "/events", events.events, READ),
    *compare.OPERATIONS,
    Operation("GET", "/static/{version}/{name}", static, None),
)
"""A read key's holder sees the pages; the static files are everybody's."""
