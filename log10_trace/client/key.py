"""The operation that says what the client's own key is."""

from __future__ import annotations

from log10_trace.client.operation import Operation, response_parser
from log10_trace.client.resource import AsyncResource, SyncResource, operation
from log10_trace.models import operations


def get_key(x_log10_organization: str | None = None) -> Operation[operations.GetKeyResponse]:
    """What the client's own key is: its id, name, organization, scopes and expiry; never its secret."""
    return Operation(
        method="GET",
        path="/key",
        read=response_parser(operations.GetKeyResponse, key=operations.Key),
        organization=x_log10_organization,
    )


class _PresentedKey:
    get = operation(get_key)


class PresentedKey(_PresentedKey, SyncResource):
    """The operation on the client's own key, blocking."""


class AsyncPresentedKey(_PresentedKey, AsyncResource):
    """The operation on the client's own key, awaiting."""
