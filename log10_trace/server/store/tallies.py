"""Roll-ups: what each minute, hour and day adds up to, by tag, call site and session. Pure.

A record is added when it comes, taken away when it goes, and both when it changes, so the sums are always
those of the records that are there. Sums can be added to each other in any order.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from log10_trace.server.store.facts import Facts

WIDTHS: Final = (1, 60, 1440)
"""Minutes of a roll-up: a minute, an hour, a day."""
ALL_TIME: Final = 0
LAST_MINUTE: Final = 1 << 40
_MINUTE_MS: Final = 60_000
# A bucket's bounds are 10 % apart, so its middle is within 5 % of whatever fell in. The first ends at 1 ms.
_STEP: Final = math.log(1.1)
_LEAST_S: Final = 0.001


class Slot(NamedTuple):
    """One sum: of what (``dimension`` and ``key``), which model, which span of time."""

    dimension: str
    """``none``, ``tag``, ``call_site`` or ``session``."""
    key: str
    model: str
    """Empty when the record names none."""
    width: int
    """Minutes; ``ALL_TIME`` for the sum over everything."""
    start: int
    """Minutes since 1970; 0 for ``ALL_TIME``."""


@dataclass(slots=True)
class Tally:
    """A sum over calls; differences are tallies too."""

    calls: int = 0
    failed: int = 0
    metered: int = 0
    """Calls whose response states its usage."""
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    durations: dict[int, int] = field(default_factory=dict)
    """Bucket -> calls that ended in it."""

    def add(self, other: Tally, sign: int = 1) -> None:
        """Add ``other``, or with ``sign`` -1 take it away."""
        self.calls += sign * other.calls
        self.failed += sign * other.failed
        self.metered += sign * other.metered
        self.input_tokens += sign * other.input_tokens
        self.output_tokens += sign * other.output_tokens
        self.cached_tokens += sign * other.cached_tokens
        if sign > 0 and not self.durations:
            self.durations = other.durations.copy()
            return
        for bucket, count in other.durations.items():
            self.durations[bucket] = self.durations.get(bucket, 0) + sign * count

    def counts(self) -> tuple[int, ...]:
        """Calls, failed and metered ones, input, output and cached tokens."""
        return (
            self.calls,
            self.failed,
            self.metered,
            self.input_tokens,
            self.output_tokens,
            self.cached_tokens,
        )

    def percentile(self, share: float) -> float | None:
        """The duration in seconds that ``share`` of the ended calls did not exceed; None without any."""
        ended = sum(self.durations.values())
        rank = max(math.ceil(share * ended), 1)
        for bucket in sorted(self.durations):
            rank -= self.durations[bucket]
            if rank <= 0:
                return _middle(bucket)
        return None

    def durations_json(self) -> str:
        """The histogram as JSON text."""
        counts = (f'"{bucket}":{count}' for bucket, count in self.durations.items() if count)
        return f"{{{','.join(counts)}}}"


def read_durations(text: str) -> dict[int, int]:
    """A histogram from its JSON text."""
    durations = json.loads(text)
    return dict(zip(map(int, durations), durations.values(), strict=True))


def tally(facts: Facts) -> Tally:
    """The sum over one call."""
    is_timed = facts.duration is not None and facts.status != "started"
    return Tally(
        calls=1,
        failed=int(facts.status == "failed"),
        metered=int(facts.tokens is not None),
        input_tokens=facts.input_tokens or 0,
        output_tokens=facts.output_tokens or 0,
        cached_tokens=facts.cached_tokens or 0,
        durations={_bucket(facts.duration): 1} if is_timed and facts.duration is not None else {},
    )


class Tallies:
    """What a group of writes changes in the sums of the given widths."""

    def __init__(self, widths: Sequence[int] = (ALL_TIME, *WIDTHS)) -> None:
        self._widths = widths
        self._minutes: dict[Slot, list[Tally]] = {}

    def count(self, facts: Facts, sign: int = 1) -> None:
        """Add one call, or with ``sign`` -1 take it away."""
        one = tally(facts)
        if sign < 0:
            one = _negative(one)
        minute = facts.began_ms // _MINUTE_MS
        for dimension, key in keys(facts):
            slot = Slot(dimension, key, facts.model or "", WIDTHS[0], minute)
            self._minutes.setdefault(slot, []).append(one)

    def changes(self) -> dict[Slot, Tally]:
        """The changed sums, of every width. Read them only: slots with the same change may share it."""
        changed: dict[Slot, list[Tally]] = {}
        for minute, tallies in self._minutes.items():
            total = _summed(tallies)
            dimension, key, model, _, began = minute
            for width in self._widths:
                start = began - began % width if width else 0
                changed.setdefault(Slot(dimension, key, model, width, start), []).append(total)
        return {slot: _summed(tallies) for slot, tallies in changed.items()}


class Span(NamedTuple):
    """Roll-ups of one width, side by side. All in minutes."""

    width: int
    start: int
    end: int
    """Left out."""


def spans(since_ms: int | None, until_ms: int | None) -> list[Span]:
    """Cut a span of time into as few roll-ups as can be.

    The span is widened to whole minutes. Open at an end means from the beginning of time, or to its end.
    """
    if since_ms is None and until_ms is None:
        return [Span(ALL_TIME, 0, 1)]
    low = 0 if since_ms is None else since_ms // _MINUTE_MS
    high = LAST_MINUTE if until_ms is None else -(-until_ms // _MINUTE_MS)
    return list(_cut(low, high, len(WIDTHS) - 1)) if low < high else []


def _cut(low: int, high: int, level: int) -> Iterator[Span]:
    width = WIDTHS[level]
    first, last = -(-low // width) * width, high // width * width
    if first >= last:
        if level:
            yield from _cut(low, high, level - 1)
        elif low < high:
            yield Span(width, low, high)
        return
    yield Span(width, first, last)
    for start, end in ((low, first), (last, high)):
        if level and start < end:
            yield from _cut(start, end, level - 1)


def keys(facts: Facts) -> Iterator[tuple[str, str]]:
    """What a call counts under: dimensions and keys."""
    yield "none", ""
    for tag in facts.tags:
        yield "tag", tag
    if facts.call_site:
        yield "call_site", facts.call_site
    if facts.session_id:
        yield "session", facts.session_id


def _summed(tallies: list[Tally]) -> Tally:
    if len(tallies) == 1:
        return tallies[0]
    total = Tally()
    for one in tallies:
        total.add(one)
    return total


def _negative(one: Tally) -> Tally:
    total = Tally()
    total.add(one, -1)
    return total


def _bucket(seconds: float) -> int:
    return 0 if seconds <= _LEAST_S else math.ceil(math.log(seconds / _LEAST_S) / _STEP)


def _middle(bucket: int) -> float:
    return _LEAST_S * math.exp(_STEP * (bucket - 0.5)) if bucket else _LEAST_S
