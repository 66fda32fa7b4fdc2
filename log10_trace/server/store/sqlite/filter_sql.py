"""Translates a ``CompletionFilter`` to SQL that yields the matching sort keys in order. Pure.

Conditions come from a closed table; values are bound, never written into the text. Every query is driven by
one index; the other conditions only look at what comes. Most indexes end with the position, so their rows
come in order and reading stops at the limit. Where several would do, counting tells which is the shortest.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from log10_trace.domain.call_labels import CHAT, FINISHED
from log10_trace.domain.filters import COLUMN_FILTERS
from log10_trace.server.store.common.metadata_labels import parse_pairs
from log10_trace.server.store.common.paging import FIRST, LAST
from log10_trace.server.store.common.search_query import parse_search_query
from log10_trace.server.store.data_types import CompletionFilter, Order, SearchedFilter
from log10_trace.server.store.sqlite.sort_keys import SORT_KEYS
from log10_trace.server.store.sqlite.text_query import build_fts_query

_COMPARISONS: Final = {row.name: f"{row.column} {row.operator} :{row.name}" for row in COLUMN_FILTERS}
_INDEX_OF: Final = {
    "session_id": "completions_by_session",
    "failure_kind": "completions_by_failure",
    "file": "completions_by_file",
    "function": "completions_by_function",
    "prompt_digest": "completions_by_prompt",
    "trace_id": "completions_by_trace",
    "model": "completions_by_model",
    "status": "completions_not_finished",
    "kind": "completions_not_chat",
}
"""Filters whose column has an index of its own, which can drive."""
_LEFT_OUT: Final = {"status": FINISHED, "kind": CHAT}
"""What their indexes leave out, because nearly all records have it."""
_INDEX_OF_RANGE: Final = (
    ("completions_by_duration", "min_duration", "max_duration"),
    ("completions_by_tokens", "min_tokens", "max_tokens"),
)
_DIRECTIONS: Final[dict[Order, str]] = {"newest": "DESC", "oldest": "ASC"}
_MOST_COUNTED: Final = 50_000
"""Rows of a way; longer ones are all the same."""
_FEW: Final = 1_000
"""Rows that may come in another order than the list's, or be looked up in the text index one by one."""
_OURS: Final = "c.organization_id = :organization_id"


class BoundQuery(NamedTuple):
    """A statement and the values to bind."""

    text: str
    values: dict[str, Any]


class AccessPath(NamedTuple):
    """Where rows are read from; ``c`` is their row in ``completions``."""

    source: str
    condition: str = _OURS
    position: str = "c.position"
    label: int | None = None
    """Which of the tags and pairs of metadata it sees to; the pairs are numbered behind the tags."""
    record: str = ""
    """How to come to ``c``, where the source is another table."""


_BY_TIME: Final = AccessPath("completions c INDEXED BY completions_by_time")
_BY_TEXT: Final = AccessPath(
    "search CROSS JOIN completions c ON c.position = search.rowid",
    f"search MATCH :text AND {_OURS}",
    "search.rowid",
)
_BY_TEXT_ALONE: Final = AccessPath("search", "search MATCH :text", "search.rowid")
"""The word that stands for the organization keeps others out, and their rows are not read."""
_BY_FOUND: Final = AccessPath(
    "json_each(:found) found CROSS JOIN completions c ON c.position = found.value", _OURS, "found.value"
)
_BY_FOUND_ALONE: Final = AccessPath("json_each(:found) found", "true", "found.value")
_WITHOUT_RECORDS: Final = {_BY_TEXT: _BY_TEXT_ALONE, _BY_FOUND: _BY_FOUND_ALONE}
_SEARCHED: Final = (*_WITHOUT_RECORDS, *_WITHOUT_RECORDS.values())
"""What holds only records in which the words are found."""
_HAS_TEXT: Final = "EXISTS (SELECT 1 FROM search WHERE search MATCH :text AND search.rowid = {})"


