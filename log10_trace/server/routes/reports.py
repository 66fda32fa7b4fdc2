"""Statistics from roll-ups, and what arrived from each process."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, get_args

from starlette.responses import Response

from log10_trace.domain.filters import FILTER_NAMES, FILTERS
from log10_trace.domain.metadata import is_key
from log10_trace.domain.times import rfc3339
from log10_trace.server.http.api_errors import not_found, unprocessable
from log10_trace.server.http.query_params import RequestParams
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.http.responses import json_response
from log10_trace.server.routes.filters import parse_filters
from log10_trace.server.store.common.metadata_labels import is_dimension, key_of_dimension
from log10_trace.server.store.data_types import (
    CompletionFilter,
    GroupBy,
    GroupTotals,
    Interval,
    SortBy,
    SourceReport,
    StatisticsQuery,
)

GROUPS: Final[tuple[GroupBy, ...]] = ("none", "model", "tag", "call_site", "session", "failure")
SORTS: Final[tuple[SortBy, ...]] = get_args(SortBy)
INTERVALS: Final[tuple[Interval, ...]] = ("minute", "hour", "day")


async def statistics(context: RequestContext) -> Response:
    """Counts, tokens, cost and percentiles of what matches, by group and over time."""
    query = RequestParams(context.request.query_params, (*FILTER_NAMES, "group_by", "interval", "sort"))
    wanted = StatisticsQuery(
        group_by=parse_group_by(query, "group_by", GROUPS),
        interval=query.choice("interval", INTERVALS, "hour"),
        sort=query.choice("sort", SORTS, "calls"),
        wanted=parse_filters(query),
    )
    found = await context.read(context.store.reports.statistics, context.organization_id, wanted)
    return json_response(
        {
            "groups": [totals_dict(each) for each in found.groups],
            "series": [totals_dict(each) for each in found.series],
            "exact": found.counted == wanted.counted,
            "counted": _filters_dict(found.counted),
        }
    )


def parse_group_by(query: RequestParams, name: str, groups: Sequence[GroupBy]) -> GroupBy:
    """One of the groups, ``none`` without one, or ``metadata.KEY``."""
    value = query.text(name) or ""
    if is_dimension(value):
        if not is_key(key_of_dimension(value)):
            raise unprocessable(name, "It must name a key of the metadata: metadata.user_id.")
        return value
    return query.choice(name, groups, "none")


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
    source = context.path_name("source")
    found = await context.read(context.store.reports.source, context.organization_id, source)
    if found is None:
        raise not_found("source")
    return json_response(_source_dict(found))


def _list_sources(context: RequestContext) -> Response:
    found = context.store.reports.sources(context.organization_id)
    return json_response({"sources": [_source_dict(each) for each in found]})


def totals_dict(totals: GroupTotals) -> dict[str, Any]:
    """Figures as the API gives them."""
    start = {} if totals.start_ms is None else {"start": _write_start(totals.start_ms)}
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


_write_start = lru_cache(maxsize=2_048)(rfc3339)
"""The groups of a series share their steps."""


def _filters_dict(counted: CompletionFilter) -> dict[str, Any]:
    """The filters that are set, by their names in the API."""
    values = {row: getattr(counted, row.store_field) for row in FILTERS}
    return {
        row.name: rfc3339(value) if row.type in ("start", "end") else value
        for row, value in values.items()
        if value not in (None, (), row.default)
    }


def _source_dict(report: SourceReport) -> dict[str, Any]:
    missing = [list(span) for span in report.missing]
    return {"source": report.source, "count": report.count, "last": report.last, "missing": missing}
