"""The operations on many completions at once: lists, exports, statistics, deletion by filter."""

from __future__ import annotations

import json
from typing import Any, Literal

from typing_extensions import Unpack

from log10_trace.client.filters import Filters
from log10_trace.client.http_library import httpx
from log10_trace.client.operation import Listing, Operation, Page, query, response_parser
from log10_trace.models import operations
from log10_trace.models.components import CompletionSummary

PATH = "/completions"


def list_ungraded(
    x_log10_organization: str | None = None, *, task_id: str | None = None, cursor: str | None = None
) -> Operation[operations.ListUngradedResponse]:
    """The completions that a feedback task selects and that have no feedback yet, the newest first.

    Of one task they come in pages: ``cursor`` is the ``next_cursor`` of the page before.
    """
    return Operation(
        method="GET",
        path=f"{PATH}/ungraded",
        read=response_parser(operations.ListUngradedResponse, object=operations.ListUngradedResponseBody),
        query=query({"task_id": task_id, "cursor": cursor}),
        organization=x_log10_organization,
    )


def list_completions(
    *,
    limit: int | None = None,
    order: Literal["newest", "oldest"] | None = None,
    view: Literal["summary", "full"] | None = None,
    cursor: str | None = None,
    x_log10_organization: str | None = None,
    **filters: Unpack[Filters],
) -> Listing[CompletionSummary]:
    """The completions that pass the filters; ``limit`` of them at most, newest first.

    The ``summary`` holds the small fields, the model, the usage and a preview; ``full`` is the whole record.
    ``cursor`` is the ``next_cursor`` of a page: the list goes on behind it.
    """
    return Listing.limit_to(
        limit,
        Operation(
            method="GET",
            path=PATH,
            read=_read_page,
            query=query({**filters, "order": order, "view": view, "cursor": cursor}),
            organization=x_log10_organization,
        ),
    )


def look_up_completions(
    id_part: str, *, limit: int | None = None, x_log10_organization: str | None = None
) -> Operation[operations.LookUpResponse]:
    """The completions whose ids begin or end with ``id_part``, of four characters or more.

    Where it is the whole id of one, only that; otherwise ``limit`` of them at most, 10 unless given.
    """
    return Operation(
        method="GET",
        path=f"{PATH}/lookup",
        read=_read_found,
        query=query({"id": id_part, "limit": limit}),
        organization=x_log10_organization,
    )


def _read_found(response: httpx.Response) -> operations.LookUpResponse:
    return operations.LookUpResponse(
        status_code=response.status_code, raw_response=response, completions=_read_page(response).items
    )


def search_completions(
    text: str,
    *,
    limit: int | None = None,
    x_log10_organization: str | None = None,
    **filters: Unpack[Filters],
) -> Listing[CompletionSummary]:
    """The completions whose request or response holds these words, newest first."""
    filters["q"] = text
    return list_completions(limit=limit, x_log10_organization=x_log10_organization, **filters)


def _read_page(response: httpx.Response) -> Page[CompletionSummary]:
    body = json.loads(response.content)
    return Page(
        items=[CompletionSummary.read(item) for item in body["completions"]],
        next_cursor=body.get("next_cursor"),
    )


def delete_completions(
    *, x_log10_organization: str | None = None, **filters: Unpack[Filters]
) -> Operation[operations.DeleteManyResponse]:
    """Delete all completions of a session or with a tag, for good; further filters narrow it.

    Raises:
        ValueError: neither ``session_id`` nor ``tag`` is given, which could mean all of them.
    """
    if not filters.get("session_id") and not filters.get("tag"):
        message = "a session_id or a tag is needed to select the completions to delete"
        raise ValueError(message)
    return Operation(
        method="DELETE",
        path=PATH,
        read=_read_deleted,
        query=query(filters),
        organization=x_log10_organization,
    )


def _read_deleted(response: httpx.Response) -> operations.DeleteManyResponse:
    payload: Any = json.loads(response.content) if response.content else {}
    return operations.DeleteManyResponse(
        status_code=response.status_code, raw_response=response, deleted=payload.get("deleted")
    )


def limits(*, x_log10_organization: str | None = None) -> Operation[operations.LimitsResponse]:
    """What the server takes at once."""
    return Operation(
        method="GET",
        path="/limits",
        read=response_parser(operations.LimitsResponse, limits=operations.Limits),
        organization=x_log10_organization,
    )


def prices(*, x_log10_organization: str | None = None) -> Operation[operations.PricesResponse]:
    """The table of prices that the server works out cost with."""
    return Operation(
        method="GET",
        path="/prices",
        read=response_parser(operations.PricesResponse, prices=operations.PriceTable),
        organization=x_log10_organization,
    )


def export_completions(
    *,
    format: Literal["jsonl", "csv"] = "jsonl",  # noqa: A002 -- the API's own word
    limit: int | None = None,
    order: Literal["newest", "oldest"] | None = None,
    bodies: bool | None = None,
    x_log10_organization: str | None = None,
    **filters: Unpack[Filters],
) -> Operation[None]:
    """Everything that passes the filters, whole, as the server writes it: one record a line.

    ``limit`` may not be larger than a page of the server. With ``bodies`` a table (``csv``) has the JSON
    bodies and the stacktrace as well.
    """
    return Operation(
        method="GET",
        path=PATH,
        read=lambda _: None,
        query=query(
            {
                **filters,
                "limit": limit,
                "order": order,
                "view": "full",
                "format": format,
                "bodies": bodies,
            }
        ),
        organization=x_log10_organization,
    )


def statistics(
    *,
    group_by: str | None = None,
    interval: Literal["minute", "hour", "day"] | None = None,
    sort: str | None = None,
    x_log10_organization: str | None = None,
    **filters: Unpack[Filters],
) -> Operation[operations.StatisticsResponse]:
    """How many calls, failures, tokens and dollars, and how long they took, by group and over time.

    ``group_by`` is ``none`` (the default), ``model``, ``tag``, ``call_site``, ``session``, ``failure``, or a
    key of the metadata: ``metadata.user_id``.

    Groups are sorted by ``sort``, the largest first: ``calls`` (the default), ``failed``, ``tokens``,
    ``cost``, ``p50``, ``p95``, ``first_token_p50``, ``first_token_p95``, or ``key`` in its order.
    """
    return Operation(
        method="GET",
        path="/statistics",
        read=response_parser(operations.StatisticsResponse, statistics=operations.Statistics),
        query=query({**filters, "group_by": group_by, "interval": interval, "sort": sort}),
        organization=x_log10_organization,
    )
