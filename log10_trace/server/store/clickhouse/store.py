"""The store on ClickHouse: a writer thread, two threads for slower writes, and readers.

What the other stores keep beside the rows (an index of tags, a backlog of words) the engine reads off the
columns; only sums of past days are kept, which a thread works out in the background.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Sequence
from functools import partial

from clickhouse_connect.driver.exceptions import ClickHouseError

from log10_trace.domain.prices import Prices
from log10_trace.errors import SetupError
from log10_trace.server.store.clickhouse.address import parse_address
from log10_trace.server.store.clickhouse.changes import ClickHouseChanges
from log10_trace.server.store.clickhouse.cluster_checks import check_cluster
from log10_trace.server.store.clickhouse.completions import ClickHouseCompletions
from log10_trace.server.store.clickhouse.connections import (
    OWN_READERS,
    Connection,
    ReadPool,
    connect,
    first_connection,
)
from log10_trace.server.store.clickhouse.day_summing import DaySummer
from log10_trace.server.store.clickhouse.deletion import Deleter
from log10_trace.server.store.clickhouse.errors import explain_refusal
from log10_trace.server.store.clickhouse.feedback import ClickHouseFeedbackStore
from log10_trace.server.store.clickhouse.grading_queue import ClickHouseGradingQueue
from log10_trace.server.store.clickhouse.group_commit import GroupCommitWriter, SerialExecutor
from log10_trace.server.store.clickhouse.keys import ClickHouseKeys
from log10_trace.server.store.clickhouse.maintenance import ClickHouseMaintenance
from log10_trace.server.store.clickhouse.migrations import migrate
from log10_trace.server.store.clickhouse.records import RecordWriter, WriteRequest
from log10_trace.server.store.clickhouse.reports import ClickHouseReports
from log10_trace.server.store.clickhouse.sessions import ClickHouseSessions
from log10_trace.server.store.clickhouse.transfer import ClickHouseTransfer
from log10_trace.server.store.data_types import WriteResult


class ClickHouseStore:
    """Completions in a ClickHouse database; see ``protocol.Store``. Any number may be open on one database.

    Raises:
        SetupError: the database cannot be reached, refuses, is too old, another program's, or newer; or
            it has no schema of ours and ``must_exist``.
    """

    def __init__(self, url: str, *, prices: Prices, must_exist: bool = False) -> None:
        address = parse_address(url)
        first = first_connection(address)
        try:
            check_cluster(first, address)
            migrate(first, address, must_exist=must_exist)
        except ClickHouseError as error:
            raise SetupError(explain_refusal(error, address)) from None
        finally:
            first.close()
        server = uuid.uuid4().hex
        open_connection = partial(connect, address)
        lock = threading.Lock()
        open_reader = partial(connect, address, reads=True)
        self._readers = ReadPool(open_reader)
        self._own_readers = ReadPool(open_reader, OWN_READERS)
        self.changes = ClickHouseChanges(server, open_connection)
        records = RecordWriter(server, is_sharded=address.cluster is not None)
        self._writer: GroupCommitWriter[WriteRequest, WriteResult] = GroupCommitWriter(
            "log10-writer", open_connection, partial(_write, records, self.changes, lock)
        )
        self._tasks = SerialExecutor("log10-tasks", open_connection)
        self._deletions = SerialExecutor("log10-sweeper", open_connection)
        deleter = Deleter(self._deletions, self.changes, lock)
        self._summer = DaySummer(open_connection)
        self.feedback = ClickHouseFeedbackStore(self._readers, self._own_readers, self._tasks)
        self.completions = ClickHouseCompletions(self._readers, self._writer, deleter, self.feedback)
        self.sessions = ClickHouseSessions(self._readers, self._tasks, self.completions, prices)
        self.reports = ClickHouseReports(self._readers, prices)
        self.transfer = ClickHouseTransfer(self._readers, self._writer, self._tasks)
        self.grading_queue = ClickHouseGradingQueue(self._readers, self._tasks)
        self.keys = ClickHouseKeys(self._own_readers, self._tasks)
        self.maintenance = ClickHouseMaintenance(
            self._own_readers, self._deletions, self.changes, lock, self._waiting
        )

    def close(self, timeout: float = 10.0) -> None:
        """Commit what was accepted, then shut. Seconds; called again it does nothing."""
        deadline = time.monotonic() + timeout
        for part in (self._writer, self._tasks, self._deletions, self.changes, self._summer):
            part.close(max(deadline - time.monotonic(), 0.0))
        self._readers.close()
        self._own_readers.close()

    def _waiting(self) -> int:
        return self._writer.waiting + self._tasks.waiting + self._deletions.waiting


def _write(
    records: RecordWriter,
    changes: ClickHouseChanges,
    lock: threading.Lock,
    connection: Connection,
    requests: Sequence[WriteRequest],
) -> Sequence[WriteResult]:
    with lock:
        results, changed = records.write(connection, requests)
    changes.announce(connection, changed)
    return results
