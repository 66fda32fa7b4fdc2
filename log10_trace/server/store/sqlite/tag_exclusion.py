"""Narrows ``tag_match=none``: roll-ups name the hours in which all calls have one of the tags."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from log10_trace.domain.ranges import merge_ranges
from log10_trace.server.store.common.usage_statistics import MINUTE_MS
from log10_trace.server.store.data_types import CompletionFilter, Order
from log10_trace.server.store.sqlite.connection import SQL

_HOUR_MS: Final = 60 * MINUTE_MS


def split_by_time(
    connection: sqlite3.Connection, organization_id: str, wanted: CompletionFilter, order: Order
) -> Iterator[CompletionFilter]:
    """The filter, cut into the spans of time where something may match, in the order of the list.

    Only a filter that wants none of some tags is cut: nothing else that all records have can be excluded.
    """
    if not wanted.tags or wanted.tag_match != "none":
        yield wanted
        return
    values = {"organization_id": organization_id, "tags": json.dumps(wanted.tags)}
    starts = [row["start"] * MINUTE_MS for row in connection.execute(SQL["hours_without_tags"], values)]
    spans = merge_ranges((start, start + _HOUR_MS - 1) for start in starts)
    for first_ms, last_ms in spans if order == "oldest" else reversed(spans):
        since_ms = first_ms if wanted.since_ms is None else max(wanted.since_ms, first_ms)
        until_ms = last_ms + 1 if wanted.until_ms is None else min(wanted.until_ms, last_ms + 1)
        if since_ms < until_ms:
            yield replace(wanted, since_ms=since_ms, until_ms=until_ms)
