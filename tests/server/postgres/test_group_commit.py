"""The thread that commits: what shares a transaction, and what too much is answered."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from psycopg import Connection

from log10_trace.server.store.errors import StoreBusyError, StoreClosedError
from log10_trace.server.store.postgres import group_commit
from log10_trace.server.store.postgres.connections import settings
from log10_trace.server.store.postgres.group_commit import GroupCommitWriter

WAIT_S = 30


class Gate:
    """Work that begins when it is let through, and remembers what it was handed together."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.open = threading.Event()
        self.groups: list[list[int]] = []

    def work(self, connection: Connection[Any], given: Sequence[int]) -> list[int]:
        """Double each number; 13 is refused."""
        self.entered.release()
        assert self.open.wait(WAIT_S)
        self.groups.append(list(given))
        if 13 in given:
            message = "unlucky"
            raise ValueError(message)
        return [number * 2 for number in given]


@pytest.fixture
def gate() -> Gate:
    """A gate that is shut."""
    return Gate()


@pytest.fixture
def busy(gate: Gate, postgres_server: str) -> Iterator[GroupCommitWriter[int, int]]:
    """A worker that holds a first job and waits at the gate."""
    made = GroupCommitWriter("worker", settings(postgres_server), gate.work)
    made.submit([0])
    assert gate.entered.acquire(timeout=WAIT_S)
    yield made
    gate.open.set()
    made.close(WAIT_S)


def test_what_waits_shares_a_commit(gate: Gate, busy: GroupCommitWriter[int, int]) -> None:
    """Everything that came while a commit was under way goes into the next one, in order."""
    futures = [future for number in range(1, 5) for future in busy.submit([number])]
    gate.open.set()

    assert [future.result(WAIT_S) for future in futures] == [2, 4, 6, 8]
    assert gate.groups == [[0], [1, 2, 3, 4]]


def test_a_commit_is_bounded_in_bytes(gate: Gate, busy: GroupCommitWriter[int, int]) -> None:
    """Large jobs do not pile up in one transaction."""
    futures = busy.submit([1, 2, 3], lambda _: group_commit.BYTES_AT_ONCE)
    gate.open.set()

    assert [future.result(WAIT_S) for future in futures] == [2, 4, 6]
    assert gate.groups == [[0], [1], [2], [3]]


def test_one_that_fails_costs_no_other(gate: Gate, busy: GroupCommitWriter[int, int]) -> None:
    """When a group fails, each of it is done by itself, and only the bad one hears of it."""
    futures = busy.submit([1, 13, 2])
    gate.open.set()

    assert [future.exception(WAIT_S) is None for future in futures] == [True, False, True]
    assert gate.groups == [[0], [1, 13, 2], [1], [13], [2]]


@pytest.mark.parametrize("limit", ["MOST_WAITING", "BYTES_WAITING"])
def test_too_much_waiting_is_refused(
    gate: Gate, busy: GroupCommitWriter[int, int], monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    """When as much waits as may, the next sender is told to come again; what waited is done."""
    monkeypatch.setattr(group_commit, limit, 2)
    accepted = busy.submit([1, 2], lambda _: 1)

    (refused,) = busy.submit([3], lambda _: 1)
    gate.open.set()

    assert isinstance(refused.exception(WAIT_S), StoreBusyError)
    assert [future.result(WAIT_S) for future in accepted] == [2, 4]


def test_a_job_that_is_called_off_in_time_is_not_done(gate: Gate, busy: GroupCommitWriter[int, int]) -> None:
    """A future cancelled before its turn costs nothing and holds nobody up."""
    first, second = busy.submit([1, 2])
    assert first.cancel()
    gate.open.set()

    assert second.result(WAIT_S) == 4
    assert gate.groups == [[0], [2]]


def test_what_cannot_be_done_before_the_end_is_said_to_be_undone(
    gate: Gate, busy: GroupCommitWriter[int, int]
) -> None:
    """Closing with a time limit fails what did not get its turn, rather than leave its sender waiting."""
    (waiting,) = busy.submit([1])

    busy.close(0.0)

    assert isinstance(waiting.exception(WAIT_S), StoreClosedError)
