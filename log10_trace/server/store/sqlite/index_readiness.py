"""Whether the text index holds all that is committed; a search has the rest indexed first."""

from __future__ import annotations

import time
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from typing import Final

from log10_trace.server.store.errors import StoreBusyError, StoreFullError
from log10_trace.server.store.sqlite.connection import SQL
from log10_trace.server.store.sqlite.readers import ReadPool
from log10_trace.server.store.sqlite.text_index import index_some
from log10_trace.server.store.sqlite.writer import Writer

SEARCH_WAIT_S: Final = 5.0
"""How long a search waits for the words of what is committed; then it searches in those that are indexed."""


def is_fully_indexed(readers: ReadPool) -> bool:
    """Whether the words of all that is committed are indexed."""
    with readers.snapshot() as connection:
        return bool(connection.execute(SQL["is_searchable"]).fetchone()["is_searchable"])


def ensure_indexed(writer: Writer, readers: ReadPool, timeout: float = SEARCH_WAIT_S) -> bool:
    """Have the words of all that is committed indexed; False when that was not done in ``timeout`` seconds.

    False also when the database takes no writes now: what was indexed before can be searched all the same.
    """
    if is_fully_indexed(readers):
        return True
    with suppress(StoreBusyError, StoreFullError, FutureTimeoutError):
        deadline = time.monotonic() + timeout
        # In steps, between which other writes get through.
        while writer.submit(index_some, bypass_limit=True).result(max(deadline - time.monotonic(), 0.0)):
            pass
        return True
    return False
