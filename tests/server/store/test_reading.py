"""Reads do not hold up anything else: what a store answers while every connection for reading is taken."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import pytest

from log10_trace.domain.keys import Scope, make_key
from log10_trace.server.store.data_types import FeedbackTask, WriteEffect
from log10_trace.server.store.errors import StoreBusyError
from log10_trace.server.store.postgres import connections
from log10_trace.server.store.protocol import Store
from log10_trace.server.store.sqlite import readers
from log10_trace.server.store.sqlite.store import SqliteStore
from tests.server.clickhouse_engine import shorten_waits
from tests.server.store.factories import completion

ORG = "acme"
WAIT_S = 120


def holding(store: Store, *names: str) -> AbstractContextManager[Any]:
    """Takes every connection of the pools of these names."""
    stack = ExitStack()
    for name in names:
        pool: Any = getattr(store, name)
        is_own = name == "_own_readers"
        if isinstance(store, SqliteStore):
            for _ in range(readers.OWN_CONNECTIONS if is_own else readers.CONNECTIONS):
                stack.enter_context(pool.snapshot())
        else:
            limits: Any = sys.modules[type(pool).__module__]
            for _ in range(limits.OWN_READERS if is_own else limits.READERS):
                stack.enter_context(pool.connection())
    return stack


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "_WAIT_S", 0.1)
    monkeypatch.setattr(connections, "_WAIT_S", 0.5)
    shorten_waits(monkeypatch, 0.5)


def test_readers_that_take_every_connection_delay_no_write_and_no_look_up(store: Store) -> None:
    """With every connection for reading taken, records are kept, and keys, tasks and health are answered."""
    _, key = make_key(ORG, [Scope.READ], now_ms=time.time_ns() // 1_000_000)
    store.keys.add(ORG, key).result(WAIT_S)
    task = FeedbackTask(
        id="t", name="", instruction="", json_schema="{}", completion_tags_selector=(), created_at_ms=1
    )
    store.feedback.add_task(ORG, task).result(WAIT_S)

    with holding(store, "_readers"):
        with pytest.raises(StoreBusyError):
            store.completions.get(ORG, "any")
        assert store.completions.put(ORG, completion()).result(WAIT_S).change is WriteEffect.CREATED
        assert store.keys.find(key.id) is not None
        assert store.feedback.task(ORG, "t") == task
        assert store.maintenance.health().bytes > 0


def test_a_look_up_that_gets_no_connection_is_a_store_error(store: Store) -> None:
    """When the connections for look-ups are taken too, the caller is told to come again."""
    with holding(store, "_own_readers"), pytest.raises(StoreBusyError):
        store.keys.find("any")
