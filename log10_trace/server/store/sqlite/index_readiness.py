"""Whether the text index holds all that is committed; a search has what came in lately indexed first."""

from __future__ import annotations

import time
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from typing import Final

from log10_trace.server.store.errors import StoreBusyError, StoreFullError
from log10_trace.server.store.sqlite.connection import SQL
from log10_trace.server.store.sqlite.readers import ReadPool
from log10_trace.server.store.sqlite.text_index import index_recent, index_some
from log10_trace.server.store.sqlite.writer import Writer

SEARCH_WAIT_S: Final = 5.0
"""How long a search waits for the words of what is committed; then it searches in those that are indexed."""


def is_indexed(readers: ReadPool, *, with_older: bool = False) -> bool:
    """Whether the words of all that came in are indexed, ``with_older`` those of earlier versions too."""
    with readers.snapshot() as connection:
        row = connection.execute(SQL["is_searchable"]).fetchone()
        return bool(row["is_current"] and (row["is_complete"] or not with_older))


def ensure_indexed(
    writer: Writer, readers: ReadPool, timeout: float = SEARCH_WAIT_S, *, with_older: bool = False
) -> bool:
    """Have the words of all that came in indexed; False when that was not done in ``timeout`` seconds.

    False also when the database takes no writes now: what was indexed before can be searched all the same.
    ``with_older`` records of an earlier version, which an upgrade indexes anew, are waited for as well.
    """
    if is_indexed(readers, with_older=with_older):
        return True
    with suppress(StoreBusyError, StoreFullError, FutureTimeoutError):
        deadline = time.monotonic() + timeout
        step = index_some if with_older else index_recent
        # In steps, between which other writes get through.
        while writer.submit(step, bypass_limit=True).result(max(deadline - time.monotonic(), 0.0)):
            pass
        return True
    return False
