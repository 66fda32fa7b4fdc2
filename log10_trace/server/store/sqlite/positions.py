"""Finds the positions of the records that match a filter, in the order of a list."""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Final

from log10_trace.server.store.data_types import CompletionFilter, Order, SearchedFilter
from log10_trace.server.store.sqlite.filter_sql import BoundQuery, select_positions
from log10_trace.server.store.sqlite.sort_keys import SORT_KEYS
from log10_trace.server.store.sqlite.tag_exclusion import split_by_time

_GROWTH: Final = 4
"""How much more of what was found is looked at where a part did not fill a page."""


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
    parts = split_by_time(connection, organization_id, wanted, order)
    for part in chain.from_iterable(_split_found(part, limit, order) for part in parts):
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


def _split_found(wanted: CompletionFilter, limit: int, order: Order) -> Iterator[CompletionFilter]:
    """The filter, cut into parts of what was found for it, in the order of the list: few fill a page."""
    if not isinstance(wanted, SearchedFilter) or wanted.found is None:
        yield wanted
        return
    first = 0 if wanted.since_ms is None else bisect_left(wanted.found, SORT_KEYS.first_of(wanted.since_ms))
    end = None if wanted.until_ms is None else bisect_left(wanted.found, SORT_KEYS.first_of(wanted.until_ms))
    found = wanted.found[first:end]
    if order == "newest":
        found = found[::-1]
    size, at = limit, 0
    while at < len(found):
        yield replace(wanted, found=tuple(found[at : at + size]))
        at += size
        size *= _GROWTH
