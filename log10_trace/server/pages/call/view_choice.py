"""Whether a reader wants texts as they came or rendered; a cookie remembers it."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from log10_trace.server.http.request_context import RequestContext

_COOKIE: Final = "log10_view"
_PARAMETER: Final = "view"
_RENDERED: Final = "rendered"
_CHOICES: Final = (_RENDERED, "plain")
_REMEMBERED_S: Final = 365 * 24 * 3_600


def is_rendered(request: Request) -> bool:
    """What the address says, else what was chosen last."""
    named = request.query_params.get(_PARAMETER)
    chosen = named if named in _CHOICES else request.cookies.get(_COOKIE)
    return chosen == _RENDERED


def remember(context: RequestContext, response: Response) -> None:
    """Set the cookie where the address made a choice."""
    named = context.request.query_params.get(_PARAMETER)
    if named in _CHOICES:
        response.set_cookie(
            _COOKIE,
            named,
            max_age=_REMEMBERED_S,
            path=context.root_path or "/",
            secure=context.request.scope["scheme"] == "https",
            httponly=True,
            samesite="strict",
        )
