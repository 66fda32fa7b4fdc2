"""The server's application: routes, store, pages and middleware, put together."""

from __future__ import annotations

from typing import Final

from log10_trace.server.authentication.auth import Authenticator
from log10_trace.server.authentication.login_codes import LoginCodes
from log10_trace.server.http.change_feed import ChangeFeed
from log10_trace.server.http.forwarded import ProxyPolicy, proxy_policy
from log10_trace.server.http.gathered_writes import GatheredWrites
from log10_trace.server.http.host_policy import HostPolicy
from log10_trace.server.http.limits import InFlightBytes, Limits, RateLimiter
from log10_trace.server.http.metrics import Metrics
from log10_trace.server.http.middleware import RequestMiddleware
from log10_trace.server.http.read_threads import ReadThreads
from log10_trace.server.http.request_context import AppState
from log10_trace.server.http.responses import encode_json
from log10_trace.server.http.routing import router
from log10_trace.server.http.shared_reads import SharedReads
from log10_trace.server.openapi import build_document
from log10_trace.server.operations import OPERATIONS, SIGN_IN
from log10_trace.server.pages.rendering import error_page
from log10_trace.server.pages.routes import PAGES
from log10_trace.server.store.protocol import Store
from log10_trace.server.validation.schema_validator import SchemaValidator

OWN_PATHS: Final = tuple(operation.path for operation in (*OPERATIONS, *SIGN_IN, *PAGES))
"""The paths that are answered."""


def create_app(
    store: Store,
    host_policy: HostPolicy,
    *,
    codes: LoginCodes | None = None,
    limits: Limits | None = None,
    authenticator: Authenticator | None = None,
    proxies: ProxyPolicy | None = None,
) -> RequestMiddleware:
    """An ASGI application that serves ``store``.

    Args:
        store: The store; its opener closes it.
        host_policy: The host names under which the server answers.
        codes: The one-time codes that open the page.
        limits: Request limits.
        authenticator: Authenticates requests; by default with the store's keys only.
        proxies: Whose forwarded headers are read; by default those of this machine.
    """
    limits = limits or Limits()
    metrics = Metrics()
    service = AppState(
        store=store,
        writes=GatheredWrites(store.completions),
        authenticator=authenticator or Authenticator(store.keys),
        limits=limits,
        metrics=metrics,
        rates=RateLimiter(limits.requests_per_s),
        codes=codes or LoginCodes(),
        validator=SchemaValidator(),
        read_threads=ReadThreads(),
        feed=ChangeFeed(store.changes),
        shared_reads=SharedReads(),
        in_flight=InFlightBytes(limits.in_flight_bytes),
        document=encode_json(build_document(OPERATIONS)),
    )
    routes = router((*OPERATIONS, *SIGN_IN, *PAGES), service)
    return RequestMiddleware(
        routes,
        host_policy,
        metrics,
        error_page,
        proxies or proxy_policy(own_paths=OWN_PATHS),
        end_streams=service.feed.close,
    )
