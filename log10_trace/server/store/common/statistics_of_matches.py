"""Statistics of what matches a filter: from roll-ups where they know it, from the records where they are few.

Pure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, Protocol, TypeAlias, get_args

from log10_trace.domain.metadata import read_pairs
from log10_trace.domain.prices import Prices
from log10_trace.server.store.common.columns import RecordFacts
from log10_trace.server.store.common.counted import interpret_counted
from log10_trace.server.store.common.group_sums import GroupSums, sum_records
from log10_trace.server.store.common.match_counting import (
    EVERY,
    RollupGroup,
    find_group,
    find_groups,
    whole_minutes,
)
from log10_trace.server.store.common.metadata_labels import MetadataPair, is_dimension
from log10_trace.server.store.common.parsed_texts import parse_json
from log10_trace.server.store.common.record_codec import decode_head
from log10_trace.server.store.common.rollup_reading import RollupSource
from log10_trace.server.store.common.rollups import MINUTE_MS
from log10_trace.server.store.common.usage_statistics import (
    WIDTH_OF,
    make_groups,
    make_series,
    read_with_before,
)
from log10_trace.server.store.data_types import (
    CompletionFilter,
    Statistics,
    StatisticsQuery,
)

MAX_RECORDS: Final = 5_000
"""Matching records that are summed one by one; about 50 ms."""
MAX_SECONDS: Final = 0.1
"""How long they are looked for."""
FACTS: Final = (
    "status", "model", "session_id", "failure_kind", "file", "function", "duration", "input_tokens",
    "output_tokens", "charges", "head",
)  # fmt: skip
"""The columns of a record that are read, behind its sort key."""
Needed: TypeAlias = Literal["sums", "groups", "labels"]
"""Which facts are needed: what is summed up; also what columns are grouped by; also tags and metadata, which
stand in the head. The others are None or empty."""
_NEEDED: Final[tuple[Needed, ...]] = get_args(Needed)
_CHARGES: Final = 1 + FACTS.index("charges")
_NO_LABELS: Final = ((), ())
_EDGE_RECORDS: Final = 2_000
"""Records of the first and the last minute of a span that are summed one by one."""


def read_facts(
    rows: Sequence[Sequence[Any]], began_ms_of: Callable[[int], int], needed: Needed
) -> list[RecordFacts]:
    """The facts of records, from their sort keys, columns and small fields; in the order of ``FACTS``."""
    with_labels = needed == "labels"
    # All read at once, which takes half the time of one by one.
    charges = parse_json(f"[{','.join([row[_CHARGES] or 'null' for row in rows])}]")
    facts = []
    for row, written in zip(rows, charges, strict=True):
        sort_key, status, model, session_id, failure_kind, file, function, duration, given, made, _, head = (
            row
        )
        if isinstance(written, dict):
            first_token, charged = written["first_token"], written["charges"]
        else:
            _, first_token, charged = interpret_counted(model, given, made, written)
        facts.append(
            RecordFacts(
                began_ms_of(sort_key),
                status,
                model,
                session_id,
                failure_kind,
                f"{file}:{function}" if file else None,
                duration,
                first_token,
                made if given is None else given,
                charged,
                *(_read_labels(head) if with_labels and head else _NO_LABELS),
            )
        )
    return facts


def _read_labels(head: str) -> tuple[tuple[str, ...], tuple[MetadataPair, ...]]:
    """The tags and the metadata of a record."""
    # What fills kilobytes stands in the body, and such a record counts under none of it.
    small = decode_head(head)
    pairs = read_pairs(json.loads(small.get("metadata", "null")))
    tags = tuple(dict.fromkeys(json.loads(small.get("tags", "null")) or ()))
    return tags, tuple(MetadataPair(*pair) for pair in pairs)


class ReadRecords(Protocol):
    """Reads records one by one."""

    def __call__(self, wanted: CompletionFilter, most: int, needed: Needed) -> Sequence[RecordFacts] | None:
        """The records that match; None when they are more than ``most``, or take too long to find."""


class _ReadOnce:
    """Reads the records of a filter once for several queries."""

    def __init__(self, read_records: ReadRecords, needed: Needed) -> None:
        self._read_records = read_records
        self._needed = needed
        self._found: dict[tuple[CompletionFilter, int], Sequence[RecordFacts] | None] = {}

    def __call__(self, wanted: CompletionFilter, most: int, needed: Needed) -> Sequence[RecordFacts] | None:
        """As ``ReadRecords``."""
        key = wanted, most
        if key not in self._found:
            self._found[key] = self._read_records(wanted, most, max(needed, self._needed, key=_NEEDED.index))
        return self._found[key]


@dataclass(frozen=True, slots=True)
class StatisticsReader:
    """Answers queries within one snapshot."""

    rollups: RollupSource
    read_records: ReadRecords
    prices: Prices

    def read_all(self, queries: Sequence[StatisticsQuery]) -> list[Statistics]:
        """The answers to queries; what each is of stands in its ``counted``."""
        read_once = _ReadOnce(
            self.read_records, max(map(_find_needed, queries), key=_NEEDED.index, default="sums")
        )
        return read_with_before(queries, replace(self, read_records=read_once).read_together)

    def read_together(self, queries: Sequence[StatisticsQuery]) -> list[Statistics]:
        """The answers to queries; what all of them need of the roll-ups is read at once."""
        plans = [self._plan(query) for query in queries]
        sums = [plan for plan in plans if isinstance(plan, GroupSums)]
        self.rollups.held.prefetch([request for each in sums for request in each.list_requests()])
        for each in sums:
            each.sum_groups(self.prices)
        self.rollups.held.prefetch([request for each in sums for request in each.list_series_requests()])
        return [plan.make(self.prices) if isinstance(plan, GroupSums) else plan for plan in plans]

    def _plan(self, query: StatisticsQuery) -> Statistics | GroupSums:
        """The answer, where records tell it, or the sums of roll-ups that are to be read for it."""
        wanted = query.counted
        group = find_group(wanted)
        if group is None or (query.group_by != "none" and group.group_by != "none"):
            records = None
            if query.min_matches <= MAX_RECORDS:
                records = self.read_records(wanted, MAX_RECORDS, _find_needed(query))
            if records is not None:
                return self._sum_records(query, wanted, records)
            group = next(find_groups(wanted)) if query.group_by == "none" else EVERY
            wanted = group.within(wanted)
        return self._plan_sums(query, wanted, group)

    def _plan_sums(self, query: StatisticsQuery, wanted: CompletionFilter, group: RollupGroup) -> GroupSums:
        is_total = query.group_by == "none"
        reader = self.rollups.open(group.group_by if is_total else query.group_by)
        edges = _read_edges(wanted, self.read_records, _find_needed(query))
        if edges is None:  # as many as the roll-ups of the minutes hold
            wanted = _widen(wanted)
        inner = whole_minutes(wanted)
        pieces = [] if inner is None else reader.clip(inner.since_ms, inner.until_ms)
        if is_total:
            keys = None if group.key is None else [reader.fit_key(group.key)]
        else:
            keys = [*map(reader.fit_key, query.keys)] or reader.find_leading(
                pieces, query.sort, query.limit, self.prices
            )
        return GroupSums(query, wanted, reader, pieces=pieces, keys=keys, edges=edges or ())

    def _sum_records(
        self, query: StatisticsQuery, wanted: CompletionFilter, records: Sequence[RecordFacts]
    ) -> Statistics:
        totals, steps = sum_records(query.group_by, records, WIDTH_OF[query.interval])
        if query.keys:
            totals = {key: one for key, one in totals.items() if key in query.keys}
        groups = make_groups(totals, query, self.prices)
        shown = {group.key or "" for group in groups[: query.series_groups]}
        series = make_series(
            {step: one for step, one in steps.items() if step[0] in shown}, query, self.prices
        )
        return Statistics(groups=tuple(groups), series=tuple(series), counted=wanted)


def _find_needed(query: StatisticsQuery) -> Needed:
    if query.group_by == "none":
        return "sums"
    return "labels" if query.group_by == "tag" or is_dimension(query.group_by) else "groups"


def _read_edges(
    wanted: CompletionFilter, read_records: ReadRecords, needed: Needed
) -> Sequence[RecordFacts] | None:
    """The records of the parts of minutes at the ends of a span; None when they are many."""
    inner = whole_minutes(wanted)
    if inner is None:
        return read_records(wanted, _EDGE_RECORDS, needed)
    edges: list[RecordFacts] = []
    for since_ms, until_ms in ((wanted.since_ms, inner.since_ms), (inner.until_ms, wanted.until_ms)):
        if since_ms == until_ms:
            continue
        edge = replace(wanted, since_ms=since_ms, until_ms=until_ms)
        found = read_records(edge, _EDGE_RECORDS, needed)
        if found is None:
            return None
        edges += found
    return edges


def _widen(wanted: CompletionFilter) -> CompletionFilter:
    since_ms, until_ms = wanted.since_ms, wanted.until_ms
    return replace(
        wanted,
        since_ms=None if since_ms is None else since_ms // MINUTE_MS * MINUTE_MS,
        until_ms=None if until_ms is None else -(-until_ms // MINUTE_MS) * MINUTE_MS,
    )
