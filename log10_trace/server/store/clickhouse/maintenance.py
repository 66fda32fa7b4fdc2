"""``Maintenance`` on ClickHouse: pruning and health."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime, timezone
from typing import Any, Final

from log10_trace.domain.times import DAY_MS
from log10_trace.server.store.clickhouse.changes import ClickHouseChanges
from log10_trace.server.store.clickhouse.connections import Connection, ReadPool
from log10_trace.server.store.clickhouse.deletion import delete_sessions, remember, take_off_feedback
from log10_trace.server.store.clickhouse.group_commit import SerialExecutor
from log10_trace.server.store.clickhouse.removals import finish_removals
from log10_trace.server.store.common.deletions import DAYS_REMEMBERED
from log10_trace.server.store.common.pruning import MAX_ROUNDS, count_to_prune
from log10_trace.server.store.data_types import DELETED, Health, PruneReport, StoreDescription

_A_STEP: Final = 1_000


class ClickHouseMaintenance:
    """See ``protocol.Maintenance``."""

    def __init__(
        self,
        readers: ReadPool,
        deleter: SerialExecutor,
        changes: ClickHouseChanges,
        lock: threading.Lock,
        waiting: Callable[[], int],
    ) -> None:
        self._readers = readers
        self._deleter = deleter
        self._changes = changes
        self._lock = lock
        self._waiting = waiting

    def prune(self, *, before_ms: int | None = None, max_bytes: int | None = None) -> Future[PruneReport]:
        """Delete what is too old, then the oldest until the database fits."""

        def task(connection: Connection) -> PruneReport:
            bytes_before = _number(connection, "size")
            for (organization_id,) in connection.rows("hidden_organizations", {"status": DELETED}):
                finish_removals(connection, organization_id)
            deleted = 0 if before_ms is None else self._prune_before(connection, before_ms)
            for _ in range(MAX_ROUNDS if max_bytes is not None else 0):
                number = _count_too_many(connection, max_bytes or 0)
                if not number:
                    break
                last_ms = _number(connection, "place_of", number=number - 1)
                deleted += self._prune_before(connection, last_ms + 1)
            today = time.time_ns() // 1_000_000 // DAY_MS
            connection.execute("forget_deletions", {"day": today - DAYS_REMEMBERED})
            return PruneReport(
                completions=deleted, bytes_before=bytes_before, bytes_after=_number(connection, "size")
            )

        return self._deleter.run(task)

    def wait_until_searchable(self, timeout: float = 30.0) -> bool:  # noqa: ARG002 -- the protocol's
        """True: an insert builds the text index of its rows."""
        self._readers.row("one", {})
        return True

    def health(self) -> Health:
        """Ask the database something."""
        row = self._readers.row("size", {})
        return Health(kind="clickhouse", bytes=int(row[0]) if row else 0, waiting=self._waiting())

    def describe(self) -> StoreDescription:
        """Which database this is."""
        with self._readers.connection() as connection:
            ((version,),) = connection.rows("version", {})
            schema = _number(connection, "schema")
        return StoreDescription(kind="clickhouse", version=version, schema=schema)

    def _prune_before(self, connection: Connection, before_ms: int) -> int:
        """Delete the records that began before a moment; how many."""
        number = _number(connection, "count_before", before_ms=before_ms)
        # A pruning that broke off may have left deliveries alone.
        if number or connection.rows("has_deliveries_before", {"before_ms": before_ms}):
            # Noted before the first is gone: until then it keeps nothing out that is there.
            connection.insert("pruned", [(1, before_ms)])
            for (organization_id,) in connection.rows("organizations", {"before_ms": before_ms}):
                _prepare_organization(connection, organization_id, before_ms)
            with self._lock:
                _delete_before(connection, before_ms)
            self._changes.announce(connection, None)
        old = connection.rows("old_sessions", {"before_ms": before_ms})
        delete_sessions(connection, [(row[0], row[1], row[2]) for row in old])
        return number


def _prepare_organization(connection: Connection, organization_id: str, before_ms: int) -> None:
    values = {"organization_id": organization_id, "before_ms": before_ms}
    unnumbered = [row[0] for row in connection.rows("without_sequence", values)]
    for at in range(0, len(unnumbered), _A_STEP):
        remember(connection, organization_id, unnumbered[at : at + _A_STEP])
    graded = [row[0] for row in connection.rows("graded_before", values)]
    for at in range(0, len(graded), _A_STEP):
        take_off_feedback(connection, organization_id, graded[at : at + _A_STEP])


def _delete_before(connection: Connection, before_ms: int) -> None:
    """Drop whole months; of the month of ``before_ms`` the rows alone."""
    moment = datetime.fromtimestamp(before_ms / 1000, timezone.utc)
    month = moment.year * 100 + moment.month
    for (partition,) in connection.rows("partitions_before", {"month": month}):
        connection.execute("drop_partition_of_completions", {"partition": partition})
        connection.execute("drop_partition_of_deliveries", {"partition": partition})
    for table in ("completions", "deliveries"):
        connection.execute(f"delete_{table}_before", {"before_ms": before_ms})
        connection.execute(f"rewrite_{table}_now")


def _count_too_many(connection: Connection, max_bytes: int) -> int:
    return count_to_prune(_number(connection, "records"), _number(connection, "size"), max_bytes)


def _number(connection: Connection, name: str, **values: Any) -> int:
    rows = connection.rows(name, values)
    return int(rows[0][0]) if rows else 0
