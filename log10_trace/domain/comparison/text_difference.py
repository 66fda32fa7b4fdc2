"""The difference of two texts, word by word. Pure.

Texts are cut to what differs, then aligned line by line, and the lines that differ word by word. What is too
large for that is compared more coarsely, and says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Literal

from log10_trace.domain.comparison.common_subsequence import find_common_subsequence

Precision = Literal["words", "lines", "whole"]

_MAX_PAIRS: Final = 200_000
"""Equal pairs of words or lines that one alignment looks at; a tenth of a second."""
_MAX_LINES: Final = 50_000
_MAX_CHARACTERS: Final = 400_000
"""Of two blocks of lines that are compared word by word."""
_MAX_ISLAND: Final = 3
"""Equal words between two longer changes that count as changed: scattered words tell nothing."""
_MAX_WORD: Final = 200
_IDEOGRAPHS: Final = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD: Final = re.compile(rf"(\d+(?:[.,]\d+)+|[{_IDEOGRAPHS}]|[^\W{_IDEOGRAPHS}]+|[^\w\s]|^\s+)(\s*)")
_WORD_CHARACTERS: Final = re.compile(r"\w+")
_ONE_WORD: Final = re.compile(r"\w\w|\s\s|\d[.,]|[.,]\d")
_LINE: Final = re.compile(r"[^\n]*\n|[^\n]+")


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of both texts: equal, or what one has in the place of the other's."""

    a: str
    b: str

    @property
    def is_equal(self) -> bool:
        """Whether both texts have it."""
        return self.a == self.b


@dataclass(frozen=True, slots=True)
class TextDifference:
    """Two texts as segments; joined, the ``a`` of all segments are the one text and the ``b`` the other."""

    segments: tuple[Segment, ...]
    precision: Precision = "words"
    """How finely the coarsest changed segment was compared."""

    @property
    def is_equal(self) -> bool:
        """Whether the texts are equal."""
        return all(segment.is_equal for segment in self.segments)


@dataclass(slots=True)
class Effort:
    """What a comparison of many texts may still spend, so that its time is bounded."""

    pairs: int = 1_000_000
    characters: int = 4_000_000
    """Compared word by word."""

    def align(self, a: Sequence[str], b: Sequence[str]) -> list[tuple[int, int]]:
        """The matches of two sequences."""
        matches, spent = find_common_subsequence(a, b, min(self.pairs, _MAX_PAIRS))
        self.pairs -= spent
        return matches


def compare_texts(a: str, b: str, effort: Effort | None = None) -> TextDifference:
    """The segments of two texts. Swapped texts give the same segments, swapped."""
    if a == b:
        return TextDifference((Segment(a, b),) if a else ())
    if (len(a), a) > (len(b), b):
        mirrored = compare_texts(b, a, effort)
        return TextDifference(swap_segments(mirrored.segments), mirrored.precision)
    head = _count_common_prefix(a, b)
    tail = _count_common_suffix(a[head:], b[head:])
    middle_a, middle_b = a[head : len(a) - tail], b[head : len(b) - tail]
    blocks = _Blocks(effort or Effort())
    changed = blocks.compare(middle_a, middle_b)
    segments = (Segment(a[:head], a[:head]), *changed, Segment(a[len(a) - tail :], a[len(a) - tail :]))
    return TextDifference(tuple(_join_islands(_join_neighbours(segments))), blocks.precision)


