"""The routes of keys and settings."""

from __future__ import annotations

from typing import Final

from starlette.responses import RedirectResponse, Response

from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.http.responses import json_response
from log10_trace.server.operations import ADMIN, Operation
from log10_trace.server.pages.settings import key_routes
from log10_trace.server.pages.settings.reading import read_keys, read_settings
from log10_trace.server.pages.urls import SETTINGS


async def settings(context: RequestContext) -> Response:
    """Keys, data, prices, limits, versions, and how to send the first call."""
    revoked_id = context.request.query_params.get("revoked")
    keys = await context.read(read_keys, context) if revoked_id else ()
    revoked = next((key for key in keys if key.id == revoked_id and key.state == "revoked"), None)
    return await key_routes.show_settings(context, revoked=revoked)


async def settings_json(context: RequestContext) -> Response:
    """The same as JSON, without secrets."""
    view = await context.read(read_settings, context)
    return json_response(view.as_dict())


async def lead_to_settings(context: RequestContext) -> Response:
    """The address of a form's response, opened again: there is nothing to show twice."""
    return RedirectResponse(f"{context.root_path}{SETTINGS}", 303)


OPERATIONS: Final = (
    Operation("GET", SETTINGS, settings, ADMIN),
    Operation("GET", f"{SETTINGS}.json", settings_json, ADMIN),
    Operation("GET", f"{SETTINGS}/keys", lead_to_settings, ADMIN),
    Operation("POST", f"{SETTINGS}/keys", key_routes.create, ADMIN),
    Operation("GET", f"{SETTINGS}/keys/{{id}}/revoke", key_routes.confirm_revocation, ADMIN),
    Operation("POST", f"{SETTINGS}/keys/{{id}}/revoke", key_routes.revoke, ADMIN),
)
