"""Sums of past days and of their hours: which are of the rows that there are, and how a query adds them.

A view of the engine counts the rows that are written of each day, whoever writes them. The sums of a day say
how many that were when its rows were read; once another row is written they are not used any more, and the
rows are read instead, until the day is summed again (``day_summing``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from log10_trace.server.store.clickhouse.connections import Connection
from log10_trace.server.store.clickhouse.queries import SQL
from log10_trace.server.store.clickhouse.record_rows import SORT_KEYS
from log10_trace.server.store.common.rollups import MINUTE_MS
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


class SummedSpan(NamedTuple):
    """A day, or those hours of it that are asked for."""

    batch: int
    begin: int
    """Its first minute."""
    end: int
    """The minute after its last one."""


@dataclass(frozen=True, slots=True)
class DaySums:
    """The spans of which a query takes the sums, in the order of time; the rows of other times are read."""

    grouping: GroupBy = "none"
    spans: tuple[SummedSpan, ...] = ()

    def ending_by(self, minute: int) -> DaySums:
        """Those hours and days that end before a minute begins."""
        return DaySums(self.grouping, _keep_summed(self.grouping, _clip(self.spans, 0, minute)))

    def restrict_rows(self) -> str:
        """A condition on the rows: they are of other times. It holds of all rows without sums."""
        first, kept = 0, []
        for begin, end in self._join():
            kept.append(f"place >= {first:d} AND place < {SORT_KEYS.first_of(begin * MINUTE_MS):d}")
            first = SORT_KEYS.first_of(end * MINUTE_MS)
        kept.append(f"place >= {first:d}")
        return f"({' OR '.join(kept)})" if self.spans else "1"

    def write(self, name: str, values: Mapping[str, str]) -> str:
        """What the query ``name`` adds of the sums, empty without any; ``values`` are for its ``@names``."""
        if not self.spans:
            return ""
        query = SQL[name].replace("@sums_where", SQL["sums_where"])
        for place, text in {**values, "totals": self._totals(), "hours": self._hours()}.items():
            query = query.replace(f"@{place}", text)
        return query.replace("{grouping:String}", f"'{self.grouping}'") + "\n"

    def _totals(self) -> str:
        """The rows that add up to the spans: of whole days, and of the hours of others."""
        whole = [one for one in self.spans if one.end - one.begin == DAY]
        rows = [
            f"width = {HOUR} AND batch = {one.batch:d} AND minute >= {one.begin:d} AND minute < {one.end:d}"
            for one in self.spans
            if one.end - one.begin < DAY
        ]
        rows += [f"width = {DAY} AND {_among(whole)}"] if whole else []
        return f"({' OR '.join(rows)})"

    def _hours(self) -> str:
        first, end = self.spans[0].begin, self.spans[-1].end  # all but these two are whole days
        return f"width = {HOUR} AND {_among(self.spans)} AND minute >= {first:d} AND minute < {end:d}"

    def _join(self) -> list[tuple[int, int]]:
        """The spans, in one where one begins as another ends."""
        joined: list[tuple[int, int]] = []
        for _, begin, end in self.spans:
            if joined and joined[-1][1] == begin:
                joined[-1] = (joined[-1][0], end)
            else:
                joined.append((begin, end))
        return joined


def read_day_sums(
    connection: Connection, organization_id: str, counted: CompletionFilter, grouping: GroupBy
) -> DaySums:
    """The sums that may stand for rows; none for a filter of more than a span of time."""
    if grouping not in SUMMED or not counted.is_span:
        return DaySums()
    since = -(-(counted.since_ms or 0) // MINUTE_MS)
    until = _LAST_DAY * DAY if counted.until_ms is None else counted.until_ms // MINUTE_MS
    values = {
        "organization_id": organization_id,
        "first": min(max(since // DAY, 0), _LAST_DAY),
        "end": min(max(-(-until // DAY), 0), _LAST_DAY),
        "limit": _MOST_DAYS,
    }
    rows = connection.rows("summed_days", values)
    days = [SummedSpan(int(batch), int(day) * DAY, int(day + 1) * DAY) for day, batch in rows]
    spans = _clip(sorted(days, key=lambda one: one.begin), since, until)
    return DaySums(grouping, _keep_summed(grouping, spans))


def _keep_summed(grouping: GroupBy, spans: tuple[SummedSpan, ...]) -> tuple[SummedSpan, ...]:
    """Of what is summed by day alone, the whole days."""
    if SUMMED.get(grouping) != DAY:
        return spans
    return tuple(one for one in spans if one.end - one.begin == DAY)


def _clip(spans: Sequence[SummedSpan], since: int, until: int) -> tuple[SummedSpan, ...]:
    """The hours of spans that lie within two minutes."""
    first, end = -(-since // HOUR) * HOUR, until // HOUR * HOUR
    clipped = (SummedSpan(one.batch, max(one.begin, first), min(one.end, end)) for one in spans)
    return tuple(one for one in clipped if one.begin < one.end)


def _among(spans: Sequence[SummedSpan]) -> str:
    return f"batch IN ({', '.join(str(one.batch) for one in spans)})"
