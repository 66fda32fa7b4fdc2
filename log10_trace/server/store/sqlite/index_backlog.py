"""In-memory backlog of the text index. No SQL here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from log10_trace.server.store.common.search_text import spread

SMALL_BATCH: Final = 128
LARGE_BATCH: Final = 1024
"""Records that are indexed together. FTS5 writes and merges a segment each time: a record of 5 KB takes
140 us of the large number, 176 of the small one and 210 of half of it. No record is committed meanwhile,
for 130 ms with the large number and 20 with the small one.
"""
_SMALL_COMMIT: Final = 64
"""Records of a commit whose senders send them one by one, and notice 50 ms."""
_LARGE_CHARACTERS: Final = 8_000_000
"""Of all words together; they are not to fill the memory."""


class IndexEntry(NamedTuple):
    """What the index is told of a record."""

    organization: str
    """The one word that stands for the organization."""
    request: str
    response: str

    def spell(self) -> tuple[str, str, str]:
        """The columns of the text index, in its spelling."""
        return self.organization, spread(self.request), spread(self.response)

    @property
    def characters(self) -> int:
        """Of both texts."""
        return len(self.request) + len(self.response)


@dataclass(slots=True)
class IndexBacklog:
    """Records that wait for the text index. For the writer's thread alone.

    Which records wait is for the database to say, so that it holds after a kill. Their words are kept here
    to save reading them again, and may be forgotten at any time.
    """

    words: dict[int, IndexEntry] = field(default_factory=dict)
    """By the record's position."""
    count: int = LARGE_BATCH
    """How many wait, or more: an earlier process may have left some."""
    _characters: int = 0

    @property
    def is_large(self) -> bool:
        """Whether the words that are kept take much memory."""
        return self._characters >= _LARGE_CHARACTERS

    def due_batch_size(self, commit_size: int) -> int:
        """Number of records to index in a commit of a number of records; 0 while waiting is better."""
        at_once = SMALL_BATCH if commit_size <= _SMALL_COMMIT else LARGE_BATCH
        return at_once if self.count >= at_once or self.is_large else 0

    def note(self, position: int, words: IndexEntry) -> None:
        """One more waits."""
        self.words[position] = words
        self.count += 1
        self._characters += words.characters

    def take(self, position: int) -> IndexEntry | None:
        """The words of a record, if they are remembered; from now on they are not."""
        words = self.words.pop(position, None)
        if words is not None:
            self._characters -= words.characters
        return words

    def forget(self) -> None:
        """Remember nothing: the words may not be the records' any more, nor the count true."""
        self.words.clear()
        self.count, self._characters = LARGE_BATCH, 0
