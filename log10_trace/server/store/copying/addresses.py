"""Copies the database at one address to another address, with both held for this alone where they can be."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from log10_trace.errors import SetupError
from log10_trace.server.store.address import is_file, sqlite_path
from log10_trace.server.store.copying.checkpoint import CheckpointFile
from log10_trace.server.store.copying.copy import CopyReport, Watch, copy_store
from log10_trace.server.store.factory import open_store
from log10_trace.server.store.protocol import Store
from log10_trace.server.store.serving_lock import lock_database

_GC_THRESHOLD: Final = 50_000
"""New objects between two collections. Those of records that wait for their commit live on: to look at them
every 700 objects is a tenth of the work."""


def copy_database(source: str, target: str, *, merges: bool, watch: Watch) -> CopyReport:
    """Copy everything in the database at ``source`` to the one at ``target``; see ``copy_store``.

    Raises:
        SetupError: they are the same, one of them cannot be opened, a server has a SQLite file open, there is
            no source, or the target holds other data.
    """
    if is_file(source) and is_file(target) and sqlite_path(source) == sqlite_path(target):
        message = "Source and target are the same database. Name another target."
        raise SetupError(message)
    with ExitStack() as stack:
        stack.enter_context(_fewer_collections())
        # The source first: where there is none, nothing is made at the target.
        read = stack.enter_context(_opened(source, must_exist=True))
        written = stack.enter_context(_opened(target, must_exist=False))
        file = CheckpointFile(target, written.transfer.identify())
        return copy_store(read, written, file, merges=merges, watch=watch)


@contextmanager
def _opened(address: str, *, must_exist: bool) -> Iterator[Store]:
    with lock_database(address):
        store = open_store(address, must_exist=must_exist)
        try:
            yield store
        finally:
            store.close()


@contextmanager
def _fewer_collections() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(_GC_THRESHOLD, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
