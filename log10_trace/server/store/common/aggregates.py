"""Aggregates over calls (counts per model, duration histogram) and their serialization. Pure."""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import accumulate, chain
from operator import add
from typing import Final, NamedTuple, TypeVar

from log10_trace.domain.call_labels import FAILED, STARTED
from log10_trace.server.store.common.columns import CountedCall
from log10_trace.server.store.common.parsed_texts import ParsedTexts, parse_json

Place = TypeVar("Place", bound=Hashable)

# A bucket's bounds are 10 % apart, so its middle is within 5 % of whatever fell in. The first ends at 1 ms.
_STEP: Final = math.log(1.1)
_LEAST_S: Final = 0.001


class Counts(NamedTuple):
    """Numbers of calls and tokens; differences may be negative."""

    calls: int
    failed: int
    with_usage: int
    """Calls whose response states its usage."""
    input_tokens: int
    output_tokens: int
    cached_tokens: int


_NO_COUNTS: Final = Counts(0, 0, 0, 0, 0, 0)
DURATION_SHARES: Final = (0.50, 0.95, 0.99)
"""The percentiles of durations that statistics have."""
FIRST_TOKEN_SHARES: Final = (0.50, 0.95)
"""Those of times to the first token."""


class SerializedAggregate(NamedTuple):
    """A tally as two JSON texts, made to be read and added to quickly."""

    counts: str
    """``{"gpt-4o": [calls, failed, ...], ...}`` by rate (``usage.Rate.key``)."""
    durations: str
    """``[bucket, calls, bucket, calls, ...]``; the buckets of times to the first token are below zero."""


NOTHING: Final = SerializedAggregate("{}", "[]")
_COUNTS_REMEMBERED: Final = 1_000_000
_DURATIONS_REMEMBERED: Final = 500_000
"""Characters of each kind of text whose values are remembered: of counts those of a large page, which reads
them for its sums and for its series.

Some 15 to 30 MB, and 60 where all texts are short.
"""
_COUNTS: Final = ParsedTexts[Mapping[str, Sequence[int]]](_COUNTS_REMEMBERED)
_DURATIONS: Final = ParsedTexts[Sequence[int]](_DURATIONS_REMEMBERED)


@dataclass(slots=True)
class Aggregate:
    """A sum over calls; differences are tallies too."""

    counts: dict[str, Sequence[int]] = field(default_factory=dict)
    """Rate -> its ``Counts``; a call counts at the rate of its first charge."""
    durations: dict[int, int] = field(default_factory=dict)
    """Bucket -> calls that ended in it; below zero, those that had their first token in it."""

    @property
    def calls(self) -> int:
        """The calls of all rates."""
        return sum([counts[0] for counts in self.counts.values()])

    @property
    def has_times(self) -> bool:
        """Whether a call of it has ended or had a first token, so that there are percentiles."""
        return bool(self.durations)

    def total(self) -> Counts:
        """The counts of all rates together."""
        if len(self.counts) == 1:
            return Counts(*next(iter(self.counts.values())))
        return Counts(*map(sum, zip(_NO_COUNTS, *self.counts.values(), strict=True)))

    def add(self, other: Aggregate) -> None:
        """Add ``other``."""
        self.add_counts(other.counts)
        self.add_durations(other.durations)

    def subtract(self, other: Aggregate) -> None:
        """Take ``other`` away."""
        self.add(other.negated())

    def negated(self) -> Aggregate:
        """What takes this away when it is added."""
        return Aggregate(
            {rate: [-count for count in counts] for rate, counts in self.counts.items()},
            {bucket: -calls for bucket, calls in self.durations.items()},
        )

    def serialize(self) -> SerializedAggregate:
        """The tally as text, without what came to nothing."""
        counts = [f"{_quote(rate)}:{list(each)}" for rate, each in self.counts.items() if any(each)]
        times = self.durations.items()
        if 0 in self.durations.values():
            times = {bucket: calls for bucket, calls in times if calls}.items()
        return SerializedAggregate(f"{{{','.join(counts)}}}", f"{[*chain.from_iterable(times)]}")

    def percentiles(self, *shares: float) -> Sequence[float | None]:
        """The durations in seconds that each share of the ended calls did not exceed.

        None for each when no call has ended.
        """
        buckets = sorted(self.durations)
        buckets = buckets[bisect_left(buckets, 0) :]
        ranked = _ranks([self.durations[bucket] for bucket in buckets], shares)
        return [None if at is None else bucket_midpoint(buckets[at]) for at in ranked]

    def first_token_percentiles(self, *shares: float) -> Sequence[float | None]:
        """The same of the times to the first token; None for each when no call has one."""
        buckets = sorted(self.durations)
        buckets = buckets[: bisect_left(buckets, 0)][::-1]
        ranked = _ranks([self.durations[bucket] for bucket in buckets], shares)
        return [None if at is None else bucket_midpoint(-1 - buckets[at]) for at in ranked]

    def add_counts(self, counts: Mapping[str, Sequence[int]]) -> None:
        """Add counts by rate."""
        for rate, each in counts.items():
            before = self.counts.get(rate)
            self.counts[rate] = each if before is None else list(map(add, before, each))

    def add_durations(self, durations: Mapping[int, int]) -> None:
        """Add calls by the bucket that they ended in."""
        mine = self.durations
        if not mine:
            self.durations = dict(durations)
            return
        for bucket, calls in durations.items():
            mine[bucket] = mine.get(bucket, 0) + calls


