"""The writing threads of PostgreSQL: one connection each, made again when it is lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

import psycopg
from psycopg import Connection

from log10_trace.server.store.common.group_commit import (
    MAX_GROUP_REQUESTS,
    CommitFailure,
    GroupCommitThread,
)
from log10_trace.server.store.postgres.connections import Row, connect, is_connection_lost, translate_error

Request = TypeVar("Request")
Result = TypeVar("Result")
Work = Callable[[Connection[Row], Sequence[Request]], Sequence[Result]]


class GroupCommitWriter(GroupCommitThread[Request, Result]):
    """Hands the requests that wait to ``work``, which runs them in a transaction and gives a result for each.

    When the connection is lost, the requests are run again on a new one; they must bear being run twice, for
    the commit may have been the last thing that succeeded.
    """

    def __init__(
        self,
        name: str,
        settings: str,
        work: Work[Request, Result],
        *,
        max_group_requests: int = MAX_GROUP_REQUESTS,
    ) -> None:
        super().__init__(name, _Reconnecting(settings, work), max_group_requests=max_group_requests)


class _Reconnecting(Generic[Request, Result]):
    """Runs ``work`` on a connection that it makes when it is needed."""

    has_deferred_work: Final = False

    def __init__(self, settings: str, work: Work[Request, Result]) -> None:
        self._settings = settings
        self._work = work
        self._connection: Connection[Row] | None = None

    def commit(self, requests: Sequence[Request]) -> Sequence[Result]:
        """Run the requests, once more if the connection was lost or a partition came between."""
        try:
            return self._work(self._connect(), requests)
        except psycopg.errors.CheckViolation:
            # A record was on its way to the default partition while its day got a partition of its own.
            return self._work(self._connect(), requests)
        except psycopg.Error as error:
            if not is_connection_lost(error):
                raise
            self.close()
            return self._work(self._connect(), requests)

    def explain(self, error: Exception) -> CommitFailure | None:
        """An error of PostgreSQL's; a lost connection would meet every request alike."""
        if not isinstance(error, psycopg.Error):
            return None
        return CommitFailure(translate_error(error), affects_all=is_connection_lost(error))

    def run_due_work(self) -> None:
        """Nothing is put off."""

    def run_deferred_work(self, is_interrupted: Callable[[], bool]) -> None:
        """Nothing: the housekeeper has a thread of its own."""

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> Connection[Row]:
        if self._connection is None:
            self._connection = connect(self._settings)
        return self._connection
