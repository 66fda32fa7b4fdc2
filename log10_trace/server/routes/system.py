"""The server about itself: health, limits, metrics, and the document of the API."""

from __future__ import annotations

from starlette.responses import Response

from log10_trace.server.http.metrics import CONTENT_TYPE
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.http.responses import json_response


async def healthz(visit: RequestContext) -> Response:
    """Health check: whether the database responds."""
    await visit.service.read_threads.run_own(visit.store.upkeep.health)
    return json_response({"status": "ok"})


async def limits(visit: RequestContext) -> Response:
    """How much is taken."""
    return json_response(visit.service.limits.as_dict())


async def metrics(visit: RequestContext) -> Response:
    """What the server counts about itself."""
    health = await visit.service.read_threads.run_own(visit.store.upkeep.health)
    visit.service.metrics.update_gauges(health, visit.service.in_flight.held)
    return Response(visit.service.metrics.render(), media_type=None, headers={"Content-Type": CONTENT_TYPE})


async def document(visit: RequestContext) -> Response:
    """The OpenAPI document."""
    return Response(visit.service.document, media_type="application/json")
