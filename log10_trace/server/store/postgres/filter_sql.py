"""Translates a filter to SQL of PostgreSQL: named blocks of SQL, and the values to bind."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from psycopg import Connection

from log10_trace.domain.filters import COLUMN_FILTERS
from log10_trace.domain.text_extraction import sanitize
from log10_trace.server.store.common.metadata_labels import parse_pairs
from log10_trace.server.store.common.paging import FIRST, LAST
from log10_trace.server.store.common.search_query import parse_search_query
from log10_trace.server.store.data_types import CompletionFilter, Order, SearchedFilter
from log10_trace.server.store.postgres.arrays import rows_to_columns, write_array
from log10_trace.server.store.postgres.connections import PLAN_BY_VALUES, Row, with_settings
from log10_trace.server.store.postgres.index_keys import truncate_key, truncate_value
from log10_trace.server.store.postgres.partitioning import SORT_KEYS
from log10_trace.server.store.postgres.queries import load
from log10_trace.server.store.postgres.text_search import to_tsquery

_COMPARISONS: Final = {
    row.name: f"AND {row.column} {row.operator} %({row.name})s".encode() for row in COLUMN_FILTERS
}
"""Conditions on one column, each by the name of its field of a ``CompletionFilter``."""
_SQL: Final = {**load("listing.sql"), **_COMPARISONS}
SUMMARIES_BY_ID: Final = b"\n".join((_SQL["summaries"], _SQL["named"]))
"""The summaries of the records of some ids."""
RECORDS_BY_ID: Final = b"\n".join((_SQL["records"], _SQL["named"]))
"""The whole records of some ids."""

SESSION_ENDS: Final = _SQL["session_ends"]
"""The ids of the first and the last record of some sessions."""
SESSION_ENDS_NEAR: Final = _SQL["session_ends_near"]
"""The same of the days on which the sessions began and ended."""

_LIMIT: Final = "limit"
_FOUND: Final = ("places", "ids", "placed")
"""The columns of the source "found"."""
ALL: Final = "all"
"""The source of a question that no tag and no word narrows down."""
_INDEXED_RANGES: Final = frozenset(
    row.name for row in COLUMN_FILTERS if row.operator != "=" and row.column in ("duration", "tokens")
)
"""Ranges whose records an index finds, so that it costs little to look whether they are few."""
_ORDERED: Final = frozenset(
    {"model", "session_id", "failure_kind", "file", "prompt_digest", "trace_id", "no_tag"}
)
"""Conditions whose records are best read in the order of lists, whatever the value is."""
_FEW: Final = 6_000
"""Matching records above which reading in order soon fills a page.

