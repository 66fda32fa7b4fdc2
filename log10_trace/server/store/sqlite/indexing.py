"""Words go into the text index here: behind the commit of their records, many records at once.

Whoever searches has the rest indexed first, so that a record that was acknowledged is always found.
"""

from __future__ import annotations

from log10_trace.server.store.sqlite import records
from log10_trace.server.store.sqlite.connection import insert_rows
from log10_trace.server.store.sqlite.transaction import Transaction
from log10_trace.server.store.sqlite.unindexed import FEW, MANY, Words


def index_many(transaction: Transaction, at_once: int) -> None:
    """Index what waits, ``at_once`` together, but for a remainder that goes better with what comes next."""
    waiting = _waiting(transaction)
    while waiting >= at_once or (waiting and transaction.unindexed.are_large):
        waiting -= _index(transaction, at_once)
    transaction.unindexed.count = waiting


def index_all(transaction: Transaction) -> None:
    """Index all that waits."""
    waiting = _waiting(transaction)
    while waiting:
        waiting -= _index(transaction, MANY if waiting >= MANY else FEW)
    transaction.unindexed.count = 0


def _waiting(transaction: Transaction) -> int:
    return int(transaction.execute("count_unindexed").fetchone()["waiting"])


def _index(transaction: Transaction, at_once: int) -> int:
    """Index those that come first, up to so many together; how many."""
    # In their order, because FTS5 writes a segment whenever a row comes before the last.
    positions = [row["position"] for row in transaction.execute("unindexed", (at_once,))]
    rows = [(position, *_words(transaction, position)) for position in positions]
    # In one statement, because FTS5 writes a segment before each that inserts several rows.
    insert_rows(transaction.settled(), "index_words", rows, at_once=[at_once])
    transaction.execute("delete_unindexed_until", (positions[-1],))
    return len(positions)


def _words(transaction: Transaction, position: int) -> Words:
    return transaction.unindexed.take(position) or records.words_at(transaction, position)
