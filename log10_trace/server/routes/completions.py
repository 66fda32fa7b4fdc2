"""Completions, one at a time: create, update, get, delete."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from concurrent.futures import Future

from starlette.responses import Response

from log10_trace.domain.completion_record import CompletionRecord, parse
from log10_trace.domain.filters import FILTER_NAMES
from log10_trace.domain.ids import new_id
from log10_trace.domain.json_slices import RecordFormatError
from log10_trace.domain.keys import Scope
from log10_trace.domain.labels import MAX_LABEL, is_label
from log10_trace.server.authentication.auth import Principal
from log10_trace.server.http import body
from log10_trace.server.http.api_errors import conflict, from_format_error, not_found, unprocessable
from log10_trace.server.http.query_params import RequestParams
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.http.responses import json_bytes_response, json_response
from log10_trace.server.routes.filters import parse_filters
from log10_trace.server.store.data_types import StoredCompletion, WriteEffect, WriteResult


async def create(context: RequestContext) -> Response:
    """A new record; 200 instead of 201 when it was there already."""
    raw = await read_body(context)
    outcome = await store_completion(
        context, len(raw), lambda: assign_id(parse_completion(raw, context), None)
    )
    status = 201 if outcome.change is WriteEffect.CREATED else 200
    return json_bytes_response(visible_json(context.principal, outcome.stored), status)


async def update(context: RequestContext) -> Response:
    """What is given is merged into the record, which is made if it is not there."""
    raw, completion_id = await read_body(context), context.path_name()
    outcome = await store_completion(
        context, len(raw), lambda: assign_id(parse_completion(raw, context), completion_id), replace_tags=True
    )
    return json_bytes_response(visible_json(context.principal, outcome.stored))


async def get(context: RequestContext) -> Response:
    """The whole record, every field spelled as it was received."""
    return json_bytes_response(await context.read(_read, context, context.path_name()))


async def delete(context: RequestContext) -> Response:
    """The record is gone, everywhere it was."""
    pending = context.store.completions.delete_one(context.organization_id, context.path_name())
    if not await asyncio.wrap_future(pending):
        raise not_found("completion")
    return json_response({"deleted": 1})


async def delete_many(context: RequestContext) -> Response:
    """Everything of a session or with a tag is gone; further filters narrow it."""
    query = RequestParams(context.request.query_params, FILTER_NAMES)
    wanted = parse_filters(query)
    if wanted.session_id is None and not wanted.tags:
        raise unprocessable("session_id", "Give a session_id or a tag.")
    if wanted.tags and wanted.tag_match == "none":
        raise unprocessable("tag_match", "tag_match=none cannot be used to delete.")
    deleted = await asyncio.wrap_future(context.store.completions.delete(context.organization_id, wanted))
    return json_response({"deleted": deleted})


async def read_body(context: RequestContext) -> bytes:
    """The body of a record, inflated.

    Raises:
        ApiError: it is too large, or its Content-Type is not JSON.
    """
    context.require_json_content_type()
    return await context.body(context.service.limits.body_bytes)


def parse_completion(raw: bytes | str, context: RequestContext) -> CompletionRecord:
    """The record that the text is.

    Raises:
        ApiError: it is none, or names another organization.
    """
    limits = context.service.limits
    try:
        incoming = parse(raw, max_depth=limits.depth, max_tags=limits.tags)
    except RecordFormatError as error:
        raise from_format_error(error) from None
    context.check_organization(incoming.organization_id)
    return incoming


def assign_id(incoming: CompletionRecord, completion_id: str | None) -> CompletionRecord:
    """The record under the path's id, under its own, or under a new one.

    Raises:
        ApiError: 422 when the path and the body name different ids.
    """
    if completion_id is None:
        return incoming if incoming.id is not None else dataclasses.replace(incoming, id=new_id())
    if incoming.id not in (None, completion_id):
        raise conflict("id", "The id in the body differs from the id in the path.")
    if not is_label(completion_id):
        raise unprocessable(
            "id", f"An id is text of at most {MAX_LABEL} characters without control characters."
        )
    return dataclasses.replace(incoming, id=completion_id)


async def store_completion(
    context: RequestContext, size: int, read: Callable[[], CompletionRecord], *, replace_tags: bool = False
) -> WriteResult:
    """Keep the record that ``read`` makes of ``size`` bytes; when this returns, it is committed."""

    def put() -> tuple[CompletionRecord, Future[WriteResult]]:
        incoming = read()
        return incoming, context.store.completions.put(
            context.organization_id, incoming, replace_tags=replace_tags
        )

    if replace_tags or size > body.OFF_LOOP_BYTES:
        incoming, written = await body.off_loop(size, put)
        outcome = await asyncio.wrap_future(written)
    else:
        incoming = read()
        outcome = await context.service.writes.put(context.organization_id, incoming)
    context.service.metrics.records.labels(outcome.change.value).inc()
    if outcome.has_ended_call:
        context.service.metrics.count_call(context.organization_id, incoming.values)
    return outcome


def _read(context: RequestContext, completion_id: str) -> bytes:
    found = context.store.completions.get(context.organization_id, completion_id)
    if found is None:
        raise not_found("completion")
    return utf8(found)


def visible_json(principal: Principal, stored: StoredCompletion) -> bytes:
    """The record as returned to its writer: whole, or without its content for a key that cannot read."""
    if principal.has_scope(Scope.READ):
        return utf8(stored)
    fields = {name: stored.fields[name] for name in ("kind", "status") if name in stored.fields}
    return utf8(dataclasses.replace(stored, fields=fields))


def utf8(stored: StoredCompletion) -> bytes:
    """The record as it is sent."""
    return stored.to_json().encode("utf-8")
