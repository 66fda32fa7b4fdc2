"""Converts rows to arrays, so that one statement with ``unnest`` reads or writes a group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def rows_to_columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
    """The columns of ``rows``, each by its name; empty ones when there are no rows."""
    if not rows:
        return {name: [] for name in names}
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


def write_array(values: Sequence[int] | Sequence[str]) -> str:
    """Numbers or texts as the text of an array, which for thousands takes a tenth of the time of a list."""
    if not values or isinstance(values[0], int):
        return f"{{{','.join(map(str, values))}}}"
    return '{"' + '","'.join(map(_escape, map(str, values))) + '"}'


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"') if "\\" in text or '"' in text else text
