"""The server's application: the store behind the routes, the edge around them."""

from __future__ import annotations

from typing import Final

from log10_trace.server.answer import encoded
from log10_trace.server.api import OPERATIONS, SIGN_IN
from log10_trace.server.auth import Gate
from log10_trace.server.door import Door
from log10_trace.server.edge import Edge
from log10_trace.server.endpoint import router
from log10_trace.server.examiner import Examiner
from log10_trace.server.forwarded import ProxyPolicy, proxy_policy
from log10_trace.server.limits import InFlight, Limits, Rates
from log10_trace.server.login_codes import LoginCodes
from log10_trace.server.metrics import Metrics
from log10_trace.server.openapi import document
from log10_trace.server.pages.rendering import error_page
from log10_trace.server.pages.routes import PAGES
from log10_trace.server.read_threads import ReadThreads
from log10_trace.server.store.protocol import Store
from log10_trace.server.visit import Service

OWN_PATHS: Final = tuple(operation.path for operation in (*OPERATIONS, *SIGN_IN, *PAGES))
"""The paths that are answered."""


def create_app(
    store: Store,
    door: Door,
    *,
    codes: LoginCodes | None = None,
    limits: Limits | None = None,
    gate: Gate | None = None,
    proxies: ProxyPolicy | None = None,
) -> Edge:
    """An ASGI application that serves ``store``.

    Args:
        store: Where the records are; whoever opened it closes it.
        door: The host names under which the server answers.
        codes: The one-time codes that open the page.
        limits: How much is taken.
        gate: Who is let in; by default holders of the store's keys, and nobody else.
        proxies: Whose forwarded headers are read; by default those of this machine.
    """
    limits = limits or Limits()
    metrics = Metrics()
    service = Service(
        store=store,
        gate=gate or Gate(store.keys),
        limits=limits,
        metrics=metrics,
        rates=Rates(limits.requests_per_s),
        codes=codes or LoginCodes(),
        examiner=Examiner(),
        read_threads=ReadThreads(),
        in_flight=InFlight(limits.in_flight_bytes),
        document=encoded(document(OPERATIONS)),
    )
    routes = router((*OPERATIONS, *SIGN_IN, *PAGES), service)
    return Edge(routes, door, metrics, error_page, proxies or proxy_policy(own_paths=OWN_PATHS))
