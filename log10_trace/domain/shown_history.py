"""Which messages of a conversation have been shown: a chat sends its history with every call. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator


class ShownHistory:
    """The conversations seen so far, as one number for each of their beginnings: memory stays small."""

    def __init__(self) -> None:
        self._beginnings: set[int] = set()

    def count_repeated(self, messages: Iterable[Hashable]) -> int:
        """How many messages a conversation seen before begins with as well."""
        count = 0
        for beginning in _hash_beginnings(messages):
            if beginning not in self._beginnings:
                break
            count += 1
        return count

    def add(self, messages: Iterable[Hashable]) -> None:
        """Note a conversation: what was asked, and what was answered."""
        self._beginnings.update(_hash_beginnings(messages))


def _hash_beginnings(messages: Iterable[Hashable]) -> Iterator[int]:
    """A number for the first message, for the first two, and so on."""
    value = 0
    for message in messages:
        value = hash((value, message))
        yield value
