"""Values that were needed lately, by what they follow from; bounded."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from threading import Lock
from typing import Final, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class RecentValues(Generic[Key, Value]):
    """Values by key, of which the latest are remembered; none of them is None. Safe to use from any thread.

    Args:
        max_length: The length of the keys that are remembered for sure; up to twice as much is.
        measure: The length of a key.
    """

    def __init__(self, max_length: int, measure: Callable[[Key], int]) -> None:
        self._max_length: Final = max_length
        self._measure: Final = measure
        self._lock: Final = Lock()
        self._recent: dict[Key, Value] = {}
        self._earlier: Mapping[Key, Value] = {}
        self._length = 0
        """Of the keys of ``_recent``."""

    def look_up(
        self, keys: Sequence[Key], compute: Callable[[list[Key]], Mapping[Key, Value]]
    ) -> Sequence[Value]:
        """The value of each key, in their order; ``compute`` gives those that are not remembered."""
        recent, earlier = self._recent, self._earlier
        # Each key is hashed once where all are remembered: a key may be made of some hundred texts.
        values = [recent.get(key) for key in keys]
        wanted = [key for key, value in zip(keys, values, strict=True) if value is None]
        found = {key: earlier[key] for key in wanted if key in earlier}
        if new := [key for key in dict.fromkeys(wanted) if key not in found]:
            found.update(compute(new))
        if found:
            self._remember(found)
        return [found[key] if value is None else value for key, value in zip(keys, values, strict=True)]

    def _remember(self, values: Mapping[Key, Value]) -> None:
        length = sum(map(self._measure, values))
        if length > self._max_length:
            return
        with self._lock:
            if self._length + length > self._max_length:
                self._recent, self._earlier, self._length = {}, self._recent, 0
            self._recent.update(values)
            self._length += length
