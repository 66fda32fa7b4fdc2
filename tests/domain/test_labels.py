"""Labels."""

from __future__ import annotations

from typing import Any

import pytest

from log10_trace.domain.labels import MAX_LABEL, is_label


@pytest.mark.parametrize(
    "value", ["a", "", "with space", "\u00e9\u4e2d", "x" * MAX_LABEL, "\ud7ff\ue000", "\x80"], ids=ascii
)
def test_text_without_control_characters_is_a_label(value: str) -> None:
    """Any language, up to the longest label."""
    assert is_label(value)


@pytest.mark.parametrize(
    "value",
    [None, 7, True, ["a"], "a\n", "a\x00b", "\x1f", "\x7f", "\ud800", "a\udfff", "x" * (MAX_LABEL + 1)],
    ids=ascii,
)
def test_other_values_are_no_labels(value: Any) -> None:
    """Values of another type, control characters, lone surrogates, and what is too long."""
    assert not is_label(value)


def test_the_length_is_the_callers_choice() -> None:
    """A key has a character at least; a name in JSON has any length."""
    assert not is_label("", min_chars=1)
    assert is_label("x" * 9, max_chars=9)
    assert not is_label("x" * 10, max_chars=9)
    assert is_label("x" * (MAX_LABEL + 1), max_chars=None)
