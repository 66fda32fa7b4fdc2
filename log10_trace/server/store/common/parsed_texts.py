"""Parses serialized aggregates, and remembers what was parsed lately. Pure, but for what it remembers.

The queries of a page need the same roll-ups: for a span, for the span before it and for the steps of a
series. The next page needs most of them again, since those of days that are over hardly change. To parse them
takes as long as to add them up.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from threading import Lock
from typing import Any, Final, Generic, TypeVar

from pydantic_core import from_json

Value = TypeVar("Value")


class ParsedTexts(Generic[Value]):
    """The values of JSON texts, of which the latest are remembered. Values are only to be read.

    Args:
        max_length: Characters of the texts that are remembered for sure; up to twice as many are.
    """

    def __init__(self, max_length: int) -> None:
        self._max_length: Final = max_length
        self._lock: Final = Lock()
        self._recent: dict[str, Value] = {}
        self._earlier: Mapping[str, Value] = {}
        self._length = 0
        """Of the texts of ``_recent``."""

    def parse(self, texts: Iterable[str]) -> Mapping[str, Value]:
        """The value of each text."""
        recent, earlier = self._recent, self._earlier
        wanted = dict.fromkeys(texts)
        values = {text: recent[text] for text in wanted if text in recent}
        if len(values) < len(wanted):
            found = {text: earlier[text] for text in wanted if text in earlier}
            new = [text for text in wanted if text not in values and text not in found]
            # All at once, which takes half the time of one by one.
            found.update(zip(new, parse_json(f"[{','.join(new)}]"), strict=True))
            self._remember(found)
            values |= found
        return values

    def _remember(self, values: Mapping[str, Value]) -> None:
        length = sum(map(len, values))
        if length > self._max_length:
            return
        with self._lock:
            if self._length + length > self._max_length:
                self._recent, self._earlier, self._length = {}, self._recent, 0
            self._recent.update(values)
            self._length += length


def parse_json(text: str) -> Any:
    """The value of a JSON text."""
    try:
        return from_json(text)
    except ValueError:  # the name of a model with half a character, which only Python's parser takes
        return json.loads(text)
