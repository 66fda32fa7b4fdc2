"""What waits for the text index, as far as it is remembered. No SQL here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

AT_ONCE: Final = 256
"""Records that are indexed together. FTS5 writes and merges a segment each time: in groups of 20 a record
costs twice as much as in groups of this size, and in larger groups hardly less."""
_MANY_CHARACTERS: Final = 8_000_000


class Words(NamedTuple):
    """What the index is told of a record."""

    organization: str
    """The one word that stands for the organization."""
    text: str


@dataclass(slots=True)
class Unindexed:
    """Records that wait for the text index. For the writer's thread alone.

    Which records wait is for the database to say, so that it holds after a kill. Their words are kept here
    to save reading them again, and may be forgotten at any time.
    """

    words: dict[int, Words] = field(default_factory=dict)
    """By the record's position."""
    count: int = AT_ONCE
    """How many wait, or more: an earlier process may have left some."""
    _characters: int = 0

    @property
    def are_many(self) -> bool:
        """Whether it is time to index some, whatever else there is to do."""
        return self.count >= AT_ONCE or self._characters >= _MANY_CHARACTERS

    def note(self, position: int, words: Words) -> None:
        """One more waits."""
        self.words[position] = words
        self.count += 1
        self._characters += len(words.text)

    def forget(self) -> None:
        """Remember nothing: the words may not be the records' any more, nor the count true."""
        self.words.clear()
        self.count, self._characters = AT_ONCE, 0

    def settle(self, left: int) -> None:
        """Some were indexed; ``left`` still wait."""
        self.count = left
        self._characters = sum(len(words.text) for words in self.words.values())
