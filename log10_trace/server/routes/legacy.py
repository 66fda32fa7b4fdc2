"""The legacy prefix, ``/api/completions``, for programs written for the original Python client.

There ``request``, ``response`` and ``stacktrace`` are JSON inside strings, ``duration`` is in milliseconds
and a text completion's kind is ``completion``. All of it is turned into the record's own form and back.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any, Final

from starlette.responses import Response

from log10_trace.domain.call_labels import STARTED
from log10_trace.domain.completion_record import MAX_DURATION, CompletionRecord, from_stored_fields
from log10_trace.domain.ids import new_id
from log10_trace.domain.json_slices import RecordFormatError, decode, parse_value, split_members
from log10_trace.domain.times import parse_rfc3339_ms, rfc3339
from log10_trace.record.json_bytes import to_single_line
from log10_trace.server.http.api_errors import not_found, unprocessable
from log10_trace.server.http.query_params import RequestParams, end_ms, timestamp_ms
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.http.responses import encode_json, json_bytes_response, json_response
from log10_trace.server.routes.completions import assign_id, parse_completion, store_completion
from log10_trace.server.routes.listing import DEFAULT_LIMIT
from log10_trace.server.store.data_types import CompletionFilter, StoredCompletion

SLUG: Final = "local"
"""The original client puts an ``organizationSlug`` into addresses of the hosted page."""

_IN_STRINGS: Final = ("request", "response", "stacktrace")
_BODIES: Final = ("request", "response")
_TELLING_STATUS: Final = ("status", "failure_kind", "response")
_LIST_NAMES: Final = ("offset", "limit", "tagFilter", "createdFilter", "sort", "desc", "ids")


async def create(context: RequestContext) -> Response:
    """A new record, as yet without content."""
    await context.json_object(optional=True)
    started = encode_json({"id": new_id(), "status": STARTED})
    outcome = await store_completion(context, len(started), lambda: parse_completion(started, context))
    return json_response({"completionID": outcome.stored.id, "organizationSlug": SLUG})


async def update(context: RequestContext) -> Response:
    """What is given is merged into the record, which is made if it is not there."""
    completion_id = context.path_name()
    members = await context.json_object(most=context.service.limits.body_bytes)
    size = sum(len(text) for text, _ in members.values())
    await store_completion(
        context, size, lambda: assign_id(_from_legacy(context, members), completion_id), replace_tags=True
    )
    return json_response({"completionID": completion_id, "organizationSlug": SLUG})


async def get(context: RequestContext) -> Response:
    """The whole record, in the older form."""
    return json_bytes_response(await context.read(_read, context, context.path_name()))


async def list_completions(context: RequestContext) -> Response:
    """Records, newest first."""
    query = RequestParams(context.request.query_params, _LIST_NAMES)
    offset = query.offset()
    limit = query.integer("limit", most=context.service.limits.page_items)
    limit = DEFAULT_LIMIT if limit is None else limit
    wanted = _filter_of(query)
    items = await context.read(_list_legacy, context, wanted, offset, limit)
    return json_bytes_response(b'{"data":[' + b",".join(items) + b"]}")


async def create_session(context: RequestContext) -> Response:
    """A new session."""
    await context.json_object(optional=True)
    session_id = await asyncio.wrap_future(context.store.sessions.create(context.organization_id))
    return json_response({"sessionID": session_id})


async def search_tags(context: RequestContext) -> Response:
    """The tags that begin with ``query``."""
    query = RequestParams(context.request.query_params, ("query",))
    found = await context.read(
        context.store.reports.tags, context.organization_id, prefix=query.text("query") or ""
    )
    return json_response({"data": [_tag_dict(tag) for tag in found]})


def _read(context: RequestContext, completion_id: str) -> bytes:
    found = context.store.completions.get(context.organization_id, completion_id)
    if found is None:
        raise not_found("completion")
    return b'{"data":' + _to_legacy(found) + b"}"


def _from_legacy(context: RequestContext, members: dict[str, tuple[str, Any]]) -> CompletionRecord:
    """The record's own form, its JSON strings opened into exactly the text they hold."""
    texts = {name: text for name, (text, _) in members.items()}
    for name in _IN_STRINGS:
        held = members.get(name, ("", None))[1]
        if isinstance(held, str) and (opened := _parse_embedded_json(held)):
            texts[name], members[name] = opened[0], opened
        elif isinstance(held, str) and name in _BODIES:
            texts |= _parse_loosely(name, held, texts[name])
    if "stacktrace" in members and not _is_stack(members["stacktrace"][1]):
        texts["stacktrace_text"] = texts.pop("stacktrace")  # no reason to lose a record
    kind, duration = members.get("kind", ("", None))[1], members.get("duration", ("", None))[1]
    if kind == "completion":
        texts["kind"] = '"prompt"'
    is_number = isinstance(duration, int | float) and not isinstance(duration, bool)
    if is_number and 0 <= duration <= 1000 * MAX_DURATION:
        texts["duration"] = json.dumps(duration / 1000)
    body = ",".join(f"{json.dumps(name)}:{text}" for name, text in texts.items())
    return parse_completion(f"{{{body}}}", context)


