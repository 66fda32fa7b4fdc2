"""The routes of what can be taken from the Call page: commands, programs, messages, Markdown, pictures."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from log10_trace.domain.call_markdown import write_markdown
from log10_trace.domain.json_values import read_mapping
from log10_trace.server.http.api_errors import not_found
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.http.responses import json_bytes_response
from log10_trace.server.pages import json_access
from log10_trace.server.pages.call.media import find_part, read_media
from log10_trace.server.pages.call.reading import get_stored
from log10_trace.server.pages.call.request_code import request_field, write_curl, write_python
from log10_trace.server.pages.excerpt import find_member
from log10_trace.server.pages.messages import request_messages, response_choices
from log10_trace.server.store.data_types import StoredCompletion

MESSAGE_ENDS: Final = 500
"""Messages at each end whose pictures have an address: as many as any page shows."""
_SANDBOX: Final = {"Content-Security-Policy": "default-src 'none'; sandbox", "Cache-Control": "no-store"}
_TEXT: Final = {"Cache-Control": "no-store"}


async def curl(context: RequestContext) -> Response:
    """The request as a curl command."""
    return await context.read(_curl, context)


async def python(context: RequestContext) -> Response:
    """The request as a Python program."""
    return await context.read(_python, context)


async def messages(context: RequestContext) -> Response:
    """The messages of the request, exactly as they are stored."""
    return await context.read(_messages, context)


async def markdown(context: RequestContext) -> Response:
    """The call as Markdown."""
    return await context.read(_markdown, context)


async def media(context: RequestContext) -> Response:
    """A picture or sound that came within the record."""
    return await context.read(_media, context)


def _curl(context: RequestContext) -> Response:
    return _plain_text(write_curl(_get_repeatable(context).fields))


def _python(context: RequestContext) -> Response:
    return _plain_text(write_python(_get_repeatable(context).fields))


def _messages(context: RequestContext) -> Response:
    request = get_stored(context).fields.get("request", "")
    messages_text = find_member(request, "messages") if request else None
    if messages_text is None:
        raise not_found("list of messages")
    return json_bytes_response(messages_text.encode())


def _markdown(context: RequestContext) -> Response:
    stored = get_stored(context)
    text = write_markdown(stored.id, json_access.values_of(stored, stored.fields))
    return Response(_encode(text), headers=_TEXT, media_type="text/markdown")


def _media(context: RequestContext) -> Response:
    values = json_access.values_of(get_stored(context), ("request", "response"))
    part = find_part(
        context.request.path_params["place"],
        lambda: request_messages(read_mapping(values.get("request")), MESSAGE_ENDS),
        lambda: tuple(choice.turn for choice in response_choices(values.get("response"))),
    )
    found = None if part is None else read_media(part)
    if found is None:
        raise not_found("picture or sound")
    return Response(found.content, headers=_SANDBOX, media_type=found.type)


def _get_repeatable(context: RequestContext) -> StoredCompletion:
    stored = get_stored(context)
    if not request_field(stored.fields):
        raise not_found("request")
    return stored


def _plain_text(text: str) -> Response:
    return Response(_encode(text), headers=_TEXT, media_type="text/plain")


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "replace")