def swap_segments(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """The segments with the two texts exchanged."""
    return tuple(Segment(segment.b, segment.a) for segment in segments)


class _Blocks:
    """Compares blocks of text within an effort, and notes how finely."""

    def __init__(self, effort: Effort) -> None:
        self._effort = effort
        self.precision: Precision = "words"

    def compare(self, a: str, b: str) -> Iterator[Segment]:
        """The segments of two texts, line by line."""
        if "\n" not in a and "\n" not in b:
            yield from self._compare_words(a, b)
            return
        if a.count("\n") + b.count("\n") > _MAX_LINES:
            self.precision = "whole"
            yield Segment(a, b)
            return
        lines_a, lines_b = _LINE.findall(a), _LINE.findall(b)
        at_a = at_b = 0
        for match_a, match_b in (*self._effort.align(lines_a, lines_b), (len(lines_a), len(lines_b))):
            yield from self._compare_words("".join(lines_a[at_a:match_a]), "".join(lines_b[at_b:match_b]))
            yield from (Segment(line, line) for line in lines_a[match_a : match_a + 1])
            at_a, at_b = match_a + 1, match_b + 1

    def _compare_words(self, a: str, b: str) -> Iterator[Segment]:
        size = len(a) + len(b)
        if not (a and b):
            yield Segment(a, b)
        elif size > min(_MAX_CHARACTERS, self._effort.characters):
            self.precision = "lines" if self.precision == "words" else self.precision
            yield Segment(a, b)
        else:
            self._effort.characters -= size
            yield from self._align_words(_WORD.findall(a), _WORD.findall(b))

    def _align_words(
        self, words_a: Sequence[tuple[str, str]], words_b: Sequence[tuple[str, str]]
    ) -> Iterator[Segment]:
        """The segments of two lists of words, each with the space behind it, which may differ by itself."""
        at_a = at_b = 0
        matches = self._effort.align([word for word, _ in words_a], [word for word, _ in words_b])
        for match_a, match_b in (*matches, (len(words_a), len(words_b))):
            yield from _replace_words(words_a[at_a:match_a], words_b[at_b:match_b])
            yield from _replace_words(words_a[match_a : match_a + 1], words_b[match_b : match_b + 1])
            at_a, at_b = match_a + 1, match_b + 1


def _replace_words(a: Sequence[tuple[str, str]], b: Sequence[tuple[str, str]]) -> Iterator[Segment]:
    """The segments of words that stand for each other, and of the space behind them."""
    if not (a and b):
        yield Segment(_join(a), _join(b))
        return
    space_a, space_b = a[-1][1], b[-1][1]
    text_a, text_b = _join(a), _join(b)
    yield Segment(text_a[: len(text_a) - len(space_a)], text_b[: len(text_b) - len(space_b)])
    yield Segment(space_a, space_b)


def _join(words: Iterable[tuple[str, str]]) -> str:
    return "".join([word + space for word, space in words])


def _join_neighbours(segments: Iterable[Segment]) -> Iterator[Segment]:
    """The segments, neighbours that are equal, or that differ, made one."""
    a: list[str] = []
    b: list[str] = []
    is_equal = True
    for segment in segments:
        if not (segment.a or segment.b):
            continue
        if (a or b) and segment.is_equal != is_equal:
            yield Segment("".join(a), "".join(b))
            a, b = [], []
        is_equal = segment.is_equal
        a.append(segment.a)
        b.append(segment.b)
    if a or b:
        yield Segment("".join(a), "".join(b))


def _join_islands(segments: Iterable[Segment]) -> list[Segment]:
    """The segments, short equal ones between two longer changes made part of the change.

    Equal and changed segments alternate, as ``_join_neighbours`` gives them.
    """
    joined: list[Segment] = []
    for segment in segments:
        if len(joined) > 1 and not segment.is_equal and _is_island(joined[-2], joined[-1], segment):
            island, before = joined.pop(), joined.pop()
            joined.append(Segment(before.a + island.a + segment.a, before.b + island.b + segment.b))
        else:
            joined.append(segment)
    return joined


def _is_island(before: Segment, island: Segment, after: Segment) -> bool:
    """Whether the equal segment has fewer words than the change on either side of it."""
    words = _count_words(island.a)
    return words <= _MAX_ISLAND and all(
        words < max(_count_words(change.a), _count_words(change.b)) for change in (before, after)
    )


def _count_words(text: str) -> int:
    """The number of words, one more than ``_MAX_ISLAND`` at most."""
    return sum(1 for _ in islice(_WORD_CHARACTERS.finditer(text), _MAX_ISLAND + 1))


def _count_common_prefix(a: str, b: str) -> int:
    """How many characters both begin with, up to the beginning of a word."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    least = max(0, low - _MAX_WORD)
    while low > least and _is_within_word(a, low) | _is_within_word(b, low):
        low -= 1
    return low


def _count_common_suffix(a: str, b: str) -> int:
    """How many characters both end with, from the end of a word on."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[len(a) - middle : len(a) - low] == b[len(b) - middle : len(b) - low]:
            low = middle
        else:
            high = middle - 1
    least = max(0, low - _MAX_WORD)
    while low > least and _is_within_word(a, len(a) - low) | _is_within_word(b, len(b) - low):
        low -= 1
    return low


def _is_within_word(text: str, at: int) -> bool:
    """Whether the characters before and after a place belong to one word, number or run of space."""
    return at > 0 and _ONE_WORD.match(text, at - 1) is not None
