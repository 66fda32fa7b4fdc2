"""The user's metadata: what may stand in it, and how two maps become one."""

from __future__ import annotations

import re
from typing import Any

import pytest

from log10_trace.domain.metadata import (
    MAX_KEY_CHARS,
    MAX_PAIRS,
    MAX_VALUE_CHARS,
    check_metadata,
    merge_metadata,
    read_metadata,
    write_value,
)


def test_a_map_of_simple_values_is_kept_as_it_is() -> None:
    """Strings, numbers, booleans and None are values; the map is a copy."""
    given = {"user_id": 42, "plan": "pro", "trial": False, "share": 0.5, "team": None}

    kept = check_metadata(given)

    assert kept == given
    assert kept is not given


@pytest.mark.parametrize(
    ("bad", "error", "named"),
    [
        ("user_id=42", TypeError, "'user_id=42'"),
        ([("user_id", 42)], TypeError, "[('user_id', 42)]"),
        ({7: "x"}, TypeError, "7 is int"),
        ({"": "x"}, ValueError, "''"),
        ({"a=b": "x"}, ValueError, "'a=b'"),
        ({"a\nb": "x"}, ValueError, r"'a\nb'"),
        ({"k" * (MAX_KEY_CHARS + 1): "x"}, ValueError, "k" * 64),
        ({"user": {"id": 42}}, TypeError, "'user' is dict: {'id': 42}"),
        ({"user": ["a"]}, TypeError, "'user' is list: ['a']"),
        ({"user": object}, TypeError, "'user' is type"),
        ({"share": float("nan")}, ValueError, "'share' is nan"),
        ({"text": "x" * (MAX_VALUE_CHARS + 1)}, ValueError, f"'text' has {MAX_VALUE_CHARS + 1}"),
        ({"number": 1 << 4000}, ValueError, "'number' has more"),
        ({str(number): 1 for number in range(MAX_PAIRS + 1)}, ValueError, f"{MAX_PAIRS + 1} are given"),
    ],
)
def test_a_bad_map_is_refused_by_key_and_value(bad: Any, error: type[Exception], named: str) -> None:
    """The error names the key and the value, and says what may stand there."""
    with pytest.raises(error, match=re.escape(named)):
        check_metadata(bad)


def test_the_inner_value_of_a_key_holds() -> None:
    """Two maps are joined; neither is changed."""
    outer, inner = {"a": 1, "b": 1}, {"b": 2, "c": 2}

    assert merge_metadata(outer, inner) == {"a": 1, "b": 2, "c": 2}
    assert (outer, inner) == ({"a": 1, "b": 1}, {"b": 2, "c": 2})
    assert merge_metadata(None, inner) == inner
    assert merge_metadata(outer, None) == outer
    assert merge_metadata(None, None) is None


def test_values_have_one_text() -> None:
    """A number is found by the text of its digits, a boolean by its name in JSON."""
    texts = [write_value(value) for value in ("42", 42, 0.5, True, False, None, [], {})]

    assert texts == ["42", "42", "0.5", "true", "false", None, None, None]


def test_of_a_map_that_nobody_checked_the_usable_pairs_are_read() -> None:
    """Nested values, odd keys and pairs above the limit are left out."""
    assert read_metadata({"a": 1, "b": {"c": 2}, "": "x", "d=e": "x", "f": None}) == {"a": 1}
    assert read_metadata(["a"]) == read_metadata(None) == {}
    assert len(read_metadata({f"k{number}": 1 for number in range(MAX_PAIRS + 9)})) == MAX_PAIRS
