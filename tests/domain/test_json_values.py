"""Typed access to JSON."""

from __future__ import annotations

from typing import Any

import pytest

from log10_trace.domain.json_values import read_list, read_mapping, read_text


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "a", ["a"], {"a": 1}], ids=repr)
def test_a_value_of_another_type_reads_as_empty(value: Any) -> None:
    """Objects, arrays and strings are given as they are."""
    assert read_mapping(value) == (value if isinstance(value, dict) else {})
    assert read_list(value) == (value if isinstance(value, list) else [])
    assert read_text(value) == (value if isinstance(value, str) else "")
