"""Reads the rows of the records that match a filter, in the order of a list; in PostgreSQL."""

from __future__ import annotations

from contextlib import nullcontext

from psycopg import Connection

from log10_trace.server.store.data_types import CompletionFilter, Order
from log10_trace.server.store.postgres.connections import Row, fetch_rows, with_settings
from log10_trace.server.store.postgres.filter_sql import (
    KeysetPosition,
    Projection,
    build_query,
    choose_access_path,
)
from log10_trace.server.store.postgres.tag_exclusion import split_by_time


def read_matching_rows(
    connection: Connection[Row],
    organization_id: str,
    wanted: CompletionFilter,
    projection: Projection,
    *,
    limit: int,
    order: Order = "newest",
    after: KeysetPosition | None = None,
) -> list[Row]:
    """At most ``limit`` rows from behind ``after`` on."""
    rows: list[Row] = []
    for part in split_by_time(connection, organization_id, wanted, order):
        asked = choose_access_path(connection, build_query(organization_id, part))
        if asked.source == "found" and not asked.found:
            continue
        with with_settings(connection, **asked.settings) if asked.settings else nullcontext():
            start = after
            while True:
                left = limit - len(rows)
                rows += fetch_rows(connection, *asked.page(projection, left, order, start))
                start = asked.find_next_start(left, order, start)
                if len(rows) == limit or start is None:
                    break
        if len(rows) == limit:
            break
    return rows
