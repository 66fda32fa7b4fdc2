"""Tallies: what calls add up to, by model, and how that is written down. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from operator import add
from typing import Final, TypeAlias

from log10_trace.server.store.facts import Facts

# A bucket's bounds are 10 % apart, so its middle is within 5 % of whatever fell in. The first ends at 1 ms.
_STEP: Final = math.log(1.1)
_LEAST_S: Final = 0.001
_COUNTS: Final = 6


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
        durations = self.durations
        for bucket, count in other.durations.items():
            durations[bucket] = durations.get(bucket, 0) + sign * count

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

    def numbers(self) -> list[int]:
        """The six counts, then bucket, calls, bucket, calls, ..."""
        return _flat(self.counts(), self.durations)

    def percentiles(self, *shares: float) -> list[float | None]:
        """The durations in seconds that each share of the ended calls did not exceed; shares ascend.

        None for each when no call has ended.
        """
        ended = sum(self.durations.values())
        if not ended:
            return [None] * len(shares)
        found: list[float | None] = []
        buckets = iter(sorted(self.durations))
        bucket = passed = 0
        for share in shares:
            rank = max(math.ceil(share * ended), 1)
            while passed < rank:
                bucket = next(buckets)
                passed += self.durations[bucket]
            found.append(_middle(bucket))
        return found


Sums: TypeAlias = dict[str, Tally]
"""Tallies by model; the name is empty for calls that name none."""
NO_SUMS: Final = "{}"
"""The text of no sums."""


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


def negative(one: Tally) -> Tally:
    """What takes ``one`` away when it is added."""
    total = Tally()
    total.add(one, -1)
    return total


def added_up(tallies: Sequence[tuple[str, Tally]]) -> Sums:
    """The sums of tallies and their models. Read them only: a single tally stands in its sum itself."""
    if len(tallies) == 1:
        return dict(tallies)
    sums: Sums = {}
    for model, one in tallies:
        if model not in sums:
            sums[model] = Tally()
        sums[model].add(one)
    return sums


def united(parts: Sequence[Sums]) -> Sums:
    """The sum of sums. Read it only: sums that are alone stand for themselves."""
    return parts[0] if len(parts) == 1 else added_up([one for part in parts for one in part.items()])


def write_sums(sums: Sums) -> str:
    """The sums as JSON text: ``{"gpt-4o": [calls, failed, ...]}``."""
    return _written({model: one.numbers() for model, one in sums.items()})


def read_sums(text: str) -> Iterator[tuple[str, Tally]]:
    """The models of sums and their tallies, from their text."""
    for model, numbers in json.loads(text).items():
        yield model, _read(numbers)


def change_sums(text: str, change: Sums) -> tuple[int, str]:
    """The text of sums after a change, and their calls. Models of which nothing is left are left out."""
    standing: dict[str, list[int]] = {} if text == NO_SUMS else json.loads(text)
    for model, one in change.items():
        numbers = _added(standing[model], one) if model in standing else one.numbers()
        if any(numbers):
            standing[model] = numbers
        else:
            standing.pop(model, None)
    return sum([numbers[0] for numbers in standing.values()]), _written(standing)


def negative_sums(text: str) -> str:
    """What takes the sums of ``text`` away when it is added."""
    return write_sums({model: negative(one) for model, one in read_sums(text)})


def calls_in(tallies: Iterable[Tally]) -> int:
    """The calls of all of them."""
    return sum(one.calls for one in tallies)


def _added(numbers: list[int], one: Tally) -> list[int]:
    """The same as reading, adding and writing; folding does little else."""
    durations = dict(zip(numbers[_COUNTS::2], numbers[_COUNTS + 1 :: 2], strict=True))
    for bucket, count in one.durations.items():
        durations[bucket] = durations.get(bucket, 0) + count
    return _flat(map(add, numbers, one.counts()), durations)


def _flat(counts: Iterable[int], durations: Mapping[int, int]) -> list[int]:
    pairs = durations.items()
    if 0 in durations.values():
        pairs = {bucket: count for bucket, count in pairs if count}.items()
    return [*counts, *chain.from_iterable(pairs)]


def _written(numbers: Mapping[str, list[int]]) -> str:
    # By hand, because json would take most of the time that folding takes.
    return f"{{{','.join([f'{_quoted(model)}:{each}' for model, each in numbers.items()])}}}"


_quoted = lru_cache(json.dumps)


def _read(numbers: list[int]) -> Tally:
    calls, failed, metered, asked, answered, cached = numbers[:_COUNTS]
    durations = dict(zip(numbers[_COUNTS::2], numbers[_COUNTS + 1 :: 2], strict=True))
    return Tally(calls, failed, metered, asked, answered, cached, durations)


def _bucket(seconds: float) -> int:
    return 0 if seconds <= _LEAST_S else math.ceil(math.log(seconds / _LEAST_S) / _STEP)


def _middle(bucket: int) -> float:
    return _LEAST_S * math.exp(_STEP * (bucket - 0.5)) if bucket else _LEAST_S
