"""The operation on keys: what the key of the request is."""

from __future__ import annotations

from starlette.responses import Response

from log10_trace.domain.keys import Scope
from log10_trace.domain.times import rfc3339
from log10_trace.server.http.api_errors import ApiError
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.http.responses import json_response


async def get_presented(context: RequestContext) -> Response:
    """The key that the request brought, without its secret.

    Raises:
        ApiError: 401, the key was deleted from the database after it was accepted.
    """
    key = await context.service.authenticator.find_key(context.principal)
    if key is None:
        raise ApiError(401, "unauthorized", "The key is unknown.", headers={"WWW-Authenticate": "Bearer"})
    return json_response(
        {
            "id": key.id,
            "name": key.name,
            "organization_id": key.organization_id,
            "scopes": [scope.value for scope in Scope if scope in key.scopes],
            "created_at": rfc3339(key.created_at_ms),
            "expires_at": None if key.expires_at_ms is None else rfc3339(key.expires_at_ms),
        }
    )
