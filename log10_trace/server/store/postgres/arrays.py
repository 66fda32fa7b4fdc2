"""Converts rows to arrays, so that one statement with ``unnest`` writes a group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def rows_to_columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
    """The columns of ``rows``, each by its name; empty ones when there are no rows."""
    if not rows:
        return {name: [] for name in names}
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
