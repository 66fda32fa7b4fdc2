"""Counts records anew that an earlier version counted by other rules; in quiet moments, some at a time."""

from __future__ import annotations

from typing import Final

from log10_trace.guard import guard
from log10_trace.server.store.sqlite import records
from log10_trace.server.store.sqlite.transaction import Transaction

_RECORDS: Final = 100
"""Records of one commit, some 40 ms; other writes wait for it."""
STEPS: Final = 3
"""Commits between two pauses: reads have the processor for two thirds of the time."""


def recount_some(transaction: Transaction) -> bool:
    """Count some of what waits for it; whether more may wait."""
    positions = [row["position"] for row in transaction.execute("uncounted", (_RECORDS,))]
    for position in positions:
        with guard("counting a record anew"):  # one that cannot be read stays as it was counted
            records.recount(transaction, position)
    if positions:
        transaction.execute("delete_uncounted_until", (positions[-1],))
    transaction.has_uncounted = bool(positions)
    return transaction.has_uncounted
