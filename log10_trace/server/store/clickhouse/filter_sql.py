"""Translates a filter to conditions of ClickHouse's SQL, and the values to bind. Pure."""

from __future__ import annotations

from typing import Any, Final

from log10_trace.domain.filters import COLUMN_FILTERS, FilterType
from log10_trace.domain.text_extraction import sanitize
from log10_trace.server.store.clickhouse.queries import SQL
from log10_trace.server.store.clickhouse.record_rows import SORT_KEYS
from log10_trace.server.store.clickhouse.text_search import BoundCondition, build_conditions
from log10_trace.server.store.clickhouse.value_lists import split_list
from log10_trace.server.store.common.metadata_labels import parse_pairs
from log10_trace.server.store.common.search_query import parse_search_query
from log10_trace.server.store.data_types import CompletionFilter, Order

_TYPES: Final[dict[FilterType, str]] = {"seconds": "Float64", "count": "Int64"}
_COMPARISONS: Final = {
    row.name: f"{row.column} {row.operator} {{{row.name}:{_TYPES.get(row.type, 'String')}}}"
    for row in COLUMN_FILTERS
}
"""Conditions on one column, each by the name of its field of a ``CompletionFilter``."""
_TAGS: Final = {"any": ("hasAny", " OR "), "all": ("hasAll", " AND "), "none": ("NOT hasAny", " AND ")}
"""How tags match -> the function for a list of them, and what joins the pieces of a long list."""

ListPlace = tuple[int, str]
"""Where a record stands in lists: its sort key, and its id."""


def build_where(organization_id: str, wanted: CompletionFilter) -> BoundCondition:
    """What must hold of the rows that a filter means.

    Raises:
        SearchError: its text holds no word.
    """
    conditions = ["organization_id = {organization_id:String}"]
    values: dict[str, Any] = {"organization_id": organization_id}
    found: list[BoundCondition] = []
    if wanted.since_ms is not None:
        conditions.append("place >= {since:Int64}")
        values["since"] = SORT_KEYS.first_of(wanted.since_ms)
    if wanted.until_ms is not None:
        conditions.append("place < {until:Int64}")
        values["until"] = SORT_KEYS.first_of(wanted.until_ms)
    for name, comparison in _COMPARISONS.items():
        if (value := getattr(wanted, name)) is not None:
            conditions.append(comparison)
            values[name] = sanitize(value) if isinstance(value, str) else value
    if wanted.tags:
        found.append(_compare_list("tags", *_TAGS[wanted.tag_match], [sanitize(tag) for tag in wanted.tags]))
    if wanted.metadata:
        pairs = [sanitize(pair.text) for pair in parse_pairs(wanted.metadata)]
        found.append(_compare_list("metadata", "hasAll", " AND ", pairs))
    if wanted.text is not None:
        found += build_conditions(parse_search_query(wanted.text))
    for each in found:
        conditions.append(each.text)
        values |= each.values
    return BoundCondition(" AND ".join(conditions), values)


def _compare_list(column: str, function: str, joint: str, texts: list[str]) -> BoundCondition:
    """A condition on a column of lists, with a long list of texts in pieces that a server takes."""
    values = {f"{column}_{number}": piece for number, piece in enumerate(split_list(texts))}
    parts = [f"{function}({column}, {{{name}:Array(String)}})" for name in values]
    return BoundCondition(f"({joint.join(parts)})" if len(parts) > 1 else parts[0], values)


def build_page(
    name: str,
    where: BoundCondition,
    *,
    limit: int,
    order: Order,
    after: ListPlace | None = None,
    at: str = "",
) -> BoundCondition:
    """The query ``name`` for at most ``limit`` rows that come ``after`` a record in ``order``.

    ``at`` is what it says of the places that it reads, where these are known.
    """
    conditions, values = where.text, {**where.values, "limit": limit}
    if after is not None:
        conditions += f" AND {SQL[f'after_{order}']}"
        values |= {"after": after[0], "after_id": after[1]}
    query = SQL[name].replace("@places", at)
    return BoundCondition(f"{query} {conditions} {SQL[order]}", values)
