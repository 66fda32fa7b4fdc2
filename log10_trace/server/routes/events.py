"""The stream of changes: server-sent events of the organization's own completions."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Final

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from log10_trace.domain import keys
from log10_trace.server.http.api_errors import ApiError
from log10_trace.server.http.change_feed import EventStream
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.store.errors import StoreError

_HEARTBEAT_S: Final = 15.0
"""Seconds of silence after which a sign of life is sent; proxies close what is silent for longer."""
_HEADERS: Final = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}
"""Neither caches nor proxies may hold the events back."""


_READY: Final = b"retry: 2000\nevent: ready\ndata:\n\n"
"""Sent first, so that a client knows that events come through. Without an id: what was missed is next."""
_BEAT: Final = b"event: beat\ndata:\n\n"


async def events(context: RequestContext) -> Response:
    """What commits change from now on, or after the event that the client had last."""
    if context.request.method == "HEAD":
        return Response(headers=_HEADERS, media_type="text/event-stream")
    after = context.request.headers.get("last-event-id") or context.request.query_params.get("after", "")
    feed = context.service.feed
    return _EventResponse(context, feed.open(context.organization_id, context.principal.key_id, after))


class _EventResponse(StreamingResponse):
    """Sends a stream, and closes it however the connection ends."""

    def __init__(self, context: RequestContext, stream: EventStream) -> None:
        super().__init__(_events(context, stream), headers=_HEADERS, media_type="text/event-stream")
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._stream.close()


async def _events(context: RequestContext, stream: EventStream) -> AsyncIterator[bytes]:
    yield _READY
    checked_at = time.monotonic()
    while (events := await stream.next(_HEARTBEAT_S)) is not None:
        if not events or time.monotonic() - checked_at >= _HEARTBEAT_S:
            if not await _is_still_welcome(context):
                return
            checked_at = time.monotonic()
        yield events or _BEAT


async def _is_still_welcome(context: RequestContext) -> bool:
    """Whether the key or the login that the stream began with is still good."""
    request = context.request
    try:
        principal = await context.service.authenticator.authenticate(request.headers, request.cookies)
    except ApiError:
        return False
    except StoreError:
        return True
    return principal.organization_id == context.organization_id and principal.has_scope(keys.Scope.READ)
