"""The operations on sessions, and on the processes that records come from."""

from __future__ import annotations

import json
from typing import Any

from typing_extensions import Unpack

from log10_trace.client.filters import Filters
from log10_trace.client.http_library import httpx
from log10_trace.client.operation import Listing, Operation, Page, path_segment, query, response_parser
from log10_trace.client.resource import AsyncResource, SyncResource, listing, operation
from log10_trace.models import operations
from log10_trace.models.components import Session, Source

PATH = "/sessions"


def create_session(x_log10_organization: str | None = None) -> Operation[operations.CreateSessionResponse]:
    """Make a session; its id may then stand in completions."""
    return Operation(
        method="POST",
        path=PATH,
        read=_read_created,
        organization=x_log10_organization,
        idempotent=False,
    )


def _read_created(response: httpx.Response) -> operations.CreateSessionResponse:
    payload = json.loads(response.content)
    session = Session.model_validate(payload.get("session") or payload)
    return operations.CreateSessionResponse(
        status_code=response.status_code,
        raw_response=response,
        object=operations.CreateSessionResponseBody(session=session),
    )


def list_sessions(
    *,
    limit: int | None = None,
    cursor: str | None = None,
    x_log10_organization: str | None = None,
    **filters: Unpack[Filters],
) -> Listing[Session]:
    """The sessions with a call that passes the filters, the latest first, each with the server's counts.

    ``cursor`` is the ``next_cursor`` of a page: the list goes on behind it.
    """
    return Listing.limit_to(
        limit,
        Operation(
            method="GET",
            path=PATH,
            read=_read_page,
            query=query({**filters, "cursor": cursor}),
            organization=x_log10_organization,
        ),
    )


def _read_page(response: httpx.Response) -> Page[Session]:
    body: Any = json.loads(response.content)
    return Page(
        items=[Session.model_validate(item) for item in body["sessions"]],
        next_cursor=body.get("next_cursor"),
    )


def get_session(
    session_id: str, x_log10_organization: str | None = None
) -> Operation[operations.GetSessionResponse]:
    """One session, with the server's counts."""
    return Operation(
        method="GET",
        path=f"{PATH}/{path_segment(session_id)}",
        read=response_parser(operations.GetSessionResponse, session=Session),
        organization=x_log10_organization,
    )


def list_sources(*, x_log10_organization: str | None = None) -> Operation[operations.ListSourcesResponse]:
    """The processes that records came from, and which of their records are missing."""
    return Operation(method="GET", path="/sources", read=_read_sources, organization=x_log10_organization)


def _read_sources(response: httpx.Response) -> operations.ListSourcesResponse:
    payload = json.loads(response.content)["sources"]
    return operations.ListSourcesResponse(
        status_code=response.status_code,
        raw_response=response,
        sources=[Source.model_validate(item) for item in payload],
    )


def get_source(
    source: str, x_log10_organization: str | None = None
) -> Operation[operations.GetSourceResponse]:
    """One process that records came from."""
    return Operation(
        method="GET",
        path=f"/sources/{path_segment(source)}",
        read=response_parser(operations.GetSourceResponse, source=Source),
        organization=x_log10_organization,
    )


class _Sessions:
    create = operation(create_session)
    list = listing(list_sessions)
    get = operation(get_session)


class Sessions(_Sessions, SyncResource):
    """The operations on sessions, blocking."""


class AsyncSessions(_Sessions, AsyncResource):
    """The operations on sessions, awaiting."""


class _Sources:
    list = operation(list_sources)
    get = operation(get_source)


class Sources(_Sources, SyncResource):
    """Where records come from, blocking."""


class AsyncSources(_Sources, AsyncResource):
    """Where records come from, awaiting."""