def aggregate_call(facts: CountedCall, sign: int = 1) -> Aggregate:
    """The sum over one call; with ``sign`` -1 what takes it away."""
    of_call = (sign, sign * (facts.status == FAILED), sign * (facts.tokens is not None))
    counts: dict[str, Sequence[int]] = {
        rate: Counts(*of_call, sign * given, sign * made, sign * cached)
        for rate, given, made, cached in facts.charges[:1]
    }
    for rate, given, made, cached in facts.charges[1:]:
        counts[rate] = Counts(0, 0, 0, sign * given, sign * made, sign * cached)
    return Aggregate(counts, dict.fromkeys(list_buckets(facts), sign))


def aggregate_calls(calls: Iterable[CountedCall]) -> Aggregate:
    """The sum over calls, which takes less time than to add up what ``aggregate_call`` gives of each."""
    counts: dict[str, list[int]] = {}
    durations: dict[int, int] = {}
    for call in calls:
        is_counted = False
        for rate, given, made, cached in call.charges:
            sums = counts.get(rate)
            if sums is None:
                sums = counts[rate] = [0] * len(_NO_COUNTS)
            if not is_counted:
                is_counted = True
                sums[0] += 1
                sums[1] += call.status == FAILED
                sums[2] += call.tokens is not None
            sums[3] += given
            sums[4] += made
            sums[5] += cached
        if call.duration is not None and call.status != STARTED:
            bucket = _bucket(call.duration)
            durations[bucket] = durations.get(bucket, 0) + 1
        if call.first_token is not None:
            bucket = -1 - _bucket(call.first_token)
            durations[bucket] = durations.get(bucket, 0) + 1
    return Aggregate({**counts}, durations)


def sum_aggregates(tallies: Sequence[Aggregate]) -> Aggregate:
    """Their sum. Read it only: a single tally is its own sum."""
    if len(tallies) == 1:
        return tallies[0]
    durations: dict[int, int] = {}
    for one in tallies:
        for bucket, calls in one.durations.items():
            durations[bucket] = durations.get(bucket, 0) + calls
    return Aggregate(_sum_counts([one.counts for one in tallies]), durations)


def parse_and_sum(written: Sequence[SerializedAggregate]) -> Aggregate:
    """The sum of what is written."""
    counts = parse_json(f"[{','.join([one.counts for one in written])}]")
    durations = parse_json(f"[{','.join([one.durations for one in written])}]")
    return Aggregate(_sum_counts(counts), _sum_durations(durations))


def parse_and_group_counts(rows: Iterable[tuple[Place, str]]) -> dict[Place, Aggregate]:
    """The sums of written counts alone, by place, without durations, which take longest to read."""
    texts_of = _collect(rows)
    counts = _COUNTS.parse(chain.from_iterable(texts_of.values()))
    return {
        place: Aggregate(_sum_counts([counts[text] for text in texts])) for place, texts in texts_of.items()
    }


def parse_and_group_durations(rows: Iterable[tuple[Place, str]]) -> dict[Place, dict[int, int]]:
    """The sums of written durations alone, by place."""
    texts_of = _collect(rows)
    pairs = _DURATIONS.parse(chain.from_iterable(texts_of.values()))
    return {place: _sum_durations([pairs[text] for text in texts]) for place, texts in texts_of.items()}


def parse_counts(counts: str) -> Aggregate:
    """Written counts, without durations."""
    return Aggregate(parse_json(counts))


def negate(written: SerializedAggregate) -> SerializedAggregate:
    """What takes ``written`` away when it is added."""
    return parse_and_sum([written]).negated().serialize()


_quote = lru_cache(json.dumps)  # json would take most of the time that folding takes


def _collect(rows: Iterable[tuple[Place, str]]) -> dict[Place, list[str]]:
    """The texts of each place."""
    texts: dict[Place, list[str]] = {}
    for place, text in rows:
        if place in texts:
            texts[place].append(text)
        else:
            texts[place] = [text]
    return texts


def _sum_counts(written: Sequence[Mapping[str, Sequence[int]]]) -> dict[str, Sequence[int]]:
    """The sum of counts by rate."""
    if len(written) == 1:
        return dict(written[0])
    by_rate: dict[str, list[Sequence[int]]] = {}
    for counts in written:
        for rate, each in counts.items():
            if rate in by_rate:
                by_rate[rate].append(each)
            else:
                by_rate[rate] = [each]
    return {rate: list(map(sum, zip(*each, strict=True))) for rate, each in by_rate.items()}


def _sum_durations(written: Iterable[Sequence[int]]) -> dict[int, int]:
    """The sum of durations as they are written: bucket, calls, bucket, calls, ..."""
    flat = chain.from_iterable(written)
    durations: dict[int, int] = {}
    for bucket, calls in zip(flat, flat, strict=True):  # one iterator: in pairs
        durations[bucket] = durations.get(bucket, 0) + calls
    return durations


def _ranks(calls: Sequence[int], shares: Sequence[float]) -> list[int | None]:
    """In which of some counts each share of their sum is reached; None when the sum is 0."""
    passed = list(accumulate(calls))
    if not passed or not passed[-1]:
        return [None] * len(shares)
    return [bisect_left(passed, max(math.ceil(share * passed[-1]), 1)) for share in shares]


def list_buckets(call: CountedCall) -> list[int]:
    """The buckets that a call counts in, each once."""
    buckets = []
    if call.duration is not None and call.status != STARTED:
        buckets.append(_bucket(call.duration))
    if call.first_token is not None:
        buckets.append(-1 - _bucket(call.first_token))
    return buckets


def _bucket(seconds: float) -> int:
    return 0 if seconds <= _LEAST_S else math.ceil(math.log(seconds / _LEAST_S) / _STEP)


@cache
def bucket_midpoint(bucket: int) -> float:
    """The seconds that stand for a bucket of durations."""
    return _LEAST_S * math.exp(_STEP * (bucket - 0.5)) if bucket else _LEAST_S