def _is_stack(frames: Any) -> bool:
    return frames is None or (isinstance(frames, list) and all(isinstance(frame, dict) for frame in frames))


def _parse_embedded_json(held: str) -> tuple[str, Any] | None:
    """The JSON text that a string holds, and its value; none when it holds something else."""
    try:
        members = split_members(f'{{"held":{decode(held)}}}')
    except RecordFormatError:
        return None
    return members.get("held") if len(members) == 1 else None  # else it held a comma, and was no JSON


def _parse_loosely(name: str, held: str, text: str) -> dict[str, str]:
    """A body whose JSON has NaN or Infinity, as the recording client keeps it; nothing when it is no JSON."""
    body = to_single_line(decode(held).encode())
    return {} if body is None else {name: body.text.decode(), f"raw_{name}": text}


def _to_legacy(stored: StoredCompletion) -> bytes:
    # The original client takes it that every record has these, and that a body which is there is an object.
    texts = {"kind": "null", "status": json.dumps(_status_of(stored))} | {
        name: text for name, text in stored.fields.items() if name not in _BODIES or text != "null"
    }
    if texts["kind"] == '"prompt"':
        texts["kind"] = '"completion"'
    texts["created_at"] = json.dumps(_iso(texts.get("created_at", "null")))
    if texts.get("duration", "null") != "null":
        texts["duration"] = json.dumps(round(json.loads(texts["duration"]) * 1000))
    tags = json.loads(texts.get("tags", "null")) or []
    texts["tagResolved"] = json.dumps([_tag_dict(tag) for tag in tags])
    older = StoredCompletion(organization_id=stored.organization_id, id=stored.id, fields=texts)
    return older.to_json().encode("utf-8")


def _status_of(stored: StoredCompletion) -> str:
    told = {name: stored.fields[name] for name in _TELLING_STATUS if name in stored.fields}
    return from_stored_fields(stored.id, stored.organization_id, told).status


def _iso(created_at: str) -> str:
    """A record's ``created_at`` as Python before 3.11 reads it."""
    stated = parse_value(created_at)
    moment_ms = parse_rfc3339_ms(stated) if isinstance(stated, str) else None
    return rfc3339(moment_ms or 0).replace("Z", "+00:00")


def _tag_dict(tag: str) -> dict[str, str]:
    # The id must pass unquoted through the query of the original client's list, which joins ids by commas.
    return {"id": tag.encode("utf-8").hex(), "name": tag}


def _filter_of(query: RequestParams) -> CompletionFilter:
    try:
        tags = tuple(bytes.fromhex(each).decode() for each in (query.text("tagFilter") or "").split(","))
        span = json.loads(query.text("createdFilter") or "{}")
        created = {name: str(span[name]) for name in ("from", "to") if span.get(name)}
    except (ValueError, AttributeError, RecursionError):
        raise unprocessable("tagFilter", "The tagFilter or the createdFilter cannot be read.") from None
    return CompletionFilter(
        tags=tuple(tag for tag in tags if tag),
        since_ms=timestamp_ms("createdFilter", created["from"], 0) if "from" in created else None,
        until_ms=end_ms("createdFilter", created["to"], 0) if "to" in created else None,
    )


def _list_legacy(context: RequestContext, wanted: CompletionFilter, offset: int, limit: int) -> list[bytes]:
    records = context.store.completions.stream(context.organization_id, wanted, limit=offset + limit)
    return [_to_legacy(stored) for stored in itertools.islice(records, offset, None)]
