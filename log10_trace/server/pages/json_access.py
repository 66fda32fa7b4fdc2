"""Defensive access to untyped JSON: what is not of the kind asked for reads as empty. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from log10_trace.domain.json_values import read_text
from log10_trace.server.pages.excerpt import ENDS, Gap, abridge, read_json
from log10_trace.server.store.data_types import CompletionSummary, StoredCompletion

_LONGEST_NAME: Final = 512
_LARGEST_COUNT: Final = 1 << 63


def values_of(
    record: StoredCompletion | CompletionSummary, names: Iterable[str], most: int = ENDS
) -> dict[str, Any]:
    """The values of the record's fields of these names; of long arrays and objects ``most`` of each end."""
    return {name: read_json(record.fields[name], most) for name in names if name in record.fields}


def sequence(value: Any, most: int = ENDS) -> Sequence[Any]:
    """The array, or an empty one; of a long one ``most`` items at each end, a ``Gap`` between them."""
    return abridge(value, most) if isinstance(value, list) else ()


def pairs(holder: Mapping[str, Any], without: frozenset[str] = frozenset()) -> list[tuple[str, Any]]:
    """The members of an object by name, abridged as ``sequence`` does it."""
    named = abridge([(name, value) for name, value in holder.items() if name not in without])
    return [("…", each) if isinstance(each, Gap) else each for each in named]


def short_text(value: Any) -> str:
    """The string where a name belongs, on one line of a page; what is longer than any name ends in "…"."""
    given = read_text(value)
    return given if len(given) <= _LONGEST_NAME else f"{given[:_LONGEST_NAME]}…"


def integer(value: Any) -> int | None:
    """The whole number, or None; a larger one than 64 bits hold counts nothing."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if is_whole and abs(value) < _LARGEST_COUNT else None


def as_text(value: Any) -> str:
    """Any value as text: a string as it is, everything else as indented JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
