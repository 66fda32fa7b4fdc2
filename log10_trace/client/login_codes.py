"""The operation that makes a code with which a browser signs in on the pages."""

from __future__ import annotations

from log10_trace.client.operation import Operation, response_parser
from log10_trace.client.resource import AsyncResource, SyncResource, operation
from log10_trace.models import operations


def create_login_code(
    x_log10_organization: str | None = None,
) -> Operation[operations.CreateLoginCodeResponse]:
    """A code that signs one browser in, once, with what the key may do; so the key itself stays here."""
    return Operation(
        method="POST",
        path="/login_codes",
        read=response_parser(operations.CreateLoginCodeResponse, login_code=operations.LoginCode),
        organization=x_log10_organization,
    )


class _LoginCodes:
    create = operation(create_login_code)


class LoginCodes(_LoginCodes, SyncResource):
    """The operation on login codes, blocking."""


class AsyncLoginCodes(_LoginCodes, AsyncResource):
    """The operation on login codes, awaiting."""
