"""The rows of lists: records are found among the rows as they lie on the disk, then read as they stand.

FINAL, which takes the last row of each record, reads every column of all that it looks at. Rows are found
without it by the index and a column or two, from one end of the list; FINAL then reads those records alone,
and leaves out the ones of which a later row does not match.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from log10_trace.server.store.clickhouse.connections import Connection, Row
from log10_trace.server.store.clickhouse.filter_sql import ListPlace, build_page
from log10_trace.server.store.clickhouse.queries import SQL
from log10_trace.server.store.clickhouse.text_search import BoundCondition
from log10_trace.server.store.data_types import Order

_ROWS_FOR_EACH: Final = 9
"""Rows that are looked at for each record that is wanted."""
_WIDER: Final = 8
"""How many times as many are looked at each time for each record that is still wanted."""
_MAX_ROWS: Final = 1_000
"""Rows that are looked at at once."""
_FEW: Final = 20_000
"""Rows that are found one by one; what is said of more is read from all rows."""


def read_page(
    connection: Connection,
    name: str,
    where: BoundCondition,
    *,
    limit: int,
    order: Order,
    after: ListPlace | None = None,
) -> list[Row]:
    """What the query ``name`` gives of at most ``limit`` records that come ``after`` another in ``order``."""
    found: list[Row] = []
    looked_at, for_each = 0, 1
    while looked_at < limit * _ROWS_FOR_EACH:
        size = min((limit - len(found)) * for_each, _MAX_ROWS)
        candidates = connection.ask(*build_page("candidates", where, limit=size, order=order, after=after))
        places = list(dict.fromkeys((place, completion_id) for place, completion_id in candidates))
        found += read_at(connection, name, where, places, order)
        if len(candidates) < size or len(found) >= limit:
            return found[:limit]
        after, looked_at, for_each = places[-1], looked_at + size, for_each * _WIDER
    # The parts hold many rows that do not stand any more, and are not merged yet.
    rest = build_page(name, where, limit=limit - len(found), order=order, after=after)
    return [*found, *connection.ask(*rest)]


def read_at(
    connection: Connection,
    name: str,
    where: BoundCondition,
    places: Sequence[ListPlace],
    order: Order = "newest",
) -> Sequence[Row]:
    """What the query ``name`` gives of the records at ``places`` that match, in ``order``."""
    if not places:
        return []
    # In order, since long lists are asked for in pieces.
    ordered = sorted(places, reverse=order == "newest")
    values = {
        "places": [place for place, _ in ordered],
        "ids": [completion_id for _, completion_id in ordered],
    }
    query, bound = build_page(name, where, limit=len(places), order=order, at=SQL["at_places"])
    return connection.ask(query, bound | values)


def write_few(connection: Connection, where: BoundCondition, *, timeout_s: float | None = None) -> str:
    """What a query with FINAL says of few rows that match, so as to read these; empty where many match.

    Raises:
        TimeoutError: it took longer than ``timeout_s``.
    """
    query = SQL["are_few"].replace("@where", where.text)
    ((are_few,),) = connection.ask(query, {**where.values, "limit": _FEW}, timeout_s=timeout_s) or ((0,),)
    return SQL["of_few"].replace("@condition", where.text) if are_few else ""
