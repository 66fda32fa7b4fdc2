"""Which completions wait for feedback, looked for from the newest down. No SQL here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

from log10_trace.server.store.data_types import GradingSummary

_FIRST_BATCH: Final = 200
_MAX_BATCH: Final = 10_000

SortKey: TypeAlias = tuple[int | str, ...]


class TaggedCompletion(NamedTuple):
    """A completion that carries a tag of a task."""

    sort_key: SortKey
    completion_id: str
    is_waiting: bool
    """Whether it has no feedback for the task, and no other holder has leased it."""


ReadTagged: TypeAlias = Callable[[str, SortKey | None, int], Sequence[TaggedCompletion]]
"""Reads at most a number of completions with a tag after a sort key (None: from the newest), newest first."""


def find_waiting(
    tags: Sequence[str], read: ReadTagged, *, after: SortKey | None, limit: int
) -> list[TaggedCompletion]:
    """The newest completions with any of the tags that wait, each once.

    Each tag is read for itself, since an index gives the order of one tag only.
    """
    found = {}
    for tag in dict.fromkeys(tags):
        found.update({each.sort_key: each for each in _find_waiting_of_tag(tag, read, after, limit)})
    return [found[key] for key in sorted(found, reverse=True)][:limit]


def make_summary(graded: int, limit: int, key_ids: Sequence[str]) -> GradingSummary:
    """The summary of a task with so many graded completions, which were counted to one beyond ``limit``."""
    return GradingSummary(graded=min(graded, limit), is_exact=graded <= limit, key_ids=tuple(key_ids))


def _find_waiting_of_tag(
    tag: str, read: ReadTagged, after: SortKey | None, limit: int
) -> list[TaggedCompletion]:
    waiting: list[TaggedCompletion] = []
    size = max(_FIRST_BATCH, limit)
    while len(waiting) < limit:
        batch = read(tag, after, size)
        waiting += [each for each in batch if each.is_waiting]
        if len(batch) < size:
            break
        after, size = batch[-1].sort_key, min(size * 4, _MAX_BATCH)
    return waiting[:limit]