def select_positions(
    organization_id: str,
    wanted: CompletionFilter,
    *,
    count: Callable[[BoundQuery], int],
    after: int | None = None,
    limit: int,
    order: Order = "newest",
    checks_owner: bool = True,
) -> BoundQuery:
    """The query for up to ``limit`` positions, from behind ``after`` on.

    ``count`` runs a counting query; it is asked only when there is more than one way to go. Without
    ``checks_owner`` the caller looks at the organization of each record.

    Raises:
        SearchError: the text to search for holds no word.
    """
    text, values = select_matching(
        organization_id, wanted, count=count, after=after, order=order, checks_owner=checks_owner
    )
    return BoundQuery(
        f"{text} ORDER BY position {_DIRECTIONS[order]} LIMIT :limit", {**values, "limit": limit}
    )


def select_matching(
    organization_id: str,
    wanted: CompletionFilter,
    *,
    count: Callable[[BoundQuery], int],
    after: int | None = None,
    order: Order = "newest",
    checks_owner: bool = True,
) -> BoundQuery:
    """The query for all positions behind ``after``, in any order; as ``select_positions``.

    Raises:
        SearchError: the text to search for holds no word.
    """
    values = _values(organization_id, wanted, after, order)
    drivers = _choose_access_paths(wanted, values, count)
    if not checks_owner:
        drivers = _leave_records_out(drivers, wanted)
    return BoundQuery(" UNION ".join(_union_branch(driver, wanted) for driver in drivers), values)


def count_positions(
    organization_id: str, wanted: CompletionFilter, *, count: Callable[[BoundQuery], int]
) -> BoundQuery:
    """The query for how many positions from ``low`` to ``high`` match; both are among its values.

    Raises:
        SearchError: the text to search for holds no word.
    """
    values = _values(organization_id, wanted, None, "newest")
    drivers = _leave_records_out(_choose_access_paths(wanted, values, count), wanted)
    arms = [_union_branch(driver, wanted) for driver in drivers]
    return BoundQuery(f"SELECT count(*) FROM ({' UNION '.join(arms)})", values)  # noqa: S608 -- as above


def select_by_words(organization_id: str, wanted: CompletionFilter, limit: int) -> BoundQuery:
    """The query for up to ``limit`` positions at which the words of a filter are found in its span of time.

    Raises:
        SearchError: the text to search for holds no word.
    """
    span = CompletionFilter(since_ms=wanted.since_ms, until_ms=wanted.until_ms, text=wanted.text)
    values = _values(organization_id, span, None, "newest")
    return BoundQuery(f"{_union_branch(_BY_TEXT_ALONE, span)} LIMIT {limit:d}", values)


def _leave_records_out(drivers: list[AccessPath], wanted: CompletionFilter) -> list[AccessPath]:
    """The same rows without the records themselves, where nothing is asked of them but their text."""
    if _record_conditions(wanted):
        return drivers
    return [_WITHOUT_RECORDS.get(driver, driver) for driver in drivers]


def _choose_access_paths(
    wanted: CompletionFilter, values: dict[str, Any], count: Callable[[BoundQuery], int]
) -> list[AccessPath]:
    """The rows to go by: one index, or with any of several tags those of each."""

    def length(way: list[AccessPath], most: int) -> int:
        return sum(count(_build_count(driver, values, most)) for driver in way)

    if "found" in values:
        return [_BY_FOUND]
    ways = _list_ordered_access_paths(wanted)
    short = _list_unordered_access_paths(wanted) + ([] if wanted.text is None else ways)
    for way in short:
        if length(way, _FEW + 1) <= _FEW:
            return way
    if wanted.text is not None:
        return [_BY_TEXT]
    if len(ways) <= 1:
        return ways[0] if ways else [_BY_TIME]
    return min(ways, key=lambda way: length(way, _MOST_COUNTED))


def _list_ordered_access_paths(wanted: CompletionFilter) -> list[list[AccessPath]]:
    """Indexes whose rows come in the order of the list."""
    ways = [
        [_by_column(name)]
        for name in _INDEX_OF
        if getattr(wanted, name) is not None and getattr(wanted, name) != _LEFT_OUT.get(name)
    ]
    if wanted.tags and wanted.tag_match == "any":
        ways.append([_by_label(number) for number in range(len(wanted.tags))])
    elif wanted.tags and wanted.tag_match == "all":
        ways.extend([_by_label(number)] for number in range(len(wanted.tags)))
    ways.extend([_by_label(len(wanted.tags) + number)] for number in range(len(wanted.metadata)))
    return ways


