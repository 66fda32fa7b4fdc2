"""Sums of whole days beside the rows: which are of the rows that there are, and how a query adds them.

A view of the engine counts the rows that are written of each day, whoever writes them. The sums of a day say
how many that were when its rows were read; once another row is written they are not used any more, and the
rows are read instead, until the day is summed again (``day_summing``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from log10_trace.domain.times import DAY_MS
from log10_trace.server.store.clickhouse.connections import Connection
from log10_trace.server.store.clickhouse.queries import SQL
from log10_trace.server.store.clickhouse.record_rows import SORT_KEYS
from log10_trace.server.store.data_types import CompletionFilter, GroupBy

HOUR: Final = 60
DAY: Final = 1_440
"""Widths of sums, in minutes."""
SUMMED: Final[dict[GroupBy, int]] = {
    "none": HOUR,
    "model": HOUR,
    "tag": HOUR,
    "call_site": HOUR,
    "failure": HOUR,
    "session": DAY,
}
"""What days are summed by, and the finest width: an index finds the calls of a session."""
_MOST_DAYS: Final = 1_000
"""Of which one query takes the sums: the latest."""
_LAST_DAY: Final = 2**32 - 1


@dataclass(frozen=True, slots=True)
class DaySums:
    """The days of which a query takes the sums, each with its batch; the rows of the others are read."""

    grouping: GroupBy = "none"
    batches: Mapping[int, int] = field(default_factory=dict)

    def ending_by(self, minute: int) -> DaySums:
        """Those of the days that end before a minute begins."""
        kept = {day: batch for day, batch in self.batches.items() if (day + 1) * DAY <= minute}
        return DaySums(self.grouping, kept)

    def restrict_rows(self) -> str:
        """A condition on the rows: they are of other days. It holds of all rows without sums."""
        first, kept = 0, []
        for begin, end in self._spans():
            kept.append(f"place >= {first:d} AND place < {SORT_KEYS.first_of(begin * DAY_MS):d}")
            first = SORT_KEYS.first_of(end * DAY_MS)
        kept.append(f"place >= {first:d}")
        return f"({' OR '.join(kept)})" if self.batches else "1"

    def write(self, name: str, values: Mapping[str, str]) -> str:
        """What the query ``name`` adds of the sums, empty without any; ``values`` are for its ``@names``."""
        if not self.batches:
            return ""
        days = f"day BETWEEN {min(self.batches):d} AND {max(self.batches):d}"
        listed = ", ".join(map(str, sorted(self.batches.values())))
        where = SQL["sums_where"].replace("{grouping:String}", f"'{self.grouping}'")
        query = SQL[name].replace("@sums_where", where.replace("@days", f"{days} AND batch IN ({listed})"))
        for place, text in values.items():
            query = query.replace(f"@{place}", text)
        return f"{query}\n"

    def _spans(self) -> list[tuple[int, int]]:
        """The days as spans: the first one, and the one after the last."""
        days = sorted(self.batches)
        spans = [list(run) for _, run in groupby(enumerate(days), lambda each: each[1] - each[0])]
        return [(run[0][1], run[-1][1] + 1) for run in spans]


def read_day_sums(
    connection: Connection, organization_id: str, counted: CompletionFilter, grouping: GroupBy
) -> DaySums:
    """The sums that may stand for rows of whole days; none for a filter of more than a span of time."""
    if grouping not in SUMMED or not counted.is_span:
        return DaySums()
    since_ms, until_ms = counted.since_ms or 0, counted.until_ms
    values: dict[str, Any] = {
        "organization_id": organization_id,
        "first": min(max(-(-since_ms // DAY_MS), 0), _LAST_DAY),
        "end": _LAST_DAY if until_ms is None else min(max(until_ms // DAY_MS, 0), _LAST_DAY),
        "limit": _MOST_DAYS,
    }
    rows = connection.rows("summed_days", values)
    return DaySums(grouping, {int(day): int(batch) for day, batch in rows})
