"""WSGI middleware: one session for each request. For Flask, Django (WSGI) and others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from log10_trace.context import GeneratorScope, current
from log10_trace.integrations.request_session import SESSION_HEADER, RequestSession, check_header_name

__all__ = ["Log10Middleware"]

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


class Log10Middleware:
    """Opens a session around each request, until its body is sent and closed.

    ::

        app.wsgi_app = Log10Middleware(app.wsgi_app, response_header="X-Session-Id")

    Exceptions pass. A callable that raises, or gives what tags and metadata cannot be, is counted as a
    fault; the request goes on without them.

    Args:
        app: The WSGI application.
        tags: Tags of the session, or a function from the WSGI environ to them, such as
            ``lambda environ: [environ["PATH_INFO"]]``.
        metadata: Metadata of the session, or a function from the WSGI environ to it, which may give None.
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
        tags: Iterable[str] | Callable[[Environ], Iterable[str]] = (),
        metadata: Mapping[str, Any] | Callable[[Environ], Mapping[str, Any] | None] | None = None,
        session_header: str | None = SESSION_HEADER,
        response_header: str | None = None,
    ) -> None:
        self._app = app
        self._request_session = RequestSession(tags, metadata)
        header = check_header_name("session_header", session_header)
        self._session_key = None if header is None else "HTTP_" + header.upper().replace("-", "_")
        self._response_header = check_header_name("response_header", response_header)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        session_id = environ.get(self._session_key) if self._session_key else None
        with self._request_session.make(environ, session_id) as session:
            inside = GeneratorScope(current())
        with inside:
            body = self._app(environ, self._with_header(start_response, session.id))
            # A list has no code of its own to run, and a server sends a wrapped file without reading it.
            file_wrapper = environ.get("wsgi.file_wrapper")
            is_file = isinstance(file_wrapper, type) and isinstance(body, file_wrapper)
            if is_file or isinstance(body, list | tuple | bytes):
                return body
            return _Body(body, iter(body), inside)

    def _with_header(self, start_response: StartResponse, session_id: str) -> StartResponse:
        header = self._response_header
        if header is None:
            return start_response

        def start_with_header(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            if all(name.lower() != header.lower() for name, _ in headers):
                headers = [*headers, (header, session_id)]
            return start_response(status, headers, *exc_info)

        return start_with_header


class _Body:
    """The body of a response: its session is in force while it is read and closed, and only then."""

    def __init__(self, body: Iterable[bytes], pieces: Iterator[bytes], inside: GeneratorScope) -> None:
        self._body = body
        self._pieces = pieces
        self._inside = inside

    def __iter__(self) -> _Body:
        return self

    def __next__(self) -> bytes:
        with self._inside:
            return next(self._pieces)

    def close(self) -> None:
        """Close the application's body, if it has something to close."""
        close = getattr(self._body, "close", None)
        if close is not None:
            with self._inside:
                close()
