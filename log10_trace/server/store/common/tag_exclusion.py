"""Narrows ``tag_match=none``: roll-ups name the hours in which all calls have one of the tags. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from log10_trace.domain.ranges import merge_ranges
from log10_trace.server.store.common.rollups import LAST_MINUTE, MINUTE_MS
from log10_trace.server.store.data_types import CompletionFilter, Order

HOUR: Final = 60
"""Minutes."""


def excludes_tags(wanted: CompletionFilter) -> bool:
    """Whether the filter can be cut: nothing but a tag that all calls of an hour have can be excluded."""
    return bool(wanted.tags) and wanted.tag_match == "none"


def hours_of(wanted: CompletionFilter) -> dict[str, int]:
    """The minutes between which the hours of the filter's span begin, ``first`` and ``end``."""
    first = 0 if wanted.since_ms is None else wanted.since_ms // MINUTE_MS // HOUR * HOUR
    return {
        "first": first,
        "end": LAST_MINUTE if wanted.until_ms is None else -(-wanted.until_ms // MINUTE_MS),
    }


def split_by_hours(
    wanted: CompletionFilter, starts: Iterable[int], order: Order
) -> Iterator[CompletionFilter]:
    """The filter, cut into the hours that begin in the minutes ``starts``, in the order of the list."""
    hour_ms = HOUR * MINUTE_MS
    spans = merge_ranges((start * MINUTE_MS, start * MINUTE_MS + hour_ms - 1) for start in starts)
    for first_ms, last_ms in spans if order == "oldest" else reversed(spans):
        since_ms = first_ms if wanted.since_ms is None else max(wanted.since_ms, first_ms)
        until_ms = last_ms + 1 if wanted.until_ms is None else min(wanted.until_ms, last_ms + 1)
        if since_ms < until_ms:
            yield replace(wanted, since_ms=since_ms, until_ms=until_ms)
