"""Counts what matches a filter: from roll-ups where they know it, record by record where they do not. Pure.

Roll-ups know one group at a time, in whole minutes. What a span of time has of its first and last minute is
counted record by record, which is soon done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final, NamedTuple, TypeAlias

from log10_trace.domain.call_labels import FAILED
from log10_trace.server.store.common.aggregates import Aggregate
from log10_trace.server.store.common.metadata_labels import parse_pairs
from log10_trace.server.store.common.rollups import MINUTE_MS
from log10_trace.server.store.data_types import CompletionFilter, GroupBy, MatchCount


class RollupGroup(NamedTuple):
    """A group that roll-ups count."""

    group_by: GroupBy
    key: str | None
    """None: all groups of the dimension together."""
    condition: CompletionFilter
    """The filter that means this group."""

    def within(self, span: CompletionFilter) -> CompletionFilter:
        """The group in the span of time of a filter."""
        return replace(self.condition, since_ms=span.since_ms, until_ms=span.until_ms)


EVERY: Final = RollupGroup("none", "", CompletionFilter())
"""All calls."""


ReadGroup: TypeAlias = Callable[[RollupGroup, CompletionFilter], Aggregate]
"""Reads the sum of a group over the filter's span of whole minutes."""
ScanRecords: TypeAlias = Callable[[CompletionFilter], MatchCount]
"""Counts records one by one, until the time is up."""


def find_group(wanted: CompletionFilter) -> RollupGroup | None:
    """The group of which ``wanted`` is all within its span of time; None when it asks for more."""
    asked = replace(wanted, since_ms=None, until_ms=None)
    if not asked.tags or (len(asked.tags) == 1 and asked.tag_match == "all"):
        asked = replace(asked, tag_match="any")
    return next((group for group in find_groups(asked) if group.condition == asked), None)


def find_groups(wanted: CompletionFilter) -> Iterator[RollupGroup]:
    """The groups that hold what ``wanted`` means, and perhaps more; the one that is likely smallest first."""
    if wanted.session_id is not None:
        condition = CompletionFilter(session_id=wanted.session_id)
        yield RollupGroup("session", wanted.session_id, condition)
    for text, pair in zip(wanted.metadata, parse_pairs(wanted.metadata), strict=True):
        yield RollupGroup(pair.dimension, pair.value, CompletionFilter(metadata=(text,)))
    if wanted.file is not None and wanted.function is not None:
        condition = CompletionFilter(file=wanted.file, function=wanted.function)
        yield RollupGroup("call_site", f"{wanted.file}:{wanted.function}", condition)
    if wanted.status == FAILED:
        if wanted.failure_kind is not None:
            condition = CompletionFilter(status=FAILED, failure_kind=wanted.failure_kind)
            yield RollupGroup("failure", wanted.failure_kind, condition)
        yield RollupGroup("failure", None, CompletionFilter(status=FAILED))
    if len(wanted.tags) == 1 and wanted.tag_match != "none":
        yield RollupGroup("tag", wanted.tags[0], CompletionFilter(tags=wanted.tags))
    if wanted.model is not None:
        yield RollupGroup("model", wanted.model, CompletionFilter(model=wanted.model))
    yield EVERY


def count_matches(wanted: CompletionFilter, read_group: ReadGroup, scan: ScanRecords) -> MatchCount:
    """How many records match."""
    if len(wanted.tags) == 1 and wanted.tag_match == "none":
        every = count_matches(replace(wanted, tags=(), tag_match="any"), read_group, scan)
        tagged = count_matches(replace(wanted, tag_match="any"), read_group, scan)
        if every.is_exact and tagged.is_exact:
            return MatchCount(calls=every.calls - tagged.calls, is_exact=True)
        return scan(wanted)
    is_failed = wanted.status == FAILED
    group = find_group(replace(wanted, status=None) if is_failed else wanted)
    inner = whole_minutes(wanted)
    if group is None or inner is None:
        return scan(wanted)
    total = read_group(group, inner).total()
    counts = [MatchCount(calls=total.failed if is_failed else total.calls, is_exact=True)]
    if wanted.since_ms is not None and inner.since_ms != wanted.since_ms:
        counts.append(scan(replace(wanted, until_ms=inner.since_ms)))
    if wanted.until_ms is not None and inner.until_ms != wanted.until_ms:
        counts.append(scan(replace(wanted, since_ms=inner.until_ms)))
    return MatchCount(
        calls=sum(count.calls for count in counts), is_exact=all(count.is_exact for count in counts)
    )


def whole_minutes(wanted: CompletionFilter) -> CompletionFilter | None:
    """The filter with the whole minutes within its span; None when there are none."""
    since_ms = None if wanted.since_ms is None else -(-wanted.since_ms // MINUTE_MS) * MINUTE_MS
    until_ms = None if wanted.until_ms is None else wanted.until_ms // MINUTE_MS * MINUTE_MS
    if since_ms is not None and until_ms is not None and since_ms >= until_ms:
        return None
    return replace(wanted, since_ms=since_ms, until_ms=until_ms)
