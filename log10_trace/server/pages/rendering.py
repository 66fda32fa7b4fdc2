"""Pages from templates: every value is escaped, so that a prompt is only ever text."""

from __future__ import annotations

from starlette.responses import HTMLResponse, Response

from log10_trace.server.refusal import Refusal


def error_page(refusal: Refusal) -> Response:
    """An error, for people."""
    return HTMLResponse("<!doctype html><title>error</title>", refusal.status, refusal.headers)
