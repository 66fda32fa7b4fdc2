"""Executor of writes other than records: sequential, on its own thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from psycopg import Connection

from log10_trace.server.store.postgres.connections import Row
from log10_trace.server.store.postgres.group_commit import GroupCommitWriter

Result = TypeVar("Result")
Task = Callable[[Connection[Row]], Any]


class SerialExecutor:
    """A thread that runs functions on its connection, one after the other."""

    def __init__(self, name: str, settings: str) -> None:
        self._worker: GroupCommitWriter[Task, Any] = GroupCommitWriter(
            name, settings, _run, max_group_requests=1
        )

    @property
    def waiting(self) -> int:
        """Tasks accepted and not yet done."""
        return self._worker.waiting

    def run(self, task: Callable[[Connection[Row]], Result]) -> Future[Result]:
        """Run ``task`` in a transaction; it may be run again when the connection is lost."""

        def in_transaction(connection: Connection[Row]) -> Result:
            with connection.transaction():
                return task(connection)

        return self.run_without_transaction(in_transaction)

    def run_without_transaction(self, task: Callable[[Connection[Row]], Result]) -> Future[Result]:
        """Run ``task``, which opens transactions as it needs; it may be run again."""
        return self._worker.submit([task])[0]

    def write(
        self, statement: bytes, values: dict[str, Any], answer: Callable[[list[Row]], Result]
    ) -> Future[Result]:
        """Run one statement; ``answer`` makes the result of the rows that it gave."""

        def task(connection: Connection[Row]) -> Result:
            cursor = connection.execute(statement, values)
            return answer(cursor.fetchall() if cursor.description else [])

        return self.run(task)

    def close(self, timeout: float) -> None:
        """Do what was accepted, then stop."""
        self._worker.close(timeout)


def _run(connection: Connection[Row], tasks: Sequence[Task]) -> list[Any]:
    return [task(connection) for task in tasks]