def _list_unordered_access_paths(wanted: CompletionFilter) -> list[list[AccessPath]]:
    """Indexes whose rows come in the order of a value."""
    return [
        [AccessPath(f"completions c INDEXED BY {index}", " AND ".join([_OURS, *asked]))]
        for index, *names in _INDEX_OF_RANGE
        if (asked := [f"c.{_COMPARISONS[name]}" for name in names if getattr(wanted, name) is not None])
    ]


def _by_column(name: str) -> AccessPath:
    condition = f"{_OURS} AND c.{_COMPARISONS[name]}"
    if name in _LEFT_OUT:
        condition += f" AND c.{name} <> '{_LEFT_OUT[name]}'"  # says that the partial index will do
    return AccessPath(f"completions c INDEXED BY {_INDEX_OF[name]}", condition)


def _by_label(number: int) -> AccessPath:
    return AccessPath(
        "tags t",
        f"t.organization_id = :organization_id AND t.tag = :label_{number:d}",
        "t.position",
        number,
        "CROSS JOIN completions c ON c.position = t.position",  # CROSS: in this order
    )


def _build_count(driver: AccessPath, values: dict[str, Any], most: int) -> BoundQuery:
    """How many rows a driver would read, as far as it matters."""
    rows = f"{_rows(driver, [], [])} LIMIT {most:d}"
    return BoundQuery(f"SELECT count(*) FROM ({rows})", values)  # noqa: S608 -- made of the tables above


def _union_branch(driver: AccessPath, wanted: CompletionFilter) -> str:
    of_others = _label_conditions(wanted, driver)
    if wanted.text is not None and driver not in _SEARCHED:
        of_others.append(_HAS_TEXT.format(driver.position))
    return _rows(driver, _record_conditions(wanted), of_others)


def _record_conditions(wanted: CompletionFilter) -> list[str]:
    return [f"c.{text}" for name, text in _COMPARISONS.items() if getattr(wanted, name) is not None]


def _rows(driver: AccessPath, of_record: list[str], of_others: list[str]) -> str:
    where = " AND ".join(
        [driver.condition, f"{driver.position} BETWEEN :low AND :high", *of_record, *of_others]
    )
    source = f"{driver.source} {driver.record}" if of_record else driver.source
    return f"SELECT {driver.position} AS position FROM {source} WHERE {where}"  # noqa: S608 -- as above


def _label_conditions(wanted: CompletionFilter, driver: AccessPath) -> list[str]:
    """What the driver does not see to: all pairs of metadata, and all tags, none of them, or any of them."""
    tests = {
        number: "EXISTS (SELECT 1 FROM tags o WHERE o.organization_id = :organization_id "  # noqa: S608 -- as above
        f"AND o.tag = :label_{number:d} AND o.position = {driver.position})"
        for number in range(len(wanted.tags) + len(wanted.metadata))
        if number != driver.label
    }
    of_tags = [test for number, test in tests.items() if number < len(wanted.tags)]
    of_metadata = [test for number, test in tests.items() if number >= len(wanted.tags)]
    if wanted.tag_match == "none":
        of_tags = [f"NOT {test}" for test in of_tags]
    elif wanted.tag_match == "any" and of_tags:
        of_tags = [f"({' OR '.join(of_tags)})"] if len(of_tags) == len(wanted.tags) else []
    return of_tags + of_metadata


def _values(
    organization_id: str, wanted: CompletionFilter, after: int | None, order: Order
) -> dict[str, Any]:
    low = FIRST if wanted.since_ms is None else SORT_KEYS.first_of(wanted.since_ms)
    high = LAST if wanted.until_ms is None else SORT_KEYS.first_of(wanted.until_ms) - 1
    if after is not None:
        low, high = (low, min(high, after - 1)) if order == "newest" else (max(low, after + 1), high)
    values = {name: getattr(wanted, name) for name in _COMPARISONS if getattr(wanted, name) is not None}
    labels = (*wanted.tags, *(pair.label for pair in parse_pairs(wanted.metadata)))
    values |= {f"label_{number:d}": label for number, label in enumerate(labels)}
    if wanted.text is not None:
        values["text"] = build_fts_query(organization_id, parse_search_query(wanted.text))
    if isinstance(wanted, SearchedFilter) and wanted.found is not None:
        values["found"] = json.dumps([position for position in wanted.found if low <= position <= high])
    return {"organization_id": organization_id, "low": low, "high": high, **values}
