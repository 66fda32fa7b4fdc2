"""ASGI middleware: host policy, error responses, security headers, access log, metrics.

What goes wrong further in becomes an answer here: a ``ApiError`` its own, a fault of ours a plain 500.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import quote, urlencode

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from log10_trace.guard import OpenStreams, guard
from log10_trace.server.http.api_errors import ApiError
from log10_trace.server.http.forwarded import FORWARDED_HOST, ROOT_PATH, ProxyPolicy
from log10_trace.server.http.host_policy import HostPolicy
from log10_trace.server.http.metrics import Metrics
from log10_trace.server.http.responses import error_response

access_log = logging.getLogger("log10_trace.access")
access_log.addFilter(OpenStreams())

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self'; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
SECURITY_HEADERS: Final = [
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    # Not no-referrer: with it browsers send "Origin: null" with our own forms.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]

UNAUTHORIZED: Final = 401
_BAD_PATH: Final = (
    "The path contains an encoded slash, backslash or NUL. "
    "Write an id that has one as ~ and its base64url without padding."
)

ErrorPage = Callable[[ApiError, str], Response]
"""Renders the page of an error, under a root path."""

SINGLE: Final = frozenset(
    (b"host", b"origin", b"sec-fetch-site", b"content-type", b"authorization", b"x-log10-token")
)
"""Headers that decide who is let in: of two, a proxy in front may have read the other."""


class RequestMiddleware:
    """An ASGI application around the routes.

    Attributes:
        end_streams: Ends the responses that would otherwise go on until their client leaves.
    """

    def __init__(
        self,
        routes: ASGIApp,
        host_policy: HostPolicy,
        metrics: Metrics,
        error_page: ErrorPage,
        proxies: ProxyPolicy,
        *,
        end_streams: Callable[[], None] = lambda: None,
    ) -> None:
        self.end_streams = end_streams
        self._routes = routes
        self._proxies = proxies
        self._host_policy = host_policy
        self._metrics = metrics
        self._error_page = error_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        scope = self._proxies.resolve(scope)
        began = time.perf_counter()
        outgoing = _ResponseSender(send)
        with self._metrics.in_progress.track_inprogress():
            refusal: ApiError | None = ApiError(500, "fault", "Internal error; see the server log.")
            with guard("answering a request"):
                refusal = await self._answer(scope, receive, outgoing)
            if refusal is not None and not outgoing.status:
                answer = self._render_error(refusal, scope) if wants_page(scope) else error_response(refusal)
                await answer(scope, receive, outgoing)
        self._record_metrics(scope, outgoing, time.perf_counter() - began)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> ApiError | None:
        headers = Headers(scope=scope)
        try:
            _check_single(scope)
            is_page = scope["method"] == "GET" and not is_api(scope["path"])
            self._host_policy.check(headers, page=is_page, forwarded_host=scope[FORWARDED_HOST])
            _check_path(scope)
            await self._routes(scope, receive, send)
        except ApiError as refusal:
            return refusal
        return None

    def _render_error(self, refusal: ApiError, scope: Scope) -> Response:
        """The error as a page; the sign-in form where only that is missing."""
        if refusal.status == UNAUTHORIZED and scope["method"] == "GET":
            return RedirectResponse(
                f"{scope[ROOT_PATH]}/login?{urlencode({'next': _path_and_query(scope)})}", 303
            )
        return self._error_page(refusal, scope[ROOT_PATH])

    def _record_metrics(self, scope: Scope, outgoing: _ResponseSender, seconds: float) -> None:
        route = scope.get("log10.route", "(none)")
        method = scope["method"] if scope["method"] in _METHODS else "(other)"
        self._metrics.requests.labels(method, route, outgoing.status).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        if access_log.isEnabledFor(logging.INFO):
            # The route's pattern and no query: ids, tags and searches are the users' own.
            line = {
                "method": method,
                "route": route,
                "status": outgoing.status,
                "duration_ms": round(seconds * 1000, 2),
                "bytes": outgoing.size,
                "key": scope.get("log10.key"),
                "client": (scope.get("client") or ("",))[0],
            }
            access_log.info(line)


_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class _ResponseSender:
    """``send`` that adds the security headers, and remembers the status and the size of the answer."""

    __slots__ = ("_send", "size", "status")

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        self.size = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message["headers"], *SECURITY_HEADERS]
        else:
            self.size += len(message.get("body", b""))
        await self._send(message)


def is_api(path: str) -> bool:
    """Whether the path is for programs, so that errors are JSON."""
    return path.startswith("/api/") or path in ("/healthz", "/metrics", "/openapi.json")


def wants_page(scope: Scope) -> bool:
    """Whether an error should be shown as a page."""
    return not is_api(scope["path"]) and "text/html" in Headers(scope=scope).get("accept", "")


def _path_and_query(scope: Scope) -> str:
    query = scope.get("query_string", b"").decode("ascii", "replace")
    path = quote(scope["path"])
    return f"{path}?{query}" if query else path


def _check_single(scope: Scope) -> None:
    """Refuse a request that has a header twice, or no ``Host``, as RFC 9112 section 3.2 says."""
    given = [name for name, _ in scope["headers"] if name in SINGLE]
    repeated = next((name for name in given if given.count(name) > 1), None)
    if repeated is not None:
        name = repeated.decode().title()
        raise ApiError(400, "repeated_header", f"The request has more than one {name} header.", field=name)
    if b"host" not in given and scope.get("http_version") != "1.0":
        raise ApiError(400, "no_host", "The request has no Host header.", field="Host")


def _check_path(scope: Scope) -> None:
    raw = scope.get("raw_path", b"").lower()
    if b"%2f" in raw or b"%00" in raw or b"%5c" in raw:
        raise ApiError(400, "bad_path", _BAD_PATH)
