"""Parses serialized aggregates, and remembers what was parsed lately. Pure, but for what it remembers.

The queries of a page need the same roll-ups: for a span, for the span before it and for the steps of a
series. The next page needs most of them again, since those of days that are over hardly change. To parse them
takes as long as to add them up.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, Generic, TypeVar

from pydantic_core import from_json

from log10_trace.server.store.common.recent_values import RecentValues

Value = TypeVar("Value")


class ParsedTexts(Generic[Value]):
    """The values of JSON texts, of which the latest are remembered. Values are only to be read.

    Args:
        max_length: Characters of the texts that are remembered for sure; up to twice as many are.
    """

    def __init__(self, max_length: int) -> None:
        self._values: Final = RecentValues[str, Value](max_length, len)

    def parse(self, texts: Iterable[str]) -> Mapping[str, Value]:
        """The value of each text."""
        wanted = [*dict.fromkeys(texts)]
        return dict(zip(wanted, self._values.look_up(wanted, _parse), strict=True))


def _parse(texts: list[str]) -> Mapping[str, Any]:
    # All at once, which takes half the time of one by one.
    return dict(zip(texts, parse_json(f"[{','.join(texts)}]"), strict=True))


def parse_json(text: str) -> Any:
    """The value of a JSON text."""
    try:
        return from_json(text)
    except ValueError:  # the name of a model with half a character, which only Python's parser takes
        return json.loads(text)
