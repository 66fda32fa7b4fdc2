"""Excerpts: JSON of any size, read at its ends, in memory that does not grow with the number of members."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log10_trace.server.pages.excerpt import ENDS, Gap, _count_sign, abridge, excerpt

TEXTS = st.text(max_size=5) | st.sampled_from(
    ['"', "\\", "[", "]{", ",:", '\\"', "\ud800", "\\" * 300, '"' * 300]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=10,
)
LENGTHS = st.sampled_from([2 * ENDS + 1, 2 * ENDS + 2, 3 * ENDS, 450, 1003])
SPACES = st.sampled_from([None, 0, 1])


@given(VALUES, LENGTHS, SPACES)
def test_an_excerpt_of_an_array_is_its_ends(item: Any, length: int, indent: int | None) -> None:
    """Whatever the items are and however they are spaced, both ends are read and the rest is counted."""
    whole = [[f"{index:04}", item] for index in range(length)]
    text = json.dumps(whole, indent=indent)
    read = excerpt(text, budget=len(text) // 2 - 1)

    assert (read[:ENDS], read[ENDS + 1 :]) == (whole[:ENDS], whole[-ENDS:])
    assert (type(read[ENDS]), read[ENDS].omitted) == (Gap, length - 2 * ENDS)


@given(VALUES, LENGTHS, SPACES)
def test_an_excerpt_of_an_object_is_its_ends(item: Any, length: int, indent: int | None) -> None:
    """The same for the members of an object."""
    whole = {f'"{index:04}\\': item for index in range(length)}
    text = json.dumps(whole, indent=indent)
    read = excerpt(text, budget=len(text) // 2 - 1)
    gap = read.pop("…")

    assert list(read.items()) == [*list(whole.items())[:ENDS], *list(whole.items())[-ENDS:]]
    assert gap.omitted == length - 2 * ENDS


@given(VALUES)
def test_a_short_text_is_read_whole(value: Any) -> None:
    """Nothing is left out of an ordinary record."""
    assert excerpt(json.dumps(value)) == value


@pytest.mark.parametrize("count", [10, 2 * ENDS, 2 * ENDS + 1, 5 * ENDS])
@pytest.mark.parametrize("most", [1, 50, ENDS])
def test_a_list_is_abridged_alike_whether_it_was_read_whole_or_not(count: int, most: int) -> None:
    """What a page shows of a list does not depend on how it was read."""
    whole = [f"item {index}" for index in range(count)]
    text = json.dumps(whole)

    assert abridge(excerpt(text, budget=len(text) // 2 - 1), most) == abridge(whole, most)


def values_in(value: Any) -> int:
    """How many values there are in one."""
    if isinstance(value, dict):
        return 1 + sum(map(values_in, value.values()))
    return 1 + sum(map(values_in, value)) if isinstance(value, list) else 1


@pytest.mark.parametrize(
    "item",
    ['{"role":"user","content":"x"}', "[]", "1", '""', "{}", '{"a":[{"b":[{"c":[{}]}]}]}', r'"\""'],
)
def test_what_is_read_does_not_grow_with_the_members(item: str) -> None:
    """Of very many items as few are read as of some."""
    count = 2_400_000 // (len(item) + 1)
    read = excerpt('{"messages":[' + ",".join([item] * count) + "]}")

    assert read["messages"][ENDS].omitted == count - 2 * ENDS
    assert values_in(read["messages"]) == 2 + 2 * ENDS * values_in(json.loads(item))


@pytest.mark.parametrize("width", [45, 60, 150])
def test_what_is_read_does_not_grow_with_nested_members(width: int) -> None:
    """Where every level is long, what is read of the lower ones is bounded too."""
    inner = "[" + ",".join(["[]"] * 201) + "]"
    for _ in range(2):
        inner = "[" + ",".join([inner] * width) + "]"

    assert width < values_in(excerpt(inner)) <= 500_000


def test_memory_does_not_grow_with_the_members() -> None:
    """What is not read is not held for a moment either."""
    text = '{"messages":[' + ",".join(['{"role":"user","content":"x"}'] * 100_000) + "]}"
    tracemalloc.start()
    try:
        excerpt(text)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < len(text) // 4


@pytest.mark.parametrize("count", [0, 1, 9_999, 10_000, 10_001, 30_000])
def test_signs_are_counted_however_many_there_are(count: int) -> None:
    """The signs of a text are counted, few by searching for each and many by passing all characters."""
    assert _count_sign("x".join([","] * count), ",") == count
