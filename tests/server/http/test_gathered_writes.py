"""Records of requests that come at once are given to the store together, and each has its own answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from typing import Any, cast

import pytest

from log10_trace.domain.completion_record import CompletionRecord, parse
from log10_trace.server.http.gathered_writes import GatheredWrites
from log10_trace.server.store.common.record_writes import build_write_result
from log10_trace.server.store.data_types import WriteEffect, WriteResult
from log10_trace.server.store.errors import StoreError
from log10_trace.server.store.protocol import Completions


class Store:
    """Completions that are committed when the test says so."""

    def __init__(self) -> None:
        self.groups: list[tuple[str, list[str]]] = []
        self.pending: dict[str, Future[WriteResult]] = {}
        self.is_broken_by = ""

    def put_many(
        self, organization_id: str, incoming: Sequence[CompletionRecord]
    ) -> list[Future[WriteResult]]:
        """Take records, but for those with the one that breaks it."""
        ids = [str(one.id) for one in incoming]
        if self.is_broken_by in ids:
            raise ZeroDivisionError
        self.groups.append((organization_id, ids))
        futures: list[Future[WriteResult]] = [Future() for _ in ids]
        self.pending.update(zip(ids, futures, strict=True))
        return futures

    def commit(self, *ids: str) -> None:
        """Commit records, on a thread as stores do."""

        def run() -> None:
            for each in ids:
                self.pending[each].set_result(result(each))

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()


def result(completion_id: str) -> WriteResult:
    return build_write_result(WriteEffect.CREATED, "org", completion_id, {}, 0)


def record(completion_id: str) -> CompletionRecord:
    return parse(f'{{"id": "{completion_id}"}}')


async def start(writes: GatheredWrites, *ids: str, organization_id: str = "org") -> list[asyncio.Task[Any]]:
    """Requests of one turn of the loop, given to the store when this returns."""
    tasks = [asyncio.ensure_future(writes.put(organization_id, record(each))) for each in ids]
    for _ in range(3):  # the tasks run, the records are given on, what follows runs
        await asyncio.sleep(0)
    return tasks


def with_store(act: Callable[[GatheredWrites, Store], Awaitable[None]]) -> None:
    async def run() -> None:
        store = Store()
        await act(GatheredWrites(cast("Completions", store)), store)

    asyncio.run(run())


def test_records_of_one_turn_are_given_to_the_store_together() -> None:
    """Another organization, and the next turn, have a group of their own; each record its own result."""

    async def act(writes: GatheredWrites, store: Store) -> None:
        tasks = [asyncio.ensure_future(writes.put("other", record("x")))]
        tasks += await start(writes, "a", "b", "c")
        assert store.groups == [("other", ["x"]), ("org", ["a", "b", "c"])]
        tasks += await start(writes, "d")
        assert store.groups[2:] == [("org", ["d"])]
        store.commit("b", "d", "a", "x", "c")
        assert [done.stored.id for done in await asyncio.gather(*tasks)] == ["x", "a", "b", "c", "d"]

    with_store(act)


def test_a_busy_store_refuses_some_of_a_large_turn() -> None:
    """Not all of it: a store that is busy takes all of what it is given at once, or nothing."""

    async def act(writes: GatheredWrites, store: Store) -> None:
        tasks = await start(writes, *map(str, range(150)))
        assert [len(ids) for _, ids in store.groups] == [64, 64, 22]
        store.commit(*map(str, range(150)))
        assert [done.stored.id for done in await asyncio.gather(*tasks)] == [*map(str, range(150))]

    with_store(act)


def test_a_request_is_answered_when_its_own_record_is_committed() -> None:
    """Not before, and not with the others of its group; a failure is its own too."""

    async def act(writes: GatheredWrites, store: Store) -> None:
        first, second, third = await start(writes, "a", "b", "c")
        store.commit("b")
        assert (await second).stored.id == "b"
        assert not first.done()
        store.pending["a"].set_exception(StoreError("The disk is full."))
        with pytest.raises(StoreError, match="full"):
            await first
        assert not third.done()
        store.commit("c")
        assert (await third).stored.id == "c"

    with_store(act)


def test_a_record_that_the_store_cannot_take_costs_none_of_the_others() -> None:
    """Its own request fails; the others of its turn are given on one by one."""

    async def act(writes: GatheredWrites, store: Store) -> None:
        store.is_broken_by = "b"
        first, second, third = await start(writes, "a", "b", "c")
        with pytest.raises(StoreError):
            await second
        store.commit("a", "c")
        assert [(await first).stored.id, (await third).stored.id] == ["a", "c"]

    with_store(act)


def test_a_request_that_is_given_up_costs_none_of_the_others() -> None:
    """Whether it is given up before its record is given to the store, which then has none of it, or after."""

    async def act(writes: GatheredWrites, store: Store) -> None:
        early, kept, late = (asyncio.ensure_future(writes.put("org", record(each))) for each in "abc")
        await asyncio.sleep(0)
        early.cancel()
        await asyncio.wait([early])
        await start(writes)
        assert store.groups == [("org", ["b", "c"])]
        late.cancel()
        await asyncio.wait([late])
        store.commit("b", "c")
        assert (await kept).stored.id == "b"
        assert [early.cancelled(), late.cancelled()] == [True, True]

    with_store(act)


def test_a_loop_that_ended_leaves_nothing_to_the_next() -> None:
    """What is committed after the end of its loop wakes none."""
    store = Store()
    writes = GatheredWrites(cast("Completions", store))

    async def leave() -> None:
        await start(writes, "a")

    async def again() -> None:
        (task,) = await start(writes, "b")
        store.commit("a", "b")
        assert (await task).stored.id == "b"

    asyncio.run(leave())
    asyncio.run(again())
