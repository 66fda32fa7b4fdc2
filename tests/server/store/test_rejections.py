"""What a store says when it is closed or full: alike on each engine, and of a write always in its future."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any

import pytest

from log10_trace.domain.keys import Scope, make_key
from log10_trace.server.store.common import group_commit
from log10_trace.server.store.common.group_commit import GroupCommitThread
from log10_trace.server.store.data_types import CompletionFilter, FeedbackTarget, StatisticsQuery, WriteEffect
from log10_trace.server.store.errors import StoreBusyError, StoreClosedError
from log10_trace.server.store.protocol import Store
from tests.server.store.factories import ORG, completion
from tests.server.store.test_feedback import feedback, task

WAIT_S = 120
KEY = make_key(ORG, {Scope.READ}, now_ms=1)[1]

Futures = Sequence[Future[Any]]

WRITES: dict[str, Callable[[Store], Futures]] = {
    "completions.put": lambda store: [store.completions.put(ORG, completion())],
    "completions.put_many": lambda store: store.completions.put_many(ORG, [completion(), completion()]),
    "completions.delete": lambda store: [store.completions.delete(ORG, CompletionFilter())],
    "completions.delete by words": lambda store: [
        store.completions.delete(ORG, CompletionFilter(text="word"))
    ],
    "completions.delete_one": lambda store: [store.completions.delete_one(ORG, "a")],
    "sessions.create": lambda store: [store.sessions.create(ORG)],
    "feedback.add_task": lambda store: [store.feedback.add_task(ORG, task())],
    "feedback.add": lambda store: [store.feedback.add(ORG, feedback(), FeedbackTarget(allow_unmatched=True))],
    "keys.add": lambda store: [store.keys.add(ORG, KEY)],
    "keys.revoke": lambda store: [store.keys.revoke(ORG, "a", now_ms=1)],
    "keys.revoke_page_session": lambda store: [
        store.keys.revoke_page_session(ORG, "a", expires_at_ms=1, now_ms=1)
    ],
    "maintenance.prune": lambda store: [store.maintenance.prune(before_ms=1)],
    "maintenance.prune to a size": lambda store: [store.maintenance.prune(max_bytes=1)],
}

READS: dict[str, Callable[[Store], object]] = {
    "completions.get": lambda store: store.completions.get(ORG, "a"),
    "completions.page": lambda store: store.completions.page(ORG, CompletionFilter(), limit=1),
    "completions.stream": lambda store: list(store.completions.stream(ORG, CompletionFilter())),
    "completions.list_ungraded": lambda store: store.completions.list_ungraded(ORG, "a", limit=1),
    "sessions.page": lambda store: store.sessions.page(ORG, limit=1),
    "sessions.get": lambda store: store.sessions.get(ORG, "a"),
    "reports.statistics": lambda store: store.reports.statistics(ORG, StatisticsQuery()),
    "reports.tags": lambda store: store.reports.tags(ORG),
    "reports.sources": lambda store: store.reports.sources(ORG),
    "feedback.tasks": lambda store: store.feedback.tasks(ORG),
    "feedback.task": lambda store: store.feedback.task(ORG, "a"),
    "feedback.list": lambda store: store.feedback.list(ORG),
    "feedback.get": lambda store: store.feedback.get(ORG, "a"),
    "keys.find": lambda store: store.keys.find("a"),
    "keys.list": lambda store: store.keys.list(),
    "keys.is_page_session_revoked": lambda store: store.keys.is_page_session_revoked(ORG, "a"),
    "completions.page by words": lambda store: store.completions.page(
        ORG, CompletionFilter(text="word"), limit=1
    ),
    "maintenance.wait_until_searchable": lambda store: store.maintenance.wait_until_searchable(),
    "maintenance.health": lambda store: store.maintenance.health(),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_write_to_a_closed_store_fails_in_its_future(
    store: Store, write: Callable[[Store], Futures]
) -> None:
    """The call itself does not raise, so that whoever writes has one place to look for errors."""
    store.close()

    futures = write(store)

    assert {type(future.exception(WAIT_S)) for future in futures} == {StoreClosedError}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_a_read_of_a_closed_store_raises(store: Store, read: Callable[[Store], object]) -> None:
    """Every read says that the store is closed."""
    store.close()

    with pytest.raises(StoreClosedError):
        read(store)


def test_a_key_used_with_a_closed_store_is_no_error(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """The note of a key's use is never waited for, so nothing of it fails or is logged."""
    store.close()

    store.keys.touch(ORG, KEY.id, now_ms=1)

    assert not caplog.records


class Gate:
    """Holds every writing thread before its commit until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.entered, self.opened = threading.Semaphore(0), threading.Event()
        commit = GroupCommitThread._commit

        def held(thread: GroupCommitThread[Any, Any], requests: Sequence[Any]) -> Sequence[Any]:
            self.entered.release()
            assert self.opened.wait(WAIT_S)
            return commit(thread, requests)

        monkeypatch.setattr(GroupCommitThread, "_commit", held)

    def fill(self, write: Callable[[], Future[Any]]) -> Futures:
        """Have one write wait at the gate and another behind it: as many as may wait from then on."""
        first = write()
        assert self.entered.acquire(timeout=WAIT_S)
        second = write()
        self._monkeypatch.setattr(group_commit, "MAX_WAITING_REQUESTS", 1)
        return first, second


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """A shut gate before each commit."""
    made = Gate(monkeypatch)
    yield made
    made.opened.set()


@pytest.mark.parametrize("write", ["completions.put", "completions.put_many"])
def test_a_write_to_a_full_store_fails_in_its_future(store: Store, gate: Gate, write: str) -> None:
    """When as much waits as may, new writes fail as busy; what was accepted is committed."""
    accepted = gate.fill(lambda: store.completions.put(ORG, completion()))

    rejected = WRITES[write](store)
    gate.opened.set()

    assert {type(future.exception(WAIT_S)) for future in rejected} == {StoreBusyError}
    assert {future.result(WAIT_S).change for future in accepted} == {WriteEffect.CREATED}


def test_a_write_of_another_kind_to_a_full_store_fails_in_its_future(store: Store, gate: Gate) -> None:
    """Keys, sessions and feedback are written through bounded queues too."""
    accepted = gate.fill(lambda: store.sessions.create(ORG))

    rejected = store.sessions.create(ORG), store.keys.add(ORG, KEY), store.feedback.add_task(ORG, task())
    gate.opened.set()

    assert {type(future.exception(WAIT_S)) for future in rejected} == {StoreBusyError}
    assert [future.exception(WAIT_S) for future in accepted] == [None, None]
