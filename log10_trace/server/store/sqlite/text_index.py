"""Deferred text indexing: after the commit of the records, many records at once.

A search first indexes the rest, so that an acknowledged record is always found.
"""

from __future__ import annotations

from typing import Final

from log10_trace.guard import guard
from log10_trace.server.store.common.search_text import spread
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


def index_some(transaction: Transaction) -> bool:
    """Index some of what waits, so few that other writes do not wait long; whether more waits."""
    waiting = _waiting(transaction)
    if not waiting and transaction.has_misspelled:
        transaction.has_misspelled = _spell_some(transaction)
        waiting = _waiting(transaction)
    elif waiting:
        waiting -= _index(transaction, LARGE_BATCH if waiting >= LARGE_BATCH else SMALL_BATCH)
    transaction.unindexed.count = waiting
    return waiting > 0 or transaction.has_misspelled


def _spell_some(transaction: Transaction) -> bool:
    """Take records whose words are spelled otherwise now out of the index, and let them wait for it."""
    positions = [row["position"] for row in transaction.execute("misspelled", (SMALL_BATCH,))]
    for position in positions:
        words = None
        with guard("reindexing a record"):  # one that cannot be read keeps what it has
            words = records.words_at(transaction, position)
        if words is None or spread(words.text) == words.text:
            transaction.execute_now("delete_misspelled", (position,))
        else:
            transaction.delete_from_index(position, words)
            transaction.index(position, words)
    return bool(positions)


def _waiting(transaction: Transaction) -> int:
    return int(transaction.execute("count_unindexed").fetchone()["waiting"])


def _index(transaction: Transaction, at_once: int) -> int:
    """Index the first records, up to a limit; returns their number."""
    # In their order, because FTS5 writes a segment whenever a row comes before the last.
    positions = [row["position"] for row in transaction.execute("unindexed", (at_once,))]
    rows: list[tuple[int, str, str]] = []
    characters = 0
    for position in positions:
        if characters > _STEP_CHARACTERS:
            break
        words = _words(transaction, position)
        rows.append((position, words.organization, spread(words.text)))
        characters += len(words.text)
    # In one statement, because FTS5 writes a segment before each that inserts several rows.
    insert_rows(transaction.flush_deferred(), "index_words", rows, at_once=[at_once])
    transaction.execute("delete_unindexed_until", (rows[-1][0],))
    return len(rows)


def _words(transaction: Transaction, position: int) -> IndexEntry:
    return transaction.unindexed.take(position) or records.words_at(transaction, position)
