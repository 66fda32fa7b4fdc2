"""The server about itself: health, limits, metrics, and the document of the API."""

from __future__ import annotations

from starlette.responses import Response

from log10_trace.server.answer import json_answer
from log10_trace.server.metrics import CONTENT_TYPE
from log10_trace.server.visit import Visit


async def healthz(visit: Visit) -> Response:
    """Whether the database answers."""
    await visit.service.read_threads.run_own(visit.store.upkeep.health)
    return json_answer({"status": "ok"})


async def limits(visit: Visit) -> Response:
    """How much is taken."""
    return json_answer(visit.service.limits.advertised())


async def metrics(visit: Visit) -> Response:
    """What the server counts about itself."""
    health = await visit.service.read_threads.run_own(visit.store.upkeep.health)
    visit.service.metrics.see(health, visit.service.in_flight.held)
    return Response(visit.service.metrics.text(), media_type=None, headers={"Content-Type": CONTENT_TYPE})


async def document(visit: Visit) -> Response:
    """The OpenAPI document."""
    return Response(visit.service.document, media_type="application/json")
