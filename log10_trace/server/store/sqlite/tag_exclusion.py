"""Narrows ``tag_match=none`` by roll-ups, on SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator

from log10_trace.server.store.common.tag_exclusion import excludes_tags, hours_of, split_by_hours
from log10_trace.server.store.data_types import CompletionFilter, Order
from log10_trace.server.store.sqlite.connection import SQL


def split_by_time(
    connection: sqlite3.Connection, organization_id: str, wanted: CompletionFilter, order: Order
) -> Iterator[CompletionFilter]:
    """The filter, cut into the spans of time where something may match, in the order of the list."""
    if not excludes_tags(wanted):
        yield wanted
        return
    values = {"organization_id": organization_id, "tags": json.dumps(wanted.tags), **hours_of(wanted)}
    starts = [row["start"] for row in connection.execute(SQL["hours_without_tags"], values)]
    yield from split_by_hours(wanted, starts, order)
