"""The filters of a list: query parameters to a store's ``CompletionFilter``."""

from __future__ import annotations

import time
from typing import Final

from log10_trace.server.http.query_params import RequestParams
from log10_trace.server.store.data_types import CompletionFilter, Order, TagMatch

NAMES: Final = (
    "tag",
    "tag_match",
    "session_id",
    "status",
    "kind",
    "model",
    "failure_kind",
    "file",
    "function",
    "since",
    "until",
    "min_duration",
    "max_duration",
    "min_tokens",
    "max_tokens",
    "q",
)
TAG_MATCHES: Final[tuple[TagMatch, ...]] = ("any", "all", "none")
ORDERS: Final[tuple[Order, ...]] = ("newest", "oldest")
STATUSES: Final = ("started", "finished", "failed")


def filter_of(query: RequestParams) -> CompletionFilter:
    """What the request wants to see.

    Raises:
        Refusal: 422, naming the parameter that cannot be used.
    """
    now_ms = time.time_ns() // 1_000_000
    return CompletionFilter(
        tags=query.values("tag"),
        tag_match=query.choice("tag_match", TAG_MATCHES, "any"),
        session_id=query.text("session_id"),
        status=query.choice("status", STATUSES, "") or None,
        kind=query.text("kind"),
        model=query.text("model"),
        failure_kind=query.text("failure_kind"),
        file=query.text("file"),
        function=query.text("function"),
        since_ms=query.timestamp_ms("since", now_ms),
        until_ms=query.end_ms("until", now_ms),
        min_duration=query.number("min_duration"),
        max_duration=query.number("max_duration"),
        min_tokens=query.integer("min_tokens"),
        max_tokens=query.integer("max_tokens"),
        text=_text_of(query),
    )


def _text_of(query: RequestParams) -> str | None:
    """The words to look for; none for stars alone, with which every word begins."""
    text = query.text("q")
    return None if text is not None and not text.replace("*", "").strip() else text
