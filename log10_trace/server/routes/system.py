"""System endpoints: health, limits, metrics, OpenAPI document."""

from __future__ import annotations

import asyncio

from starlette.responses import Response

from log10_trace.server.http.metrics import CONTENT_TYPE
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.http.responses import json_response


async def healthz(context: RequestContext) -> Response:
    """Health check: whether the database responds."""
    await context.service.read_threads.run_own(context.store.maintenance.health)
    return json_response({"status": "ok"})


async def limits(context: RequestContext) -> Response:
    """Request limits."""
    return json_response(context.service.limits.as_dict())


async def metrics(context: RequestContext) -> Response:
    """What the server counts about itself, and about the calls of the key's organization."""
    health = await context.service.read_threads.run_own(context.store.maintenance.health)
    context.service.metrics.update_gauges(health, context.service.in_flight.held)
    # In a thread: the text of many models takes some tens of milliseconds.
    text = await asyncio.to_thread(context.service.metrics.render, context.organization_id)
    return Response(text, media_type=None, headers={"Content-Type": CONTENT_TYPE})


async def document(context: RequestContext) -> Response:
    """The OpenAPI document."""
    return Response(context.service.document, media_type="application/json")
