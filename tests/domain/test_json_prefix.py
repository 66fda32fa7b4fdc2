"""JSON text of which only the beginning is there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from log10_trace.domain.json_prefix import parse_prefix

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(), values, max_size=4),
    max_leaves=12,
)


def is_beginning(part: Any, whole: Any) -> bool:
    """Whether ``part`` holds nothing that ``whole`` does not hold at the same place."""
    if part is None:
        return True
    if isinstance(whole, dict):
        return isinstance(part, dict) and all(
            name in whole and is_beginning(value, whole[name]) for name, value in part.items()
        )
    if isinstance(whole, list):
        return isinstance(part, list) and len(part) <= len(whole) and all(map(is_beginning, part, whole))
    if isinstance(whole, str) and isinstance(part, str):
        return whole.startswith(part.encode("utf-8", "ignore").decode())  # a cut may halve an escaped pair
    return bool(part == whole)


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.text(), VALUES, max_size=4), st.sampled_from([None, 1]), st.booleans())
def test_every_beginning_of_a_text_is_read(value: Any, indent: int | None, ascii_only: bool) -> None:
    """Wherever the text is cut, what stands before is read, and the whole text as it is."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)

    assert parse_prefix(text) == value
    for end in range(len(text)):
        assert is_beginning(parse_prefix(text[:end]), value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ('{"a": "b\\', {"a": "b"}),
        ('{"a": "b\\\\', {"a": "b\\"}),
        ('["\\u00e', [""]),
        ('{"a": [1, 2, 3', {"a": []}),
        ('{"a" :', {"a": None}),
        ('{"a": "b", "c', {"a": "b"}),
        ('"ab', "ab"),
    ],
)
def test_what_the_cut_shortened_is_left_out(text: str, expected: Any) -> None:
    """A string keeps what is there of it; escapes, names and numbers that may be shortened do not count."""
    assert parse_prefix(text) == expected


@pytest.mark.parametrize("text", ["]", '{"a"]', "{]", "nonsense"])
def test_what_begins_no_json_text_is_refused(text: str) -> None:
    """Brackets that do not match, and words, are an error."""
    with pytest.raises(ValueError, match=r"."):
        parse_prefix(text)


def test_backslashes_cost_no_more_than_other_characters() -> None:
    """A string of nothing but escapes is read in linear time."""
    for text in ('{"a": "' + "\\\\" * 500_000, '{"a": "' + '\\"' * 200_000):
        assert len(parse_prefix(text)["a"]) >= 200_000
