"""Which parts of one call stand for which of the other. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from log10_trace.domain.call_parts import Part
from log10_trace.domain.comparison.common_subsequence import find_common_subsequence
from log10_trace.domain.comparison.text_difference import (
    Effort,
    TextDifference,
    compare_texts,
    swap_segments,
)

Pair: TypeAlias = tuple[Part | None, Part | None]

_MAX_PAIRS: Final = 250_000
_MAX_SCORED: Final = 400
"""Pairs of unequal parts whose likeness is measured; in a larger block parts of the same title are paired."""
_SAME_TITLE: Final = 0.1
"""Likeness of two parts that have no word in common, and the same title."""
_COMPARED_CHARACTERS: Final = 2_000
_WORD: Final = re.compile(r"\w+")
_NO_DIFFERENCE: Final = TextDifference(())


@dataclass(frozen=True, slots=True)
class Row:
    """A part of one call beside its counterpart in the other; None where there is none."""

    a: Part | None
    b: Part | None
    difference: TextDifference

    @property
    def is_equal(self) -> bool:
        """Whether both calls have the part, with the same title and text."""
        return (
            self.a is not None
            and self.b is not None
            and self.a.title == self.b.title
            and self.difference.is_equal
        )

    @property
    def title(self) -> str:
        """The title of the part, of both if they differ."""
        titles = dict.fromkeys(part.title for part in (self.a, self.b) if part is not None)
        return " → ".join(titles)

    def swap(self) -> Row:
        """The row with the two calls exchanged."""
        exchanged = TextDifference(swap_segments(self.difference.segments), self.difference.precision)
        return Row(self.b, self.a, exchanged)


def align_parts(a: Sequence[Part], b: Sequence[Part], effort: Effort) -> tuple[Row, ...]:
    """The rows of two lists of parts, in the order of both. Swapped lists give the same rows, swapped."""
    if _key(a) > _key(b):
        return tuple(row.swap() for row in align_parts(b, a, effort))
    return tuple(_make_row(one, other, effort) for one, other in _pair(a, b))


def align_named(a: Iterable[Part], b: Iterable[Part], effort: Effort) -> tuple[Row, ...]:
    """The rows of two sets of parts whose titles are names: by name, in alphabetical order."""
    named_a, named_b = ({part.title: part for part in parts} for parts in (a, b))
    return tuple(
        _make_row(named_a.get(name), named_b.get(name), effort) for name in sorted({*named_a, *named_b})
    )


def _make_row(a: Part | None, b: Part | None, effort: Effort) -> Row:
    if a is None or b is None:
        return Row(a, b, _NO_DIFFERENCE)
    return Row(a, b, compare_texts(a.text, b.text, effort))


def _key(parts: Sequence[Part]) -> list[tuple[str, str]]:
    return [(part.title, part.text) for part in parts]


def _pair(a: Sequence[Part], b: Sequence[Part]) -> Iterator[Pair]:
    """Equal parts, and between them those that are most alike."""
    matches, _ = find_common_subsequence(_key(a), _key(b), _MAX_PAIRS)
    at_a = at_b = 0
    for match_a, match_b in (*matches, (len(a), len(b))):
        yield from _pair_unequal(a[at_a:match_a], b[at_b:match_b])
        if match_a < len(a):
            yield a[match_a], b[match_b]
        at_a, at_b = match_a + 1, match_b + 1


def _pair_unequal(a: Sequence[Part], b: Sequence[Part]) -> Iterator[Pair]:
    if len(a) * len(b) <= _MAX_SCORED:
        matches = _find_most_alike(a, b)
    else:
        titles_a, titles_b = ([part.title for part in parts] for parts in (a, b))
        matches, _ = find_common_subsequence(titles_a, titles_b, _MAX_PAIRS)
    at_a = at_b = 0
    for match_a, match_b in (*matches, (len(a), len(b))):
        yield from ((part, None) for part in a[at_a:match_a])
        yield from ((None, part) for part in b[at_b:match_b])
        if match_a < len(a):
            yield a[match_a], b[match_b]
        at_a, at_b = match_a + 1, match_b + 1


def _find_most_alike(a: Sequence[Part], b: Sequence[Part]) -> list[tuple[int, int]]:
    """The pairs, in the order of both lists, whose likenesses have the greatest sum."""
    likeness = [[_measure_likeness(one, other) for other in b] for one in a]
    # best[i][j]: the greatest sum for what follows i in a and j in b.
    best = [[0.0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in reversed(range(len(a))):
        for j in reversed(range(len(b))):
            best[i][j] = max(best[i + 1][j], best[i][j + 1], likeness[i][j] + best[i + 1][j + 1])
    i = j = 0
    found = []
    while i < len(a) and j < len(b):
        if likeness[i][j] and best[i][j] == likeness[i][j] + best[i + 1][j + 1]:
            found.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return found


def _measure_likeness(a: Part, b: Part) -> float:
    """0 for parts of different titles, up to 1 for parts of the same words."""
    if a.title != b.title:
        return 0.0
    words_a, words_b = _words(a.text[:_COMPARED_CHARACTERS]), _words(b.text[:_COMPARED_CHARACTERS])
    common = 2 * len(words_a & words_b) / max(1, len(words_a) + len(words_b))
    return _SAME_TITLE + (1 - _SAME_TITLE) * common


@lru_cache(maxsize=64)
def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text))
