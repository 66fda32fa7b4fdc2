"""ASGI middleware: one session for each HTTP request. For FastAPI, Starlette, Django (ASGI) and others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any

from log10_trace.integrations.request_session import SESSION_HEADER, RequestSession, check_header_name

__all__ = ["Log10Middleware"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Log10Middleware:
    """Opens a session around each HTTP request, until its body is sent and its background tasks are done.

    ::

        app.add_middleware(Log10Middleware, response_header="X-Session-Id")

    WebSockets and the lifespan pass untouched, and so do exceptions. A callable that raises, or gives what
    tags and metadata cannot be, is counted as a fault; the request goes on without them.

    Args:
        app: The ASGI application.
        tags: Tags of the session, or a function from the ASGI scope to them, such as
            ``lambda scope: [scope["path"]]``.
        metadata: Metadata of the session, or a function from the ASGI scope to it, which may give None.
        session_header: The request's header that has the session's id: 1 to 128 printable ASCII characters
            without spaces; without it, or with another value, the session is new. None: always new.
        response_header: The response's header that the session's id is sent in; default: none. One that the
            application sets itself stays.

    Raises:
        TypeError: tags or metadata are of another type, or a coroutine function.
        ValueError: the name of a header or the metadata cannot be used; the message names it.
    """

    def __init__(
        self,
        app: Application,
        *,
        tags: Iterable[str] | Callable[[Scope], Iterable[str]] = (),
        metadata: Mapping[str, Any] | Callable[[Scope], Mapping[str, Any] | None] | None = None,
        session_header: str | None = SESSION_HEADER,
        response_header: str | None = None,
    ) -> None:
        self._app = app
        self._request_session = RequestSession(tags, metadata)
        self._session_header = _encode(check_header_name("session_header", session_header))
        self._response_header = _encode(check_header_name("response_header", response_header))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with self._request_session.make(scope, self._read_session_id(scope)) as session:
            await self._app(scope, receive, self._with_header(send, session.id))

    def _read_session_id(self, scope: Scope) -> str | None:
        for name, value in scope["headers"]:
            if name == self._session_header:
                return str(value, "latin-1")
        return None

    def _with_header(self, send: Send, session_id: str) -> Send:
        header = self._response_header
        if header is None:
            return send

        async def send_with_header(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                if all(name.lower() != header for name, _ in headers):
                    message = {**message, "headers": [*headers, (header, session_id.encode("latin-1"))]}
            await send(message)

        return send_with_header


def _encode(header: str | None) -> bytes | None:
    return None if header is None else header.lower().encode("ascii")
