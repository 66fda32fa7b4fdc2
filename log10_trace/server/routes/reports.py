"""Statistics from roll-ups, and what arrived from each process."""

from __future__ import annotations

import time
from typing import Any, Final

from starlette.responses import Response

from log10_trace.domain.times import rfc3339
from log10_trace.server.http.api_errors import not_found
from log10_trace.server.http.query_params import RequestParams
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.http.responses import json_response
from log10_trace.server.store.data_types import GroupBy, GroupTotals, Interval, SourceReport, StatisticsQuery

GROUPS: Final[tuple[GroupBy, ...]] = ("none", "model", "tag", "call_site", "session", "failure")
INTERVALS: Final[tuple[Interval, ...]] = ("minute", "hour", "day")


async def statistics(context: RequestContext) -> Response:
    """Counts, tokens, cost and percentiles, by group and over time."""
    query = RequestParams(context.request.query_params, ("group_by", "interval", "since", "until"))
    now_ms = time.time_ns() // 1_000_000
    wanted = StatisticsQuery(
        group_by=query.choice("group_by", GROUPS, "none"),
        interval=query.choice("interval", INTERVALS, "hour"),
        since_ms=query.timestamp_ms("since", now_ms),
        until_ms=query.end_ms("until", now_ms),
    )
    found = await context.read(context.store.reports.statistics, context.organization_id, wanted)
    return json_response(
        {
            "groups": [totals_dict(each) for each in found.groups],
            "series": [totals_dict(each) for each in found.series],
        }
    )


async def prices(context: RequestContext) -> Response:
    """What tokens cost, as the statistics charge them."""
    RequestParams(context.request.query_params, ())
    return json_response(context.store.reports.prices.document())


async def list_sources(context: RequestContext) -> Response:
    """What arrived from every process."""
    RequestParams(context.request.query_params, ())
    return await context.read(_list_sources, context)


async def get_source(context: RequestContext) -> Response:
    """The records received from one source, and the sequence numbers that are missing."""
    source = context.request.path_params["source"]
    found = await context.read(context.store.reports.source, context.organization_id, source)
    if found is None:
        raise not_found("source")
    return json_response(_source_dict(found))


def _list_sources(context: RequestContext) -> Response:
    found = context.store.reports.sources(context.organization_id)
    return json_response({"sources": [_source_dict(each) for each in found]})


def totals_dict(totals: GroupTotals) -> dict[str, Any]:
    """Figures as the API gives them."""
    start = {} if totals.start_ms is None else {"start": rfc3339(totals.start_ms)}
    return {
        "key": totals.key,
        **start,
        "calls": totals.calls,
        "failed": totals.failed,
        "input_tokens": totals.input_tokens,
        "output_tokens": totals.output_tokens,
        "cost": totals.cost,
        "unpriced": totals.unpriced,
        "p50": totals.p50,
        "p95": totals.p95,
        "p99": totals.p99,
        "first_token_p50": totals.first_token_p50,
        "first_token_p95": totals.first_token_p95,
    }


def _source_dict(report: SourceReport) -> dict[str, Any]:
    missing = [list(span) for span in report.missing]
    return {"source": report.source, "count": report.count, "last": report.last, "missing": missing}
