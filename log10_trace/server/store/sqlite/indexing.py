"""Words go into the text index here: behind the commit of their records, many records at once.

Whoever searches has the rest indexed first, so that a record that was acknowledged is always found.
"""

from __future__ import annotations

from log10_trace.server.store.sqlite import records
from log10_trace.server.store.sqlite.connection import insert_rows
from log10_trace.server.store.sqlite.transaction import Transaction
from log10_trace.server.store.sqlite.unindexed import AT_ONCE, Words


def index_many(transaction: Transaction) -> None:
    """Index what waits, but for a remainder that is better indexed with what comes next."""
    _index(transaction, least=AT_ONCE)


def index_all(transaction: Transaction) -> None:
    """Index all that waits."""
    _index(transaction, least=1)


def _index(transaction: Transaction, least: int) -> None:
    waiting = transaction.execute("count_unindexed").fetchone()["waiting"]
    while waiting >= least:
        waiting -= _index_some(transaction)
    transaction.unindexed.settle(waiting)


def _index_some(transaction: Transaction) -> int:
    """Index those that come first, up to so many as are indexed at once; how many."""
    # In their order, because FTS5 writes a segment whenever a row comes before the last.
    positions = [row["position"] for row in transaction.execute("unindexed", (AT_ONCE,))]
    rows = [(position, *_words(transaction, position)) for position in positions]
    # In one statement, because FTS5 writes a segment before each that inserts several rows.
    insert_rows(transaction.settled(), "index_words", rows, at_once=[AT_ONCE])
    transaction.execute("delete_unindexed_until", (positions[-1],))
    return len(positions)


def _words(transaction: Transaction, position: int) -> Words:
    remembered = transaction.unindexed.words.pop(position, None)
    return remembered or records.words_at(transaction, position)
