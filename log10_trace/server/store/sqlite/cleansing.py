"""Cleansing: takes words of deleted records out of the text index, and gives free pages back to the disk.

FTS5 drops deleted words for good when it merges all of its segments. That takes many steps, and words are
indexed between them. It goes on with the segments that it began with: a merge that began again with those
that came would never end where records never cease to come.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final
from uuid import uuid4

from log10_trace.server.store.sqlite import records
from log10_trace.server.store.sqlite.index_levels import read_structure
from log10_trace.server.store.sqlite.transaction import Transaction

_PAGES_A_STEP: Final = 500
_FREED_A_STEP: Final = 2_000


def has_chores(transaction: Transaction) -> bool:
    """Whether there is something to clean up, or somebody is at it."""
    return bool(_read_chores(transaction))


def has_untaken_chore(transaction: Transaction) -> bool:
    """Whether something was deleted since the last work began."""
    return records.PURGE_INDEX in _read_chores(transaction)


def cleanse(commit: Callable[[Callable[[Transaction], Any]], Any]) -> None:
    """Clean up behind all deletions before; ``commit`` runs a step in a transaction of its own.

    A step may be run again that was undone, so that what it does follows from the database alone.
    """
    chores = commit(_take_chores)  # the words of these deletions reach the index with this commit
    commit(_begin_merge)
    while commit(_merge_some):
        pass
    while commit(_free_some):
        pass
    commit(partial(_delete_chores, names=chores))


def _read_chores(transaction: Transaction) -> list[str]:
    return [row["name"] for row in transaction.execute("chores")]


def _take_chores(transaction: Transaction) -> list[str]:
    """The notes that are deleted at the end: one of this work, and those of work that was interrupted.

    The note that something was deleted is taken off now: one that comes later is of a later deletion.
    """
    own = f"{records.PURGE_INDEX} {uuid4().hex}"
    older = [name for name in _read_chores(transaction) if name != records.PURGE_INDEX]
    transaction.execute("put_chore", (own,))
    transaction.execute("delete_chore", (records.PURGE_INDEX,))
    return [own, *older]


def _begin_merge(transaction: Transaction) -> None:
    transaction.fold_all()  # deltas may name what was deleted
    transaction.execute("merge_even_two")
    _merge_pages(transaction, -_PAGES_A_STEP)  # negative: of all segments


def _merge_some(transaction: Transaction) -> bool:
    """Go on with the merge; False when it is done."""
    if not read_structure(transaction.flush_deferred()).is_merging:
        return False
    return _merge_pages(transaction, _PAGES_A_STEP) or _merge_pages(transaction, -_PAGES_A_STEP)


def _merge_pages(transaction: Transaction, pages: int) -> bool:
    """Whether there was something to merge."""
    connection = transaction.flush_deferred()
    before = connection.total_changes
    transaction.execute("merge_index", (pages,))
    return connection.total_changes - before > 1  # the statement itself counts as one


def _free_some(transaction: Transaction) -> bool:
    """Give a few free pages back to the disk; whether there are more."""
    connection = transaction.flush_deferred()
    free = connection.execute("PRAGMA freelist_count").fetchone()[0]
    for _ in range(min(free, _FREED_A_STEP)):
        # One by one, because Python 3.11 runs the statement up to its first page, whatever number is asked.
        connection.execute("PRAGMA incremental_vacuum(1)").close()
    return bool(connection.execute("PRAGMA freelist_count").fetchone()[0])


def _delete_chores(transaction: Transaction, *, names: Sequence[str]) -> None:
    transaction.executemany("delete_chore", [(name,) for name in names])
