"""The difference of two texts: complete, symmetric, readable, bounded."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from log10_trace.domain.comparison.abridgement import EqualText, abridge_segments
from log10_trace.domain.comparison.common_subsequence import find_common_subsequence
from log10_trace.domain.comparison.text_difference import compare_texts, swap_segments

WORDS = st.lists(
    st.sampled_from(["alpha", "beta", "x_1", "3.14", " ", "\n", "  ", ",", "東", "京", "e\u0301", "\ud800"])
)
TEXTS = st.one_of(st.text(max_size=40), WORDS.map("".join))


def marked(a: str, b: str) -> str:
    return "".join(
        segment.a if segment.is_equal else f"[{segment.a}|{segment.b}]"
        for segment in compare_texts(a, b).segments
    )


@given(a=TEXTS, b=TEXTS)
@example(a="one two three four", b="one two\nthree  four")
@example(a="   ", b=" \n ")
def test_the_segments_are_the_texts(a: str, b: str) -> None:
    """Joined, one side of the segments is one text and the other side the other; swapped texts swap them."""
    segments = compare_texts(a, b).segments

    assert "".join(segment.a for segment in segments) == a
    assert "".join(segment.b for segment in segments) == b
    assert compare_texts(b, a).segments == swap_segments(segments)
    assert compare_texts(a, b).is_equal == (a == b)


@given(a=st.text("ab,", max_size=12), b=st.text("ab,", max_size=12), max_pairs=st.integers(0, 200))
def test_the_matches_ascend_and_are_equal(a: str, b: str, max_pairs: int) -> None:
    """The matches are equal items in ascending order; with enough pairs, as many as there can be."""
    matches, _ = find_common_subsequence(a, b, max_pairs)
    lengths = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in reversed(range(len(a))):
        for j in reversed(range(len(b))):
            lengths[i][j] = (
                lengths[i + 1][j + 1] + 1 if a[i] == b[j] else max(lengths[i + 1][j], lengths[i][j + 1])
            )

    assert all(a[i] == b[j] for i, j in matches)
    assert all(i < k and j < m for (i, j), (k, m) in pairwise(matches))
    assert max_pairs < len(a) * len(b) or len(matches) == lengths[0][0]


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("Answer in French, please.", "Answer in German, please.", "Answer in [French|German], please."),
        ('{"x": 1, "y": 2}', '{"x": 4, "y": 5}', '{"x": [1|4], "y": [2|5]}'),
        ("Be brief.", "Be brief and kind.", "Be brief[| and kind]."),
        ("temperature 0.25", "temperature 0.75", "temperature [0.25|0.75]"),
        ("東京今天天气", "東京明天天气", "東京[今|明]天天气"),
        ("unbelievable", "unbelievably", "[unbelievable|unbelievably]"),
        ("a b\nsame line\nc d\n", "a x\nsame line\nc d e\n", "a [b|x]\nsame line\nc d[| e]\n"),
        ("one blue two", "red fine old fast", "[one blue two|red fine old fast]"),
    ],
)
def test_words_are_marked_whole(a: str, b: str, expected: str) -> None:
    """A change is marked where it is, from the beginning of a word to its end."""
    assert marked(a, b) == expected


def test_large_texts_take_bounded_work() -> None:
    """What would take quadratic work is compared more coarsely; one changed word is found in any text."""
    filler = "lorem ipsum " * 100_000
    numbers = random.Random(7).sample(range(10**9), 60_000)
    lines = "\n".join(map(str, numbers[:30_000])), "\n".join(map(str, numbers[30_000:]))

    assert marked(f"{filler}old {filler}", f"{filler}new {filler}") == f"{filler}[old|new] {filler}"
    assert compare_texts(*lines).precision == "whole"
    assert compare_texts("1," * 400_000, "2," * 400_000).precision == "lines"
    # Every second token differs: difflib needs minutes for this.
    table = compare_texts(",".join(map(str, numbers[:9_000])), ",".join(map(str, numbers[9_000:18_000])))
    assert table.precision == "words"


def test_long_equal_text_is_cut_to_what_stands_beside_a_change() -> None:
    """The beginning, the middle and the end of equal text are left out, and nothing is lost."""
    segments = compare_texts(
        f"{'a ' * 500}old\n{'b ' * 500}\nold", f"{'a ' * 500}new\n{'b ' * 500}\nnew"
    ).segments

    pieces = list(abridge_segments(segments, 20))

    assert [len(piece.text) if isinstance(piece, EqualText) else piece.a for piece in pieces] == [
        980, "a " * 10, "old", "\n" + "b " * 9 + "b", 962, " b" * 9 + " \n", "old"
    ]  # fmt: skip
