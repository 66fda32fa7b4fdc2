"""Narrows ``tag_match=none`` by roll-ups, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from psycopg import Connection

from log10_trace.server.store.common.tag_exclusion import excludes_tags, hours_of, split_by_hours
from log10_trace.server.store.data_types import CompletionFilter, Order
from log10_trace.server.store.postgres.connections import Row, fetch_rows
from log10_trace.server.store.postgres.index_keys import truncate_key
from log10_trace.server.store.postgres.queries import load

_SQL: Final = load("rollups.sql")


def split_by_time(
    connection: Connection[Row], organization_id: str, wanted: CompletionFilter, order: Order
) -> Iterator[CompletionFilter]:
    """The filter, cut into the spans of time where something may match, in the order of the list."""
    if not excludes_tags(wanted):
        yield wanted
        return
    values = {
        "organization_id": organization_id,
        "tags": [truncate_key(tag) for tag in wanted.tags],
        **hours_of(wanted),
    }
    starts = [start for (start,) in fetch_rows(connection, _SQL["hours_without_tags"], values)]
    yield from split_by_hours(wanted, starts, order)
