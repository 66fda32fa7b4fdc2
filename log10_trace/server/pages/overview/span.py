"""The span of time that the overview shows, and the span before it. Pure; milliseconds since 1970, UTC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from log10_trace.domain.times import DAY_MS, parse_duration_ms, rfc3339
from log10_trace.server.pages.chart_axis import HOUR_MS, MINUTE_MS, choose_interval
from log10_trace.server.store.data_types import CompletionFilter, Interval

DEFAULT: Final = "7d"
_LONG_MS: Final = 2 * DAY_MS
"""A longer span begins with a day, and its rows are shown day by day."""


@dataclass(frozen=True, slots=True)
class Span:
    """From ``since_ms`` to ``until_ms``; None: it goes on."""

    since_ms: int
    until_ms: int | None
    now_ms: int

    @property
    def end_ms(self) -> int:
        """Where it ends, or now."""
        return self.now_ms if self.until_ms is None else self.until_ms

    @property
    def is_long(self) -> bool:
        """Whether it is longer than two days."""
        return self.end_ms - self.since_ms > _LONG_MS

    @property
    def interval(self) -> Interval:
        """The steps of the charts."""
        return choose_interval(self.since_ms, self.end_ms)

    @property
    def row_interval(self) -> Interval:
        """The steps of the small charts in the rows."""
        return "day" if self.is_long else "hour"

    @property
    def calls(self) -> CompletionFilter:
        """The calls in it."""
        return CompletionFilter(since_ms=self.since_ms, until_ms=self.until_ms)

    @property
    def calls_before(self) -> CompletionFilter:
        """The calls of the span before, which is as long; to the hour, or the minute of a short one."""
        unit = HOUR_MS if self.is_long else MINUTE_MS
        length = -(-(self.end_ms - self.since_ms) // unit) * unit
        return CompletionFilter(since_ms=max(self.since_ms - length, 0), until_ms=self.since_ms)

    @property
    def params(self) -> dict[str, str]:
        """The span in the address of a list."""
        until = {} if self.until_ms is None else {"until": rfc3339(self.until_ms)}
        return {"since": rfc3339(self.since_ms), **until}


def make_span(since: str, since_ms: int, until_ms: int | None, now_ms: int) -> Span:
    """The span that begins at ``since_ms``, which ``since`` says; so long ago begins with a whole step."""
    ago_ms = parse_duration_ms(since)
    if ago_ms is not None:
        unit = MINUTE_MS if ago_ms < 2 * HOUR_MS else HOUR_MS if ago_ms <= _LONG_MS else DAY_MS
        since_ms -= since_ms % unit
    return Span(since_ms, until_ms, now_ms)
