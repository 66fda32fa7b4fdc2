"""Routing of one path: selects the operation by method, authenticates, and calls its handler."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from log10_trace.server.authentication.auth import Principal
from log10_trace.server.http.api_errors import ApiError, from_store_error
from log10_trace.server.http.request_context import AppState, RequestContext
from log10_trace.server.http.unsent_form import is_page_form, keep_form
from log10_trace.server.operations import Operation
from log10_trace.server.store.errors import StoreError

ANONYMOUS = Principal("", "", frozenset())
UNAUTHORIZED = 401


def router(operations: Iterable[Operation], service: AppState) -> Router:
    """The operations, by path; the first that fits is meant."""
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, {})[operation.method] = operation
    routes = [Route(path, Endpoint(path, each, service)) for path, each in by_path.items()]
    return Router(routes, redirect_slashes=False, default=_raise_not_found)


class Endpoint:
    """An ASGI application for one path."""

    def __init__(self, path: str, operations: dict[str, Operation], service: AppState) -> None:
        self._path = path
        self._operations = operations
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            ApiError: the request is not answered with what it asked for.
        """
        scope["log10.route"] = self._path
        operation = self._operation(scope["method"])
        request = Request(scope, receive)
        try:
            response = await self._answer(operation, request)
        except StoreError as error:
            raise from_store_error(error) from error
        await response(scope, receive, send)

    async def _answer(self, operation: Operation, request: Request) -> Response:
        """What the operation answers; looking the key up asks the store as well."""
        context = RequestContext(request, self._service, ANONYMOUS)
        try:
            context.principal = await self._authenticate(operation, context)
            return await operation.handler(context)
        finally:
            self._service.in_flight.release(context.reserved_bytes)

    def _operation(self, method: str) -> Operation:
        operation = self._operations.get("GET" if method == "HEAD" else method)
        if operation is None:
            allowed = ", ".join(self._operations)
            raise ApiError(405, "wrong_method", f"This path allows: {allowed}.", headers={"Allow": allowed})
        return operation

    async def _authenticate(self, operation: Operation, context: RequestContext) -> Principal:
        try:
            return await self._principal(operation, context.request)
        except ApiError as refusal:
            if refusal.status == UNAUTHORIZED and is_page_form(context.request):
                raise await keep_form(context, refusal) from None
            raise

    async def _principal(self, operation: Operation, request: Request) -> Principal:
        if operation.scopes is None:
            return ANONYMOUS
        principal = await self._service.authenticator.authenticate(request.headers, request.cookies)
        request.scope["log10.key"] = principal.key_id
        self._service.rates.acquire(principal.key_id)
        principal.require_scope(operation.scopes)
        named = request.query_params.getlist("organization_id")
        if any(name not in ("", principal.organization_id) for name in named):
            principal.refuse_organization()
        return principal


async def _raise_not_found(_scope: Scope, _receive: Receive, _send: Send) -> NoReturn:
    raise ApiError(404, "not_found", "No such path.")
