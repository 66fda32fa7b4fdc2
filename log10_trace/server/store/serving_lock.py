"""The lock by which one server alone has a SQLite file."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from log10_trace.errors import SetupError
from log10_trace.server.store.address import embedded_database, is_clickhouse, is_postgres, sqlite_path


@contextmanager
def lock_database(address: str) -> Iterator[None]:
    """Hold a SQLite file, or a folder of chdb, for this server alone; other databases take any number.

    Two servers on one file would each count and prune behind the other's back.

    Raises:
        SetupError: another server has it.
    """
    embedded = embedded_database(address)
    if embedded is None and (is_postgres(address) or is_clickhouse(address)):
        yield
        return
    path = embedded or sqlite_path(address)
    lock = path.with_name(f"{path.name}.serving")
    try:
        lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SetupError(f"The database {path} cannot be used: {error.strerror}.") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        message = (
            f"Another log10-trace serve has the database {path} open. Stop it, or name another database."
        )
        raise SetupError(message) from None
    try:
        yield
    finally:
        os.close(descriptor)
