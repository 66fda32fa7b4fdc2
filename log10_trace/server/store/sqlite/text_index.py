"""Deferred text indexing: after the commit of the records, many records at once.

A search first indexes the rest, so that an acknowledged record is always found. Records that an upgrade has
indexed anew come after all others, the newest first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final

from log10_trace.guard import guard
from log10_trace.server.store.sqlite import records
from log10_trace.server.store.sqlite.connection import insert_rows
from log10_trace.server.store.sqlite.index_backlog import LARGE_BATCH, SMALL_BATCH, IndexEntry
from log10_trace.server.store.sqlite.transaction import Transaction

_STEP_CHARACTERS: Final = 4_000_000
"""Of the words that are indexed in one commit; other writes wait for it."""


def index_many(transaction: Transaction, at_once: int) -> None:
    """Index ``at_once`` of what waits, but for a remainder that goes better with what comes next."""
    waiting = _waiting(transaction)
    if waiting >= at_once or (waiting and transaction.unindexed.is_large):
        waiting -= _index(transaction, at_once)
    transaction.unindexed.count = waiting


def index_recent(transaction: Transaction) -> bool:
    """Index some of what waits, so few that other writes do not wait long; whether more waits."""
    waiting = _waiting(transaction)
    if waiting:
        waiting -= _index(transaction, LARGE_BATCH if waiting >= LARGE_BATCH else SMALL_BATCH)
    transaction.unindexed.count = waiting
    return waiting > 0


def index_older(transaction: Transaction, at_once: int = SMALL_BATCH) -> bool:
    """Index some of the records of an earlier version, the newest first; whether more may wait."""
    if not transaction.has_older_unindexed:
        return False
    positions = [row["position"] for row in transaction.execute("older_unindexed", (at_once,))]
    entries = list(_take_while_short(positions, partial(_take_older, transaction)))
    _insert(transaction, sorted(entries), at_once)
    transaction.has_older_unindexed = bool(positions)
    return transaction.has_older_unindexed


def index_some(transaction: Transaction) -> bool:
    """Index some of what waits, and older records when nothing else does; whether more waits."""
    return index_recent(transaction) or index_older(transaction)


def _waiting(transaction: Transaction) -> int:
    return int(transaction.execute("count_unindexed").fetchone()["waiting"])


def _index(transaction: Transaction, at_once: int) -> int:
    """Index the first records, up to a limit; returns their number."""
    # In their order, because FTS5 writes a segment whenever a row comes before the last.
    positions = [row["position"] for row in transaction.execute("unindexed", (at_once,))]
    entries = list(_take_while_short(positions, partial(_take, transaction)))
    _insert(transaction, entries, at_once)
    transaction.execute("delete_unindexed_until", (entries[-1][0],))
    return len(entries)


def _take(transaction: Transaction, position: int) -> IndexEntry:
    return transaction.unindexed.take(position) or records.words_at(transaction, position)


def _take_older(transaction: Transaction, position: int) -> IndexEntry | None:
    transaction.execute_now("delete_older_unindexed", (position,))
    with guard("reindexing a record"):  # one that cannot be read is found by everything but its words
        return records.words_at(transaction, position)
    return None


def _take_while_short(
    positions: Iterable[int], take: Callable[[int], IndexEntry | None]
) -> Iterator[tuple[int, IndexEntry]]:
    """What to index of the first records that together are not too long for one commit."""
    characters = 0
    for position in positions:
        if characters > _STEP_CHARACTERS:
            return
        if words := take(position):
            yield position, words
            characters += words.characters


def _insert(transaction: Transaction, entries: Iterable[tuple[int, IndexEntry]], at_once: int) -> None:
    # In one statement, because FTS5 writes a segment before each that inserts several rows.
    rows = [(position, *words.spell()) for position, words in entries]
    insert_rows(transaction.flush_deferred(), "index_words", rows, at_once=[at_once])
