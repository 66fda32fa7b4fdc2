"""The routes that delete a call, and what is said of a deleted one."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.responses import RedirectResponse, Response

from log10_trace.domain import formatting
from log10_trace.server.http.api_errors import not_found
from log10_trace.server.http.forms import read_form
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.pages.call.call_page import title_call
from log10_trace.server.pages.call.call_view import call_view
from log10_trace.server.pages.call.reading import completion_id, get_stored, read_list_conditions
from log10_trace.server.pages.rendering import page

_GONE: Final = 410
_DATE_CHARACTERS: Final = 10


async def confirm(context: RequestContext) -> Response:
    """Ask whether the call is to be deleted."""
    return await context.read(_confirm, context)


async def delete(context: RequestContext) -> Response:
    """Delete the call, and lead to what is left of its page."""
    await read_form(context)
    of_id = completion_id(context)
    if not await asyncio.wrap_future(context.store.completions.delete_one(context.organization_id, of_id)):
        raise not_found("completion")
    return RedirectResponse(f"{context.root_path}{read_list_conditions(context, of_id).address}", 303)


def show_deleted(context: RequestContext) -> Response:
    """The page of a call that was deleted: since when.

    Raises:
        ApiError: 404, when no deletion is remembered.
    """
    of_id = completion_id(context)
    day_ms = context.store.completions.find_deletion(context.organization_id, of_id)
    if day_ms is None:
        raise not_found("completion")
    around = read_list_conditions(context, of_id)
    day = formatting.clock(day_ms)[:_DATE_CHARACTERS]
    return page("deleted.html", _GONE, root=context.root_path, around=around, day=day)


def _confirm(context: RequestContext) -> Response:
    stored = get_stored(context)
    around = read_list_conditions(context, stored.id)
    title = title_call(call_view(stored, raw=False))
    return page("delete.html", root=context.root_path, around=around, title=title)
