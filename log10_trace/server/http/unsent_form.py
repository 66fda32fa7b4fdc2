"""Forms that arrive after their sender's session has ended: kept through the sign-in, so none is lost."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from starlette.requests import Request

from log10_trace.server.http.api_errors import ApiError
from log10_trace.server.http.forms import FORM_TYPE
from log10_trace.server.http.request_context import RequestContext

_MAX_BYTES: Final = 256 * 1024
"""Of a form that is kept; it comes from somebody who is not known."""


class UnsentFormError(ApiError):
    """Who sent a form is not signed in any more.

    Args:
        refusal: The refusal of the request.
        path: Where the form was sent.
        body: The fields, as the browser encoded them.
    """

    def __init__(self, refusal: ApiError, path: str, body: str) -> None:
        super().__init__(refusal.status, refusal.code, refusal.message, headers=refusal.headers)
        self.path = path
        self.body = body


def is_page_form(request: Request) -> bool:
    """Whether the request submits a form of a page."""
    headers = request.headers
    declared = headers.get("content-type", "").partition(";")[0].strip().lower()
    return declared == FORM_TYPE and "text/html" in headers.get("accept", "")


async def keep_form(context: RequestContext, refusal: ApiError) -> ApiError:
    """The refusal with the form that the request submits; without it when it is too large."""
    path = quote(context.request.scope["path"])
    try:
        body = await context.body(_MAX_BYTES)
    except ApiError:
        return refusal
    return UnsentFormError(refusal, path, body.decode("utf-8", "replace"))
