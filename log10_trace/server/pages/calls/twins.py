"""The list of calls for programs and for reading elsewhere: JSON, JSON Lines, CSV and Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from starlette.responses import Response, StreamingResponse

from log10_trace.domain import formatting
from log10_trace.domain.call_labels import FAILED
from log10_trace.domain.filters import FILTER_NAMES
from log10_trace.domain.markdown_text import escape_markdown
from log10_trace.domain.prices import Prices
from log10_trace.server.http.api_errors import not_found
from log10_trace.server.http.query_params import RequestParams
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.pages.calls.list_view import Row, row
from log10_trace.server.routes import listing
from log10_trace.server.routes.filters import ORDERS, parse_filters
from log10_trace.server.store.data_types import CompletionSummary, Page

_MARKDOWN: Final = "md"
_ROWS_AT_ONCE: Final = 200
_MAX_ROWS: Final = 1_000
_HEADER: Final = (
    "| When (UTC) | Status | Asked | Answered | Model | Tokens in | Tokens out | Cost | Time |\n"
    "|---|---|---|---|---|--:|--:|--:|--:|\n"
)


async def twin(context: RequestContext) -> Response:
    """What matches, in the format that ends the path; JSON is a page of the API's list."""
    form = context.request.path_params["format"]
    if form in listing.FORMATS:
        return await listing.list_in_format(context, form)
    if form != _MARKDOWN:
        raise not_found("format")
    query = RequestParams(context.request.query_params, (*FILTER_NAMES, "order"))
    read_page = partial(
        context.store.completions.page,
        context.organization_id,
        parse_filters(query),
        order=query.choice("order", ORDERS, "newest"),
    )
    pieces = await context.read_pieces(_markdown(read_page, context.store.reports.prices))
    return StreamingResponse(pieces, media_type="text/markdown; charset=utf-8")


def _markdown(read_page: partial[Page[CompletionSummary]], prices: Prices) -> Iterator[bytes]:
    """A table of at most ``_MAX_ROWS`` calls, and a line that says when there are more."""
    yield _HEADER.encode()
    cursor, count = None, 0
    while count < _MAX_ROWS:
        found = read_page(limit=_ROWS_AT_ONCE, cursor=cursor)
        yield "".join(_line(row(summary, prices)) for summary in found.items).encode("utf-8", "replace")
        cursor, count = found.next_cursor, count + len(found.items)
        if cursor is None:
            return
    yield f"\nThe first {count:,} calls; JSON Lines and CSV have all.\n".encode()


def _line(call: Row) -> str:
    labels = call.labels
    answered = call.response
    if labels.status == FAILED:
        place = f" ({call.place})" if call.place else ""
        answered = f"{labels.failure_kind or 'Failed'}: {labels.failure_reason}{place}"
    cells = (
        formatting.clock(labels.began_ms)[:19] if labels.began_ms is not None else "",
        labels.display_status,
        call.request,
        answered,
        call.model,
        formatting.count(call.input_tokens),
        formatting.count(call.output_tokens),
        formatting.UNKNOWN if call.cost is None else formatting.dollars(call.cost),
        formatting.duration(labels.duration),
    )
    return f"| {' | '.join(map(escape_markdown, cells))} |\n"
