"""The longest common subsequence of two sequences, in bounded time. Pure.

The algorithm of Hunt and Szymanski: its time grows with the number of equal pairs, which is known before it
starts. ``difflib`` has no such bound: two tables in which every second word differs take it minutes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from itertools import chain, pairwise
from typing import TypeAlias

Match: TypeAlias = tuple[int, int]
"""The indices of two equal items, one in each sequence."""
_Link: TypeAlias = "tuple[int, int, _Link | None]"


def find_common_subsequence(
    a: Sequence[Hashable], b: Sequence[Hashable], max_pairs: int
) -> tuple[list[Match], int]:
    """The matches in ascending order, and how many equal pairs were looked at.

    Items that occur so often that more than ``max_pairs`` pairs would be equal match only next to others.
    """
    head = _count_equal(a, b)
    tail = _count_equal(a[head:][::-1], b[head:][::-1])
    end_a, end_b = len(a) - tail, len(b) - tail
    heads = [(at, at) for at in range(head)]
    tails = [(end_a + at, end_b + at) for at in range(tail)]
    if head in (end_a, end_b):
        return [*heads, *tails], 0
    frequency_a, frequency_b = Counter(a[head:end_a]), Counter(b[head:end_b])
    pairs = {item: count * frequency_b[item] for item, count in frequency_a.items() if item in frequency_b}
    anchors: set[Hashable] = set()
    spent = 0
    for item, count in sorted(pairs.items(), key=lambda each: each[1]):
        if spent + count > max_pairs:
            break
        anchors.add(item)
        spent += count
    if not anchors:  # the items at both ends of what is left differ
        return [*heads, *tails], 0
    anchored = _find_longest_chain(a, b, range(head, end_a), range(head, end_b), anchors)
    ends = ((head - 1, head - 1), (end_a, end_b))
    inner = list(_extend(a, b, (ends[0], *anchored, ends[1])))
    return [*heads, *inner, *tails], spent


def _count_equal(a: Sequence[Hashable], b: Sequence[Hashable]) -> int:
    """How many items both begin with."""
    return next(
        (at for at, (one, other) in enumerate(zip(a, b, strict=False)) if one != other), min(len(a), len(b))
    )


def _find_longest_chain(
    a: Sequence[Hashable], b: Sequence[Hashable], range_a: range, range_b: range, anchors: set[Hashable]
) -> list[Match]:
    places: defaultdict[Hashable, list[int]] = defaultdict(list)
    for at in reversed(range_b):
        if b[at] in anchors:
            places[b[at]].append(at)
    # The chain of each length that ends earliest in b: where it ends, and its last match.
    ends: list[int] = []
    links: list[_Link] = []
    for at_a in range_a:
        for at_b in places.get(a[at_a], ()):
            length = bisect_left(ends, at_b)
            link = (at_a, at_b, links[length - 1] if length else None)
            if length == len(ends):
                ends.append(at_b)
                links.append(link)
            else:
                ends[length], links[length] = at_b, link
    found: list[Match] = []
    last = links[-1] if links else None
    while last is not None:
        found.append(last[:2])
        last = last[2]
    return found[::-1]


def _extend(a: Sequence[Hashable], b: Sequence[Hashable], known: Sequence[Match]) -> Iterator[Match]:
    """The matches between the first and the last of ``known``, and equal items next to each."""
    for (from_a, from_b), (to_a, to_b) in pairwise(known):
        room = min(to_a - from_a, to_b - from_b) - 1
        after = 0
        while after < room and a[from_a + 1 + after] == b[from_b + 1 + after]:
            after += 1
        before = 0
        while before < room - after and a[to_a - 1 - before] == b[to_b - 1 - before]:
            before += 1
        yield from chain(
            ((from_a + 1 + at, from_b + 1 + at) for at in range(after)),
            ((to_a - at, to_b - at) for at in range(before, 0, -1)),
            [(to_a, to_b)] if (to_a, to_b) != known[-1] else [],
        )
