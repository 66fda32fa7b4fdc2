"""Looks completions up by the beginning or the end of their ids, as people type them."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from log10_trace.server.http.api_errors import unprocessable
from log10_trace.server.http.query_params import RequestParams
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.http.responses import json_bytes_response, wrap_json_array

MIN_CHARS: Final = 4
"""Shorter parts fit too many ids."""
DEFAULT_LIMIT: Final = 10
MAX_LIMIT: Final = 100


async def look_up_completions(context: RequestContext) -> Response:
    """The completions that a part of an id may stand for; a whole id stands for its own alone."""
    query = RequestParams(context.request.query_params, ("id", "limit"))
    part = query.text("id") or ""
    if len(part) < MIN_CHARS:
        raise unprocessable("id", f"Give at least {MIN_CHARS} characters of an id's beginning or end.")
    limit = query.integer("limit", least=1, most=MAX_LIMIT) or DEFAULT_LIMIT
    return json_bytes_response(await context.read(_look_up, context, part, limit))


def _look_up(context: RequestContext, part: str, limit: int) -> bytes:
    store, organization_id = context.store, context.organization_id
    ids = store.completions.find_ids(organization_id, part, limit=limit)
    summaries = store.completions.get_summaries(organization_id, ids)
    found = [summaries[each] for each in ids if each in summaries]
    items = [summary.to_json(store.reports.prices).encode("utf-8", "surrogatepass") for summary in found]
    return wrap_json_array(items, "completions")