An index finds so many in some 20 ms. Reading in order is slow where those that match lie close together in
time: among a million records, 2,500 of a few seconds took 6 s.
"""
_IN_ORDER: Final = {"enable_seqscan": "off", "enable_bitmapscan": "off"}
"""Settings with which texts are read in the order of lists until a page is full."""
BITMAPS_ONLY: Final = {"enable_seqscan": "off", "enable_indexscan": "off"}
"""Settings with which words are looked up by their own index."""
_SHORT_MS: Final = 120_000
Projection = Literal["summaries", "records", "keys", "summed_facts", "facts", "tagged_facts"]
KeysetPosition = tuple[int, str]
"""Order of records in lists: sort key, then id."""


@dataclass(frozen=True, slots=True)
class FilterQuery:
    """The completions that a filter means, to be asked for page by page."""

    source: str
    """The name of what is read in the order of the list."""
    conditions: tuple[str, ...]
    """Names of what must hold beside it."""
    values: dict[str, Any]
    low: int = FIRST
    high: int = LAST
    """The places that are asked for, both ends included."""
    otherwise: str = ALL
    """What to read instead of words that are common."""
    is_searched: bool = False
    """Whether it is known already that its words are common."""
    found: Sequence[Row] = ()
    """Place, id and moment of what the source "found" has, the latest first."""

    @property
    def settings(self) -> Mapping[str, str]:
        """Settings of PostgreSQL with which it reads well."""
        if self.source == "words":
            return _IN_ORDER
        is_ordered = len(self.conditions) <= 1 and _ORDERED.issuperset(self.conditions)
        return {} if is_ordered or self.source != ALL else PLAN_BY_VALUES

    def page(
        self, wanted: Projection, limit: int, order: Order, after: KeysetPosition | None = None
    ) -> tuple[bytes, dict[str, Any]]:
        """The SQL for at most ``limit`` rows that come ``after`` a record in ``order``, and its values."""
        values = {**self.values, "low": self.low, "high": self.high}
        start: tuple[str, ...] = ()
        if after is not None:
            start = (f"after_{order}",)
            values |= {"after": after[0], "after_id": after[1]}
            if order == "newest":
                values["high"] = min(self.high, after[0])
            else:
                values["low"] = max(self.low, after[0])
        if self.source == "found":
            values |= _write_found(self._list_first_found(limit, order, after))
        # No value: a plan that is made for any limit reads as if a tenth of all records were wanted.
        sql = {**_SQL, _LIMIT: b"LIMIT %d" % limit}
        return b"\n".join(sql[name] for name in (wanted, *self._blocks(order, start), order, _LIMIT)), values

    @property
    def is_short(self) -> bool:
        """Whether it is of a few minutes, in which all records are soon read."""
        length_ms = SORT_KEYS.began_ms(self.high) - SORT_KEYS.began_ms(self.low)
        return self.source == ALL and not self.settings and length_ms <= _SHORT_MS

    @property
    def known_count(self) -> int | None:
        """How many completions there are, where they are found already and nothing else is asked."""
        return len(self.found) if self.source == "found" and not self.conditions else None

    @property
    def min_count(self) -> int:
        """How many completions there are at least, as far as a search has told."""
        return _FEW if self.is_searched else 0

    def every(self) -> tuple[bytes, dict[str, Any]]:
        """The SQL for a row of each completion, in any order, and its values."""
        blocks = (
            (ALL,) if self.source == ALL else (self.source, "look_up" if self.conditions else "no_look_up")
        )
        values = {**self.values, "low": self.low, "high": self.high, **_write_found(self.found)}
        return b"\n".join(_SQL[name] for name in ("ones", *blocks, *self.conditions)), values

    def _list_first_found(self, limit: int, order: Order, after: KeysetPosition | None) -> Sequence[Row]:
        """Where nothing else is asked those that a page can have; to send thousands takes milliseconds."""
        if self.conditions:
            return self.found
        sign = -1 if order == "newest" else 1
        rows = self.found if order == "newest" else self.found[::-1]

        def rank(row: Row) -> int:
            return sign * int(row[0])

        # The database has the order of what is of one moment: either all of it is sent or none.
        start = end = 0
        if after is not None:
            start = bisect_left(rows, sign * after[0], key=rank)
            end = bisect_right(rows, sign * after[0], key=rank)
        end = min(end + limit, len(rows))
        return rows[start : bisect_right(rows, rank(rows[end - 1]), key=rank)] if end else ()

    def find_next_start(
        self, limit: int, order: Order, after: KeysetPosition | None
    ) -> KeysetPosition | None:
        """Where to go on after a page that is not full, of which records were deleted since they were found.

        None where all that was found has been asked for.
        """
        if self.source != "found" or self.conditions:
            return None
        sent = self._list_first_found(limit, order, after)
        if not sent or sent[-1][0] == self.found[-1 if order == "newest" else 0][0]:
            return None
        return (sent[-1][0], "") if order == "newest" else (sent[-1][0] + 1, "")

    def _blocks(self, order: Order, start: tuple[str, ...]) -> tuple[str, ...]:
        if self.source == ALL:
            return (ALL, *start, *self.conditions)
        # Where nothing else is asked, the first so many of the source are the answer; but what was found may
        # have been deleted since.
        end = () if self.conditions or self.source == "found" else (_LIMIT,)
        return (self.source, *start, order, *end, "look_up", *self.conditions)


def _write_found(rows: Sequence[Row]) -> dict[str, str]:
    return {name: write_array(column) for name, column in rows_to_columns(_FOUND, rows).items()}


def build_query(organization_id: str, wanted: CompletionFilter) -> FilterQuery:
    """What to ask for ``wanted``.

    Raises:
        SearchError: its text holds no word.
    """
    values: dict[str, Any] = {"organization_id": organization_id}
    source = otherwise = ALL
    conditions: list[str] = []
    if wanted.tags or wanted.metadata:
        source, conditions, of_labels = _choose_label_source(wanted)
        values |= of_labels
    if wanted.text is not None:
        values["query"] = to_tsquery(parse_search_query(wanted.text))
        conditions += [name for name in _seen_to_by(source) if name not in conditions]
        otherwise, source = source, "words"
    for name in _COMPARISONS:
        if (value := getattr(wanted, name)) is not None:
            conditions.append(name)
            values[name] = truncate_key(sanitize(value)) if isinstance(value, str) else value
    asked = FilterQuery(
        source=source,
        conditions=tuple(conditions),
        values=values,
        low=FIRST if wanted.since_ms is None else SORT_KEYS.first_of(wanted.since_ms),
        high=LAST if wanted.until_ms is None else SORT_KEYS.first_of(wanted.until_ms) - 1,
        otherwise=otherwise,
    )
    return _use_found(asked, wanted.found) if isinstance(wanted, SearchedFilter) else asked


def _use_found(asked: FilterQuery, found: Sequence[Row] | None) -> FilterQuery:
    """The same question of the records in which its words were found; None: the words are common."""
    if asked.source != "words":
        return asked
    if found is not None:
        in_range = [row for row in found if asked.low <= row[0] <= asked.high]
        return replace(asked, source="found", found=in_range)
    if not asked.conditions:
        return replace(asked, is_searched=True)
    return replace(asked, source=asked.otherwise, conditions=(*asked.conditions, "has_words"))


def choose_access_path(connection: Connection[Row], asked: FilterQuery) -> FilterQuery:
    """The same question, with the few records in its range, or with its words, already found.

    Of several labels that are all wanted, the rarest is read.
    """
    if "all_labels" in asked.conditions:
        rarest = connection.execute(_SQL["rarest_label"], asked.values).fetchone()
        asked = replace(asked, values={**asked.values, "label": rarest and rarest[0]})
    ranges = [name for name in asked.conditions if name in _INDEXED_RANGES]
    if ranges and asked.source != "found":
        values = {**asked.values, "low": asked.low, "high": asked.high, "most": _FEW}
        probe = b"\n".join(_SQL[name] for name in ("probe_range", *ranges, "most"))
        with with_settings(connection, **PLAN_BY_VALUES):
            rows = connection.execute(probe, values).fetchall()
        if len(rows) < _FEW:
            return _restrict_to_rows(asked, rows)
    if asked.source != "words" or asked.is_searched:
        return asked
    return _use_found(asked, find_words(connection, asked))


def _restrict_to_rows(asked: FilterQuery, rows: Sequence[Row]) -> FilterQuery:
    """The same question of these records alone."""
    conditions = tuple(dict.fromkeys((*asked.conditions, *_seen_to_by(asked.source))))
    return replace(asked, source="found", conditions=conditions, found=rows)


def _seen_to_by(source: str) -> tuple[str, ...]:
    """The names of what holds for whatever is read from a source, and must be asked for without it."""
    seen_to = {"label": "all_labels", "any_tag": "has_tag", "words": "has_words"}
    return (seen_to[source],) if source in seen_to else ()


def find_words(connection: Connection[Row], asked: FilterQuery) -> list[Row] | None:
    """What the records are known by in which the words of a query are found, the latest first.

    None where they are many.
    """
    values = {**asked.values, "low": asked.low, "high": asked.high, "most": _FEW}
    with with_settings(connection, **BITMAPS_ONLY):
        rows = connection.execute(_SQL["probe"], values).fetchall()
    if rows and rows[0][-1] == _FEW:
        return None
    return sorted([row[:-1] for row in rows], reverse=True)


def build_ungraded_query(organization_id: str, task_id: str, tags: tuple[str, ...]) -> FilterQuery:
    """What to ask for completions with any of ``tags`` and no feedback for the task."""
    by_tag = build_query(organization_id, CompletionFilter(tags=tags, tag_match="any"))
    return replace(by_tag, conditions=("ungraded",), values={**by_tag.values, "task_id": task_id})


def _choose_label_source(wanted: CompletionFilter) -> tuple[str, list[str], dict[str, Any]]:
    """What to read, what must hold, and the values to bind.

    What stands under a single label is read off the index of tags, in the order of the list.
    """
    tags = list(dict.fromkeys(map(truncate_key, wanted.tags)))
    needs_all = wanted.tag_match == "all" or (wanted.tag_match == "any" and len(tags) == 1)
    groups = [(tag, "tag", tag) for tag in tags] if needs_all else []
    groups += [
        (pair.label, pair.dimension, pair.value)
        for pair in map(truncate_value, parse_pairs(dict.fromkeys(wanted.metadata)))
    ]
    values: dict[str, Any] = {"tags": tags, **rows_to_columns(("labels", "dimensions", "keys"), groups)}
    conditions = ["all_labels"] if len(groups) > 1 else []
    if tags and not needs_all and (groups or wanted.tag_match == "none"):
        conditions.append("no_tag" if wanted.tag_match == "none" else "has_tag")
    if groups:
        return "label", conditions, {**values, "label": groups[0][0]}
    return ("any_tag" if wanted.tag_match == "any" else ALL), conditions, values
