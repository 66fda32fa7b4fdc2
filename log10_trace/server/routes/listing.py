"""Lists of completions: one page as JSON, or everything that matches as JSON lines or CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from starlette.responses import Response, StreamingResponse

from log10_trace.domain.filters import FILTER_NAMES
from log10_trace.domain.prices import Prices
from log10_trace.server.http.api_errors import ApiError, not_found
from log10_trace.server.http.query_params import RequestParams
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.http.responses import encode_json, json_bytes_response, wrap_json_array
from log10_trace.server.routes.csv_export import csv_lines
from log10_trace.server.routes.filters import ORDERS, parse_filters
from log10_trace.server.store.data_types import CompletionFilter, CompletionSummary, Order, Page

VIEWS: Final = ("summary", "full")
FORMATS: Final = ("json", "jsonl", "csv")
DEFAULT_LIMIT: Final = 50
_PARAMS: Final = (*FILTER_NAMES, "limit", "cursor", "order", "view", "bodies")
_CHUNK_BYTES: Final = 64 * 1024


async def list_completions(context: RequestContext) -> Response:
    """What matches the filters, in the form that ``format`` names."""
    query = RequestParams(context.request.query_params, ("format", *_PARAMS))
    return await list_in_format(context, query.choice("format", FORMATS, "json"))


async def list_in_format(context: RequestContext, form: str) -> Response:
    """What matches the filters, in one of ``FORMATS``."""
    query = RequestParams(context.request.query_params, ("format", *_PARAMS))
    wanted = parse_filters(query)
    order = query.choice("order", ORDERS, "newest")
    limit = query.integer("limit", least=1, most=context.service.limits.page_items)
    bodies = query.choice("bodies", ("true", "false"), "false") == "true"
    if form != "json":
        return await export_completions(context, wanted, order, limit, form, bodies=bodies)
    return await _page(context, query, wanted, order, limit or DEFAULT_LIMIT)


async def list_ungraded(context: RequestContext) -> Response:
    """Completions that a task selects and that have no feedback yet."""
    query = RequestParams(context.request.query_params, ("task_id", "limit", "cursor"))
    limit = query.integer("limit", least=1, most=context.service.limits.page_items) or DEFAULT_LIMIT
    task_id = query.text("task_id")
    tasks = [task_id] if task_id else await _all_task_ids(context)
    unique: dict[bytes, None] = {}
    cursor = None
    for each in tasks:
        if len(unique) >= limit:
            break
        after = query.text("cursor") if task_id else None
        records, cursor = await context.read(_read_ungraded, context, each, limit, after)
        unique.update(dict.fromkeys(records))
    return json_bytes_response(
        wrap_json_array(list(unique)[:limit], "completions", next_cursor=cursor if task_id else None)
    )


def _read_ungraded(
    context: RequestContext, task_id: str, limit: int, cursor: str | None
) -> tuple[list[bytes], str | None]:
    found = context.store.completions.list_ungraded(
        context.organization_id, task_id, limit=limit, cursor=cursor
    )
    if found is None:
        raise not_found("task")
    return [_utf8(stored.to_json()) for stored in found.items], found.next_cursor


async def _all_task_ids(context: RequestContext) -> list[str]:
    tasks = await context.read(context.store.feedback.tasks, context.organization_id)
    return [task.id for task in tasks]


async def _page(
    context: RequestContext, query: RequestParams, wanted: CompletionFilter, order: Order, limit: int
) -> Response:
    view = query.choice("view", VIEWS, "summary")
    read_page = partial(
        context.store.completions.page,
        context.organization_id,
        wanted,
        limit=limit,
        cursor=query.text("cursor"),
        order=order,
        with_passages=view == "summary",
    )
    if view == "full":
        pieces = await context.read_pieces(chunk_lines(_full(context, await context.read(read_page))))
        return StreamingResponse(pieces, media_type="application/json")
    return json_bytes_response(await context.read(_summaries, read_page, context.store.reports.prices))


def _summaries(read_page: Callable[[], Page[CompletionSummary]], prices: Prices) -> bytes:
    found = read_page()
    items = [_utf8(summary.to_json(prices)) for summary in found.items]
    return wrap_json_array(items, "completions", next_cursor=found.next_cursor)


def _full(context: RequestContext, page: Page[CompletionSummary]) -> Iterator[bytes]:
    """The page with whole records, read one by one: a thousand of them may be larger than the memory."""
    yield b'{"completions":['
    comma = b""
    for summary in page.items:
        stored = context.store.completions.get(context.organization_id, summary.id)
        if stored is not None:
            yield comma + _utf8(stored.to_json())
            comma = b","
    yield b'],"next_cursor":' + encode_json(page.next_cursor) + b"}"


async def export_completions(
    context: RequestContext,
    wanted: CompletionFilter,
    order: Order,
    limit: int | None,
    form: str,
    *,
    bodies: bool = False,
    name: str = "completions",
) -> StreamingResponse:
    """Everything that matches, as a file to download.

    Args:
        context: The request.
        wanted: Which completions.
        order: Of their beginnings.
        limit: How many at most; None: all.
        form: ``jsonl`` or ``csv``.
        bodies: Whether CSV has requests and responses.
        name: Of the file, without its ending.

    Raises:
        ApiError: 405, the request is not a GET.
    """
    if context.request.method == "HEAD":
        raise ApiError(405, "wrong_method", "Use GET to export.", headers={"Allow": "GET"})
    records = await context.read(
        context.store.completions.stream, context.organization_id, wanted, order=order, limit=limit
    )
    if form == "csv":
        lines = csv_lines(records, context.store.reports.prices, bodies=bodies)
    else:
        lines = (_utf8(each.to_json()) + b"\n" for each in records)
    media_type = "text/csv; charset=utf-8" if form == "csv" else "application/x-ndjson"
    headers = {"Content-Disposition": f'attachment; filename="{name}.{form}"'}
    pieces = await context.read_pieces(chunk_lines(lines))
    return StreamingResponse(pieces, media_type=media_type, headers=headers)


def chunk_lines(lines: Iterator[bytes]) -> Iterator[bytes]:
    """The lines, several at once: each piece costs a change of threads."""
    held: list[bytes] = []
    size = 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size >= _CHUNK_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
