"""Lists among the values of a statement, which go to the server in pieces. Pure.

A server takes a value of 128 KiB at most (``http_max_field_value_size``), whatever the engine could compare.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_COLUMNS: Final = frozenset({"ids", "keys", "places", "records", "sequences", "session_ids", "sources"})
"""Lists with a value for each of what a statement is about, in the same order where there are several.

What a statement gives or does for all of them it gives or does piece by piece. Other lists, such as the tags
that a record must have, are conditions on every row: ``split_list`` makes several conditions of one.
"""
_MAX_VALUES: Final = 1_000
_MAX_BYTES: Final = 65_536
_MAX_DIGITS: Final = 20
_SEPARATORS: Final = 4
"""Bytes around each value: its quotes, a comma and a space."""
_ESCAPED: Final = 4
"""Bytes that a character takes at most, as UTF-8 or escaped for the array and again for the request."""
is_plain: Final = re.compile(r"[\w .:=/-]*", re.ASCII).fullmatch
"""Whether each character of a text is sent as it is, in one byte."""


def split_lists(values: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The values as they are, or with pieces of their long lists, one after the other.

    Raises:
        ValueError: lists that belong together are not equally long.
    """
    columns = {name: column for name, column in values.items() if name in _COLUMNS}
    begin, filled = 0, 0
    for number, row in enumerate(zip(*columns.values(), strict=True)):
        size = max(map(_size, row))
        is_full = number - begin == _MAX_VALUES or filled + size > _MAX_BYTES
        if is_full and number > begin:
            yield {**values, **{name: column[begin:number] for name, column in columns.items()}}
            begin, filled = number, 0
        filled += size
    yield {**values, **{name: column[begin:] for name, column in columns.items()}} if begin else values


def split_list(texts: list[str]) -> list[list[str]]:
    """Pieces of a list, each of which a server takes, for a statement with a condition for each."""
    return [piece["ids"] for piece in split_lists({"ids": texts})]


def is_one_piece(ids: list[str]) -> bool:
    """Whether a list is sent whole, for a statement that cannot be asked for pieces."""
    return len(split_list(ids)) == 1


def _size(value: str | int) -> int:
    """The bytes of a value at most."""
    if not isinstance(value, str):
        return _MAX_DIGITS + _SEPARATORS
    return (len(value) if is_plain(value) else _ESCAPED * len(value)) + _SEPARATORS
