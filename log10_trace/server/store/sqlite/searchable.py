"""Search sees what is committed: whoever searches has the rest of the words indexed first."""

from __future__ import annotations

from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress

from log10_trace.server.store.errors import StoreBusyError, StoreFullError
from log10_trace.server.store.sqlite.connection import SQL
from log10_trace.server.store.sqlite.indexing import index_all
from log10_trace.server.store.sqlite.readers import Readers
from log10_trace.server.store.sqlite.writer import Writer


def is_searchable(readers: Readers) -> bool:
    """Whether the words of all that is committed are indexed."""
    with readers.snapshot() as connection:
        return not connection.execute(SQL["count_unindexed"]).fetchone()["waiting"]


def make_searchable(writer: Writer, readers: Readers, timeout: float | None = None) -> bool:
    """Have the words of all that is committed indexed; False when that was not done in ``timeout`` seconds.

    False also when the database takes no writes now: what was indexed before can be searched all the same.
    """
    if is_searchable(readers):
        return True
    with suppress(StoreBusyError, StoreFullError, FutureTimeoutError):
        writer.submit(index_all, is_next=True).result(timeout)
        return True
    return False
