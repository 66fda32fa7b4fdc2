"""Roll-ups: sums of each minute, hour and day and of all time, by model, tag, call site, session and so on.

Pure.

A record is added when it comes, taken away when it goes, and both when it changes, so the sums are always
those of the records that are there. A commit only notes what it changes, minute by minute (deltas); many
deltas together are then folded into the roll-ups, so that a sum that changes all the time is written
seldom. Readers add the deltas that are not compacted yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from log10_trace.domain.call_labels import FAILED
from log10_trace.domain.prices import Prices
from log10_trace.server.store.common.aggregates import (
    NOTHING,
    Aggregate,
    SerializedAggregate,
    aggregate_call,
    parse_and_sum,
    sum_aggregates,
)
from log10_trace.server.store.common.columns import (
    FAILURES_COUNTED,
    CompletionColumns,
    CountedCall,
    groups_of_metadata,
)
from log10_trace.server.store.common.costs import rank_cost
from log10_trace.server.store.data_types import GroupBy

WIDTHS: Final = (1, 60, 1440)
"""Minutes of a roll-up: a minute, an hour, a day."""
EVERY_CALL: Final[GroupBy] = "none"
"""The dimension with one group, all calls."""
ALL_TIME: Final = 0
DAY: Final = WIDTHS[-1]
RANKED_WIDTHS: Final = frozenset({ALL_TIME, DAY})
"""Roll-ups whose largest groups are found by indexes."""
LAST_MINUTE: Final = 1 << 40
MINUTE_MS: Final = 60_000


class RollupKey(NamedTuple):
    """One roll-up: of what (``dimension`` and ``key``), and which span of time."""

    dimension: str
    """What ``key`` is of: a ``GroupBy``."""
    width: int
    """Minutes; ``ALL_TIME`` for the sum over everything."""
    start: int
    """Minutes since 1970; 0 for ``ALL_TIME``."""
    key: str


class Delta(NamedTuple):
    """What a commit changes in the sums of one minute."""

    dimension: str
    start: int
    key: str
    calls: int
    counts: str
    durations: str


class RollupDeltas:
    """What a group of writes changes in the sums."""

    def __init__(self) -> None:
        self._minutes: dict[tuple[str, int, str], list[Aggregate]] = {}

    def count(self, facts: CompletionColumns, sign: int = 1) -> None:
        """Add one call, or with ``sign`` -1 take it away."""
        one = aggregate_call(facts, sign)
        minute = facts.began_ms // MINUTE_MS
        for dimension, key in keys(facts):
            self._minutes.setdefault((dimension, minute, key), []).append(one)

    def rows(self) -> list[Delta]:
        """The changes, as they are to be kept; where what was taken away was added again there is none."""
        written = _AggregateWriter()
        changes = ((place, *written.write(tallies)) for place, tallies in self._minutes.items())
        return [Delta(*place, calls, *change) for place, calls, change in changes if change != NOTHING]


class _AggregateWriter:
    """Writes sums; a call that is the only one in many places is written once. Keeps what it wrote."""

    def __init__(self) -> None:
        self._alone: dict[int, tuple[Aggregate, int, SerializedAggregate]] = {}

    def write(self, tallies: Sequence[Aggregate]) -> tuple[int, SerializedAggregate]:
        """The calls of the sum, and the sum."""
        if len(tallies) > 1:
            total = sum_aggregates(tallies)
            return total.calls, total.serialize()
        one = tallies[0]
        known = self._alone.get(id(one))
        if known is None:
            known = self._alone[id(one)] = one, one.calls, one.serialize()
        return known[1:]


def keys(facts: CountedCall) -> Iterator[tuple[str, str]]:
    """What a call counts under: dimensions and keys."""
    yield EVERY_CALL, ""
    yield "model", facts.model or ""
    for tag in facts.tags:
        yield "tag", tag
    if facts.call_site:
        yield "call_site", facts.call_site
    if facts.session_id:
        yield "session", facts.session_id
    if facts.counting >= FAILURES_COUNTED and facts.status == FAILED:
        yield "failure", facts.failure_kind or ""
    for pair in groups_of_metadata(facts):
        yield pair.dimension, pair.value


def aggregate_deltas(deltas: Iterable[tuple[str, int, str, str, str]]) -> dict[RollupKey, Aggregate]:
    """What deltas (dimension, start, key, counts, durations) change in the roll-ups. Only to be read."""
    parts: dict[tuple[str, str], dict[int, list[SerializedAggregate]]] = {}
    for dimension, start, key, counts, durations in deltas:
        minutes = parts.setdefault((dimension, key), {})
        minutes.setdefault(start, []).append(SerializedAggregate(counts, durations))
    slots: dict[RollupKey, Aggregate] = {}
    for (dimension, key), minutes in parts.items():
        total = {start: parse_and_sum(each) for start, each in minutes.items()}
        for width in (*WIDTHS, ALL_TIME):
            total = _rebucket(total, width)
            for start, one in total.items():
                slots[RollupKey(dimension, width, start, key)] = one
    return slots


def _rebucket(tallies: Mapping[int, Aggregate], width: int) -> dict[int, Aggregate]:
    """Tallies of shorter spans, by where they start, as those of longer ones."""
    parts: dict[int, list[Aggregate]] = {}
    for start, one in tallies.items():
        parts.setdefault(start - start % width if width else 0, []).append(one)
    return {start: sum_aggregates(each) for start, each in parts.items()}


def apply_delta(before: SerializedAggregate | None, change: Aggregate) -> Aggregate:
    """What a roll-up is after a change. Only to be read."""
    if before is None:
        return change
    total = parse_and_sum([before])
    total.add(change)
    return total


def apply_deltas(
    before: Mapping[tuple[Any, ...], SerializedAggregate],
    changes: Mapping[RollupKey, Aggregate],
    prices: Prices | None,
) -> tuple[list[tuple[Any, ...]], list[RollupKey]]:
    """The rows to write after changes (key, calls, cost, counts, durations), and the roll-ups to delete.

    ``before`` holds what stands under the keys of ``changes``. Both lists are in the order of the keys. The
    cost is None where groups are not ordered by it, and without ``prices``.
    """
    kept: list[tuple[Any, ...]] = []
    empty: list[RollupKey] = []
    for key in sorted(changes):
        total = apply_delta(before.get(key), changes[key])
        written = total.serialize()
        if written == NOTHING:
            empty.append(key)
        else:
            cost = rank_cost(total, prices) if prices is not None and key.width in RANKED_WIDTHS else None
            kept.append((*key, total.calls, cost, *written))
    return kept, empty


def group_by_organization(rows: Iterable[Sequence[Any]]) -> dict[str, list[Any]]:
    """Rows by their first column, the organization, without it."""
    by_organization: dict[str, list[Any]] = {}
    for organization_id, *row in rows:
        by_organization.setdefault(organization_id, []).append(row)
    return by_organization
