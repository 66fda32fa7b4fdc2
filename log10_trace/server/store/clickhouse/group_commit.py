"""The writing threads of ClickHouse: one connection each, made again when it is lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Final, Generic, TypeVar

from clickhouse_connect.driver.exceptions import ClickHouseError

from log10_trace.server.store.clickhouse.connections import Connection
from log10_trace.server.store.clickhouse.errors import is_connection_lost, translate_error
from log10_trace.server.store.common.group_commit import (
    MAX_GROUP_REQUESTS,
    CommitFailure,
    GroupCommitThread,
)
from log10_trace.server.store.errors import StoreBusyError

Request = TypeVar("Request")
Result = TypeVar("Result")
Work = Callable[[Connection, Sequence[Request]], Sequence[Result]]
Task = Callable[[Connection], Any]


class GroupCommitWriter(GroupCommitThread[Request, Result]):
    """Hands the requests that wait to ``work``, which writes them and gives a result for each.

    When the connection is lost, the requests are run again on a new one; they must bear being run twice, for
    the answer may have been the last thing that was lost.
    """

    def __init__(
        self,
        name: str,
        open_connection: Callable[[], Connection],
        work: Work[Request, Result],
        *,
        max_group_requests: int = MAX_GROUP_REQUESTS,
    ) -> None:
        super().__init__(name, _Reconnecting(open_connection, work), max_group_requests=max_group_requests)


class SerialExecutor:
    """A thread that runs functions on its connection, one after the other."""

    def __init__(self, name: str, open_connection: Callable[[], Connection]) -> None:
        self._worker: GroupCommitWriter[Task, Any] = GroupCommitWriter(
            name, open_connection, _run, max_group_requests=1
        )

    @property
    def waiting(self) -> int:
        """Tasks accepted and not yet done."""
        return self._worker.waiting

    def run(self, task: Callable[[Connection], Result]) -> Future[Result]:
        """Run ``task``; it may be run again."""
        return self._worker.submit([task])[0]

    def close(self, timeout: float) -> None:
        """Do what was accepted, then stop."""
        self._worker.close(timeout)


class _Reconnecting(Generic[Request, Result]):
    """Runs ``work`` on a connection that it makes when it is needed."""

    has_deferred_work: Final = False

    def __init__(self, open_connection: Callable[[], Connection], work: Work[Request, Result]) -> None:
        self._open = open_connection
        self._work = work
        self._connection: Connection | None = None

    def commit(self, requests: Sequence[Request]) -> Sequence[Result]:
        """Run the requests, once more if the connection was lost."""
        try:
            return self._work(self._connect(), requests)
        except ClickHouseError as error:
            if not is_connection_lost(error):
                raise
            self.close()
            return self._work(self._connect(), requests)

    def explain(self, error: Exception) -> CommitFailure | None:
        """An error of ClickHouse's; one that keeps it from answering would meet every request alike."""
        if not isinstance(error, ClickHouseError):
            return None
        failure = translate_error(error)
        return CommitFailure(failure, affects_all=isinstance(failure, StoreBusyError))

    def run_due_work(self) -> None:
        """Nothing is put off."""

    def run_deferred_work(self, is_interrupted: Callable[[], bool]) -> None:
        """Nothing: the engine merges by itself."""

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> Connection:
        if self._connection is None:
            self._connection = self._open()
        return self._connection


def _run(connection: Connection, tasks: Sequence[Task]) -> list[Any]:
    return [task(connection) for task in tasks]
