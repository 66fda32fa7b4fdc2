"""Batches: each record has its own result; an invalid record does not affect the others."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from concurrent.futures import Future
from typing import Any, Final

from starlette.responses import Response

from log10_trace.domain.completion_record import CompletionRecord
from log10_trace.domain.json_slices import RecordFormatError, decode, split_members
from log10_trace.server.http.api_errors import ApiError, from_format_error, from_store_error, unprocessable
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.http.responses import error_response, json_response
from log10_trace.server.routes.completions import assign_id, parse_completion
from log10_trace.server.store.data_types import WriteEffect, WriteResult
from log10_trace.server.store.errors import StoreError

LINES: Final = ("application/x-ndjson", "application/jsonl")

_finder: Final = json.JSONDecoder(parse_int=len, parse_float=len)
"""Finds where values end; no number of thousands of digits is converted for that."""
_parse_lock: Final = threading.Lock()
"""Batches are read one after the other. Python reads one at a time anyhow; when they take turns, none is
ready to be written before nearly all are, and each finds the processor's caches full of the others."""


async def create_many(context: RequestContext) -> Response:
    """Keep every record that can be kept; 207 when some could not."""
    declared = context.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared not in LINES:
        context.require_json_content_type()
    raw = await context.body(context.service.limits.batch_bytes)
    # The whole batch on one thread: reading it takes as long as a hundred single requests do.
    results = await asyncio.to_thread(_store_batch, context, raw, declared in LINES)
    return _answer(results)


def _store_batch(context: RequestContext, raw: bytes, is_lines: bool) -> list[dict[str, Any]]:
    texts = [line for line in raw.splitlines() if line.strip()] if is_lines else _of_array(context, raw)
    most = context.service.limits.batch_items
    if len(texts) > most:
        raise ApiError(413, "too_many", f"The batch holds more than {most} records.")
    with _parse_lock:
        understood_items = [_parse_item(context, text) for text in texts]
        good = [item for item in understood_items if isinstance(item, CompletionRecord)]
        pending = iter(context.store.completions.put_many(context.organization_id, good))
    results = [
        _error_result(None, item)
        if isinstance(item, ApiError)
        else _build_stored_result(context, item, next(pending))
        for item in understood_items
    ]
    for outcome, count in Counter(result.pop("outcome") for result in results).items():
        context.service.metrics.records.labels(outcome).inc(count)
    return results


def _of_array(context: RequestContext, raw: bytes) -> list[str]:
    """The exact texts of the items of ``completions``."""
    try:
        members = split_members(decode(raw), max_depth=context.service.limits.depth)
    except RecordFormatError as error:
        raise from_format_error(error) from None
    text, value = members.get("completions", ("", None))
    if not isinstance(value, list):
        raise unprocessable("completions", "A list of completions is needed.")
    return _items(text)


def _items(text: str) -> list[str]:
    items: list[str] = []
    at = _skip_whitespace(text, 1)
    while text[at] != "]":
        _, end = _finder.raw_decode(text, at)
        items.append(text[at:end])
        at = _skip_whitespace(text, end)
        if text[at] == ",":
            at = _skip_whitespace(text, at + 1)
    return items


def _skip_whitespace(text: str, at: int) -> int:
    while text[at] in " \t\r\n":
        at += 1
    return at


def _parse_item(context: RequestContext, text: bytes | str) -> CompletionRecord | ApiError:
    try:
        return assign_id(parse_completion(text, context), None)
    except ApiError as refusal:
        return refusal


def _build_stored_result(
    context: RequestContext, item: CompletionRecord, pending: Future[WriteResult]
) -> dict[str, Any]:
    try:
        outcome = pending.result()
    except StoreError as error:
        return _error_result(item.id, from_store_error(error))
    if outcome.has_ended_call:
        context.service.metrics.count_call(context.organization_id, item.values)
    status = 201 if outcome.change is WriteEffect.CREATED else 200
    result = {"id": item.id, "status": status, "outcome": outcome.change.value}
    if outcome.change is WriteEffect.DELETED:
        result |= {"code": "deleted", "message": "It was deleted before; nothing was stored."}
    return result


def _error_result(completion_id: str | None, refusal: ApiError) -> dict[str, Any]:
    result = {"id": completion_id, "status": refusal.status, **refusal.as_dict(), "outcome": "refused"}
    return {name: value for name, value in result.items() if name != "field" or value is not None}


def _answer(results: list[dict[str, Any]]) -> Response:
    statuses = {result["status"] for result in results}
    if statuses and min(statuses) >= 500:  # noqa: PLR2004 -- nothing was kept, and nobody's record is at fault
        first = results[0]
        refusal = ApiError(first["status"], first["code"], first["message"], retry_after_s=1)
        return error_response(refusal)
    return json_response({"results": results}, 200 if statuses <= {200, 201} else 207)
