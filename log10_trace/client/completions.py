"""The operations on completions, and the resource that holds them all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from log10_trace.client.completion_lists import (
    PATH,
    delete_completions,
    export_completions,
    limits,
    list_completions,
    list_ungraded,
    look_up_completions,
    prices,
    search_completions,
    statistics,
)
from log10_trace.client.http_library import httpx
from log10_trace.client.operation import Body, Operation, as_json, path_segment, response_parser
from log10_trace.client.resource import AsyncResource, SyncResource, listing, operation, streaming
from log10_trace.models import operations
from log10_trace.models.components import Completion

_CREATED = 201


def create_completion(
    completion: Body, x_log10_organization: str | None = None
) -> Operation[operations.CreateResponse]:
    """Keep a completion; one that is there already is left or completed, never undone."""
    return Operation(
        method="POST",
        path=PATH,
        read=_read_created,
        body=as_json(completion),
        organization=x_log10_organization,
        idempotent=_has_id(completion),
    )


def _has_id(completion: Body) -> bool:
    """Whether sending it twice leaves one row; without an id the server makes a new one each time."""
    if isinstance(completion, str | bytes):
        return False
    given = completion if isinstance(completion, Mapping) else completion.model_dump(include={"id"})
    return bool(given.get("id"))


def _read_created(response: httpx.Response) -> operations.CreateResponse:
    stored = Completion.from_json(response.content)
    if response.status_code == _CREATED:
        return operations.CreateResponse(status_code=_CREATED, raw_response=response, completion=stored)
    return operations.CreateResponse(status_code=response.status_code, raw_response=response, any=stored)


def update_completion(
    completion_id: str, completion: Body, x_log10_organization: str | None = None
) -> Operation[operations.UpdateResponse]:
    """Complete a completion, or create it under this id."""
    return Operation(
        method="POST",
        path=f"{PATH}/{path_segment(completion_id)}",
        read=response_parser(operations.UpdateResponse, completion=Completion),
        body=as_json(completion),
        organization=x_log10_organization,
    )


def get_completion(
    completion_id: str, x_log10_organization: str | None = None
) -> Operation[operations.GetCompletionResponse]:
    """One completion, whole."""
    return Operation(
        method="GET",
        path=f"{PATH}/{path_segment(completion_id)}",
        read=response_parser(operations.GetCompletionResponse, completion=Completion),
        organization=x_log10_organization,
    )


def delete_completion(
    completion_id: str, x_log10_organization: str | None = None
) -> Operation[operations.DeleteResponse]:
    """Delete one completion for good."""
    return Operation(
        method="DELETE",
        path=f"{PATH}/{path_segment(completion_id)}",
        read=response_parser(operations.DeleteResponse),
        organization=x_log10_organization,
    )


def send_batch(
    completions: Iterable[Body], x_log10_organization: str | None = None
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


class _Operations:
    create = operation(create_completion)
    update = operation(update_completion)
    list_ungraded = operation(list_ungraded)
    list = listing(list_completions)
    search = listing(search_completions)
    get = operation(get_completion)
    look_up = operation(look_up_completions)
    delete = operation(delete_completion)
    delete_many = operation(delete_completions)
    batch = operation(send_batch)
    limits = operation(limits)
    export = streaming(export_completions)
    statistics = operation(statistics)
    prices = operation(prices)


class Completions(_Operations, SyncResource):
    """The operations on completions, blocking."""


class AsyncCompletions(_Operations, AsyncResource):
    """The operations on completions, awaiting."""
