"""The filters of a list: query parameters to a store's ``CompletionFilter``."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from log10_trace.domain.filters import FILTERS, Filter, FilterType
from log10_trace.server.http.query_params import RequestParams
from log10_trace.server.store.data_types import CompletionFilter, Order

ORDERS: Final[tuple[Order, ...]] = ("newest", "oldest")


def parse_filters(query: RequestParams) -> CompletionFilter:
    """What the request wants to see.

    Raises:
        ApiError: 422, naming the parameter that cannot be used.
    """
    now_ms = time.time_ns() // 1_000_000
    values: dict[str, Any] = {row.store_field: _READERS[row.type](query, row, now_ms) for row in FILTERS}
    return CompletionFilter(**values)


def _parse_search_text(query: RequestParams, row: Filter, _now_ms: int) -> str | None:
    """The words to look for; none for stars alone, with which every word begins."""
    text = query.text(row.name)
    return None if text is not None and not text.replace("*", "").strip() else text


_READERS: Final[Mapping[FilterType, Callable[[RequestParams, Filter, int], Any]]] = {
    "pairs": lambda query, row, _: query.pairs(row.name),
    "labels": lambda query, row, _: query.values(row.name),
    "label": lambda query, row, _: query.text(row.name),
    "choice": lambda query, row, _: query.choice(row.name, row.values, row.default or "") or None,
    "start": lambda query, row, now_ms: query.timestamp_ms(row.name, now_ms),
    "end": lambda query, row, now_ms: query.end_ms(row.name, now_ms),
    "seconds": lambda query, row, _: query.number(row.name),
    "count": lambda query, row, _: query.integer(row.name),
    "search": _parse_search_text,
}
