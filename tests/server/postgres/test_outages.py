"""PostgreSQL goes away, hangs or is held up: what the store answers, and that it goes on by itself."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import psycopg
import pytest

from log10_trace.domain.prices import Prices
from log10_trace.server.store import open_store
from log10_trace.server.store.data_types import CompletionFilter, WriteEffect
from log10_trace.server.store.errors import StoreBusyError, StoreClosedError, UnstorableError
from log10_trace.server.store.postgres import connections
from log10_trace.server.store.postgres.store import PostgresStore
from log10_trace.server.store.protocol import Store
from tests.processes import until
from tests.server.postgres.conftest import Make
from tests.server.postgres_cluster import Cluster

ORG = "acme"
WAIT_S = 120


def succeeds(action: Callable[[], Any]) -> Callable[[], bool]:
    """Whether the action goes well by now."""

    def tried() -> bool:
        try:
            action()
        except StoreBusyError:
            return False
        return True

    return tried


def test_while_postgresql_is_away_the_sender_is_told_to_come_again(
    postgres_cluster: Cluster, make: Make
) -> None:
    """Writes and reads are refused as busy while PostgreSQL is down, and go on by themselves afterwards."""
    store = open_store(postgres_cluster.url)
    before = store.completions.put(ORG, make()).result().stored

    postgres_cluster.stop("immediate")
    with pytest.raises(StoreBusyError, match="does not answer"):
        store.completions.put(ORG, make()).result(WAIT_S)
    with pytest.raises(StoreBusyError):
        store.completions.get(ORG, before.id)
    postgres_cluster.start()

    until(succeeds(lambda: store.completions.get(ORG, before.id)), "reading goes on")
    assert store.completions.get(ORG, before.id) == before
    until(succeeds(lambda: store.completions.put(ORG, make()).result(WAIT_S)), "writing goes on")
    store.close()


def test_a_restart_between_two_writes_is_not_noticed(postgres_cluster: Cluster, make: Make) -> None:
    """A connection that broke while it lay idle is replaced, and the write done on the new one."""
    store = open_store(postgres_cluster.url)
    first = store.completions.put(ORG, make()).result().stored

    postgres_cluster.restart()

    assert store.completions.put(ORG, make()).result(WAIT_S).change is WriteEffect.CREATED
    assert store.completions.get(ORG, first.id) == first
    store.close()


def test_a_question_that_takes_too_long_is_given_up(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL itself ends a read after the time limit, and the store goes on."""
    monkeypatch.setattr(connections, "READ_TIMEOUT_S", 1)
    readers = connections.ReadPool(connections.settings(postgres_url))

    with pytest.raises(StoreBusyError, match="timed out after 1 s"):
        readers.rows(b"SELECT pg_sleep(60)", {})

    assert readers.rows(b"SELECT 1", {}) == [(1,)]
    readers.close()


def test_a_slow_reader_never_holds_writes_up(postgres_url: str, store: Store, make: Make) -> None:
    """An export that stops halfway, and a transaction left open for reading, delay no write."""
    for future in store.completions.put_many(ORG, [make(tags=["old"]) for _ in range(120)]):
        future.result()
    export = store.completions.stream(ORG, CompletionFilter())
    next(export)
    with psycopg.connect(postgres_url) as idler:
        idler.execute("SELECT count(*) FROM completions JOIN completion_tags USING (organization_id, id)")

        outcome = store.completions.put(ORG, make()).result(WAIT_S)
        merged = store.completions.put(ORG, make(id=outcome.stored.id, tags=["new"])).result(WAIT_S)

    assert merged.change is WriteEffect.MERGED
    assert sum(1 for _ in export) == 119


def test_every_reader_taken_holds_no_write_up(
    postgres_url: str, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When readers use up all connections, further readers are refused as busy, and writes are committed."""
    monkeypatch.setattr(connections, "READERS", 1)
    monkeypatch.setattr(connections, "_WAIT_S", 0.2)
    store = PostgresStore(postgres_url, prices=Prices.load())
    store._readers._pool.wait(WAIT_S)

    with store._readers.connection():
        with pytest.raises(StoreBusyError, match="is taken"):
            store.completions.get(ORG, "any")
        assert store.completions.put(ORG, make()).result(WAIT_S).change is WriteEffect.CREATED

    store.close()


def test_one_record_that_postgresql_refuses_costs_no_other(store: Store, make: Make) -> None:
    """A record that cannot be stored fails by itself; the others of its commit are kept."""
    good = [make() for _ in range(5)]
    # Both fit the API's limits; together they do not fit a key of PostgreSQL.
    organization_id, giant = (
        "".join(map(chr, Random(n).choices(range(0x20000, 0x2A000), k=512))) for n in (1, 2)
    )
    puts = [*good[:2], make(id=giant), *good[2:]]

    futures = store.completions.put_many(organization_id, puts)

    errors = [future.exception(WAIT_S) for future in futures]
    assert [type(error) for error in errors] == [type(None)] * 2 + [UnstorableError] + [type(None)] * 3
    assert len(list(store.completions.stream(organization_id, CompletionFilter()))) == 5


def test_a_store_that_is_shut_says_so(postgres_url: str, make: Make) -> None:
    """After closing, which commits what was accepted, every call says that the store is shut."""
    store = open_store(postgres_url)
    accepted = store.completions.put_many(ORG, [make() for _ in range(700)])

    store.close()
    store.close()

    assert {future.result(0).change for future in accepted} == {WriteEffect.CREATED}
    with pytest.raises(StoreClosedError):
        store.completions.put(ORG, make()).result(0)
    with pytest.raises(StoreClosedError):
        store.completions.get(ORG, "any")
