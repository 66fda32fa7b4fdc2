"""Finds the positions of the records that match a filter, in the order of a list."""

from __future__ import annotations

import sqlite3

from log10_trace.server.store.data_types import CompletionFilter, Order
from log10_trace.server.store.sqlite.filter_sql import BoundQuery, select_positions
from log10_trace.server.store.sqlite.tag_exclusion import split_by_time


def find_positions(
    connection: sqlite3.Connection,
    organization_id: str,
    wanted: CompletionFilter,
    *,
    after: int | None,
    limit: int,
    order: Order,
    checks_owner: bool = True,
) -> list[int]:
    """At most ``limit`` positions from behind ``after`` on; as ``select_positions``."""

    def count(query: BoundQuery) -> int:
        return int(connection.execute(query.text, query.values).fetchone()[0])

    found: list[int] = []
    for part in split_by_time(connection, organization_id, wanted, order):
        left = limit - len(found)
        query = select_positions(
            organization_id,
            part,
            count=count,
            after=after,
            limit=left,
            order=order,
            checks_owner=checks_owner,
        )
        found += [position for (position,) in connection.execute(query.text, query.values)]
        if len(found) == limit:
            break
    return found
