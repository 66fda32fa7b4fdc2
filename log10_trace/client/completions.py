"""The operations on completions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import httpx
from typing_extensions import Unpack

from log10_trace.client.filters import Filters
from log10_trace.client.operation import Body, Listing, Operation, Page, as_json, part, query, reads
from log10_trace.client.resource import AwaitingResource, BlockingResource, listing, operation, streaming
from log10_trace.models import operations
from log10_trace.models.components import Completion, CompletionSummary

PATH = "/completions"
_CREATED = 201


def create_completion(
    *, completion: Body, x_log10_organization: str | None = None
) -> Operation[operations.CreateResponse]:
    """Keep a completion; one that is there already is left or completed, never undone."""
    return Operation(
        method="POST",
        path=PATH,
        read=_read_created,
        body=as_json(completion),
        organization=x_log10_organization,
        repeatable=_has_id(completion),
    )


def _has_id(completion: Body) -> bool:
    """Whether sending it twice leaves one row; without an id the server makes a new one each time."""
    if isinstance(completion, str | bytes):
        return False
    given = completion if isinstance(completion, Mapping) else completion.model_dump(include={"id"})
    return bool(given.get("id"))


def _read_created(response: httpx.Response) -> operations.CreateResponse:
    kept = Completion.from_json(response.content)
    if response.status_code == _CREATED:
        return operations.CreateResponse(status_code=_CREATED, raw_response=response, completion=kept)
    return operations.CreateResponse(status_code=response.status_code, raw_response=response, any=kept)


def update_completion(
    *, completion_id: str, completion: Body, x_log10_organization: str | None = None
) -> Operation[operations.UpdateResponse]:
    """Complete a completion, or create it under this id."""
    return Operation(
        method="POST",
        path=f"{PATH}/{part(completion_id)}",
        read=reads(operations.UpdateResponse, completion=Completion),
        body=as_json(completion),
        organization=x_log10_organization,
    )


def list_ungraded(
    *, task_id: str | None = None, x_log10_organization: str | None = None
) -> Operation[operations.ListUngradedResponse]:
    """The completions that a feedback task selects and that have no feedback yet."""
    return Operation(
        method="GET",
        path=f"{PATH}/ungraded",
        read=reads(operations.ListUngradedResponse, object=operations.ListUngradedResponseBody),
        query=query({"task_id": task_id}),
        organization=x_log10_organization,
    )


def list_completions(
    *,
    limit: int | None = None,
    order: Literal["newest", "oldest"] | None = None,
    view: Literal["summary", "full"] | None = None,
    x_log10_organization: str | None = None,
    **filters: Unpack[Filters],
) -> Listing[CompletionSummary]:
    """The completions that pass the filters; ``limit`` of them at most, newest first.

    The ``summary`` holds the small fields, the model, the usage and a preview; ``full`` is the whole record.
    """
    return Listing.upto(
        limit,
        Operation(
            method="GET",
            path=PATH,
            read=_read_page,
            query=query({**filters, "order": order, "view": view}),
            organization=x_log10_organization,
        ),
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
        items=[CompletionSummary.model_validate(item) for item in body["completions"]],
        next_cursor=body.get("next_cursor"),
    )


def get_completion(
    *, completion_id: str, x_log10_organization: str | None = None
) -> Operation[operations.GetCompletionResponse]:
    """One completion, whole."""
    return Operation(
        method="GET",
        path=f"{PATH}/{part(completion_id)}",
        read=reads(operations.GetCompletionResponse, completion=Completion),
        organization=x_log10_organization,
    )


def delete_completion(
    *, completion_id: str, x_log10_organization: str | None = None
) -> Operation[operations.DeleteResponse]:
    """Delete one completion for good."""
    return Operation(
        method="DELETE",
        path=f"{PATH}/{part(completion_id)}",
        read=reads(operations.DeleteResponse),
        organization=x_log10_organization,
    )


def delete_completions(
    *, session_id: str | None = None, tag: str | None = None, x_log10_organization: str | None = None
) -> Operation[operations.DeleteManyResponse]:
    """Delete all completions of a session or with a tag, for good.

    Raises:
        ValueError: neither is given, which would mean all of them.
    """
    if not session_id and not tag:
        message = "a session_id or a tag is needed to say which completions are to be deleted"
        raise ValueError(message)
    return Operation(
        method="DELETE",
        path=PATH,
        read=_read_deleted,
        query=query({"session_id": session_id, "tag": tag}),
        organization=x_log10_organization,
    )


def _read_deleted(response: httpx.Response) -> operations.DeleteManyResponse:
    said: Any = json.loads(response.content) if response.content else {}
    return operations.DeleteManyResponse(
        status_code=response.status_code, raw_response=response, deleted=said.get("deleted")
    )


def send_batch(
    *, completions: Iterable[Body], x_log10_organization: str | None = None
) -> Operation[operations.BatchResponse]:
    """Keep many completions with one request; each has a result of its own, and its own id to be told by.

    JSON text among them is sent as it is; it must not hold a line break.
    """
    return Operation(
        method="POST",
        path=f"{PATH}/batch",
        read=lambda response: operations.BatchResponse(
            status_code=response.status_code,
            raw_response=response,
            results=[
                operations.BatchResult.model_validate(item)
                for item in json.loads(response.content)["results"]
            ],
        ),
        body=b"".join(as_json(completion) + b"\n" for completion in completions),
        content_type="application/x-ndjson",
        organization=x_log10_organization,
    )


def export_completions(
    *,
    format: Literal["jsonl", "csv"] = "jsonl",  # noqa: A002 -- the API's own word
    order: Literal["newest", "oldest"] | None = None,
    x_log10_organization: str | None = None,
    **filters: Unpack[Filters],
) -> Operation[None]:
    """Everything that passes the filters, whole, as the server writes it: one record a line."""
    return Operation(
        method="GET",
        path=PATH,
        read=lambda _: None,
        query=query({**filters, "order": order, "view": "full", "format": format}),
        organization=x_log10_organization,
    )


def statistics(
    *,
    group_by: Literal["none", "model", "tag", "call_site", "session"] | None = None,
    interval: Literal["minute", "hour", "day"] | None = None,
    x_log10_organization: str | None = None,
    **filters: Unpack[Filters],
) -> Operation[operations.StatisticsResponse]:
    """How many calls, failures, tokens and dollars, and how long they took, by group and over time."""
    return Operation(
        method="GET",
        path="/statistics",
        read=reads(operations.StatisticsResponse, statistics=operations.Statistics),
        query=query({**filters, "group_by": group_by, "interval": interval}),
        organization=x_log10_organization,
    )


class _Operations:
    create = operation(create_completion)
    update = operation(update_completion)
    list_ungraded = operation(list_ungraded)
    list = listing(list_completions)
    search = listing(search_completions)
    get = operation(get_completion)
    delete = operation(delete_completion)
    delete_many = operation(delete_completions)
    batch = operation(send_batch)
    export = streaming(export_completions)
    statistics = operation(statistics)


class Completions(_Operations, BlockingResource):
    """The operations on completions, blocking."""


class AsyncCompletions(_Operations, AwaitingResource):
    """The operations on completions, awaiting."""
