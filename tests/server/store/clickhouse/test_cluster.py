"""A cluster: the statements for it, what it must have, and records over two shards of the real engine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from log10_trace.errors import SetupError
from log10_trace.server.store import open_store
from log10_trace.server.store.clickhouse.address import Cluster, parse_address
from log10_trace.server.store.clickhouse.cluster import SHARDING_KEYS, sql_for, write_migration
from log10_trace.server.store.clickhouse.cluster_checks import check_cluster, check_macros
from log10_trace.server.store.clickhouse.connections import Connection
from log10_trace.server.store.clickhouse.migrations import _BETWEEN, load_known_migrations
from log10_trace.server.store.clickhouse.queries import SQL
from log10_trace.server.store.data_types import CompletionFilter
from log10_trace.server.store.protocol import Store
from tests.server.clickhouse_engine import CLUSTER
from tests.server.store.factories import completion, ids, put, put_all

PROD = Cluster("prod-1", "log10")


@pytest.fixture
def engine(_clustered: tuple[str, Any]) -> Connection:
    """A connection to the engine."""
    connection: Connection = _clustered[1]
    return connection


@pytest.fixture
def clustered(emptied_cluster_url: str) -> Iterator[Store]:
    """An empty store over two shards."""
    with closing(open_store(emptied_cluster_url)) as opened:
        yield opened


def test_every_statement_for_a_cluster_is_one_of_the_engine(engine: Connection) -> None:
    """The schema and all statements are parsed by the engine, and what changes rows is run on every host."""
    schema = [SQL["create_migrations"]]
    for migration in load_known_migrations():
        schema += migration.text.split(_BETWEEN)
    statements = [one for each in schema for one in write_migration(each, PROD)]
    assert all("ON CLUSTER 'prod-1'" in one for one in statements)
    assert sum("ENGINE = Distributed('prod-1', 'log10'" in one for one in statements) == len(SHARDING_KEYS)
    paths = [one.split("'/clickhouse/tables/")[1].split(", ")[0] for one in statements if "Replicated" in one]
    assert "{shard}/log10/completions_local'" in paths
    assert "all/log10/keys'" in paths
    assert len(set(paths)) == len(paths)

    named = sql_for(PROD)
    whole = re.compile(r"(?:--.*\n)*(SELECT|DELETE|ALTER|INSERT)(?!.*WHERE$)[^@]*", re.DOTALL)
    written = [text for text in named.values() if whole.fullmatch(text)]
    assert len(written) > 50
    for text in (*statements, *written):
        assert engine.ask("SELECT formatQuery({text:String})", {"text": text})
    changing = {name: text for name, text in named.items() if "DELETE FROM" in text or "ALTER TABLE" in text}
    for name, text in changing.items():
        spread = any(f"{table}_local" in text for table in SHARDING_KEYS)
        assert ("ON CLUSTER 'prod-1'" in text) == spread, name
    assert "cluster('prod-1', system.parts)" in named["partitions_before"]
    assert "'completions_local'" in named["partitions_before"]


@pytest.mark.parametrize(
    ("statement", "written"),
    [
        (
            "-- Why.\nALTER TABLE changes ADD COLUMN IF NOT EXISTS x UInt8",
            [
                "-- Why.\nALTER TABLE changes_local ON CLUSTER 'prod-1' ADD COLUMN",
                "CREATE OR REPLACE TABLE changes ON",
            ],
        ),
        ("ALTER TABLE keys ADD COLUMN IF NOT EXISTS x UInt8", ["ALTER TABLE keys ADD COLUMN"]),
        (
            "DROP VIEW IF EXISTS arrivals_of_deliveries",
            ["DROP VIEW IF EXISTS arrivals_of_deliveries ON CLUSTER"],
        ),
    ],
)
def test_later_migrations_reach_every_host(statement: str, written: list[str]) -> None:
    """A column of a table that is spread over shards is added on each, and the table over them follows."""
    for one, beginning in zip(write_migration(statement, PROD), written, strict=True):
        assert one.startswith(beginning)
    assert write_migration(statement, None) == [statement]
    with pytest.raises(ValueError, match="RENAME"):
        write_migration("RENAME TABLE a TO b", PROD)


def test_a_session_is_one_shards_and_calls_are_spread(clustered: Store, engine: Connection) -> None:
    """Records with a session lie where its others do; without one they lie on both shards."""
    put_all(
        clustered,
        [
            *(completion(id=f"s{number}", session_id=f"session {number % 5}") for number in range(20)),
            *(completion(id=f"r{number}") for number in range(20)),
        ],
    )
    put(clustered, completion(id="s0", session_id=..., tags=["later"], created_at=...))

    rows = engine.ask(
        "SELECT id, session_id, bitAnd(place, 1023) % 2 FROM clustered.completions_local FINAL", {}
    )
    assert len(rows) == 40
    shards: dict[str, set[int]] = {}
    for completion_id, session_id, shard in rows:
        shards.setdefault(session_id or completion_id, set()).add(shard)
    assert all(len(each) == 1 for each in shards.values())
    assert {min(each) for name, each in shards.items() if name.startswith("r")} == {0, 1}
    assert sorted(ids(clustered, CompletionFilter(session_id="session 0"))) == ["s0", "s10", "s15", "s5"]


def test_what_a_cluster_lacks_is_told(engine: Connection, emptied_cluster_url: str) -> None:
    """An unknown cluster, a missing database, no Keeper: a sentence each, before anything is made."""
    url = emptied_cluster_url
    cases = {
        url.replace(CLUSTER, "nowhere"): f"no cluster 'nowhere', which ?cluster= names; it knows: {CLUSTER}",
        url.replace("database=clustered", "database=elsewhere"): "CREATE DATABASE IF NOT EXISTS elsewhere ON",
        url: "has no Keeper that answers",
    }
    for address, said in cases.items():
        with pytest.raises(SetupError) as caught:
            check_cluster(engine, parse_address(address))
        assert said in str(caught.value)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({1: {"shard": "1", "replica": "a"}, 2: {"shard": "1"}}, "host h2 has no macro {replica}"),
        (
            {1: {"shard": "1", "replica": "a"}, 2: {"shard": "1", "replica": "a"}},
            "hosts h1 and h2 have the same macros {shard} and {replica}",
        ),
        (
            {1: {"shard": "1", "replica": "a"}, 3: {"shard": "1", "replica": "b"}},
            "host h3 has the macro {shard} = '1' of another shard",
        ),
    ],
)
def test_macros_that_contradict_each_other_are_told(found: dict[int, dict[str, str]], said: str) -> None:
    """Of two replicas of one shard and one of another; a host that does not answer is not asked."""
    with pytest.raises(SetupError) as caught:
        check_macros({number: f"h{number}" for number in found}, [1, 1, 2], found)
    assert said in str(caught.value)

    good = {number: {"shard": str(number // 3), "replica": f"r{number}"} for number in (1, 2, 3)}
    check_macros({number: f"h{number}" for number in good}, [1, 1, 2], good)


def test_a_database_stays_for_one_server_or_for_a_cluster(
    emptied_cluster_url: str, emptied_clickhouse_url: str
) -> None:
    """Neither kind is opened as the other, and the message says which way there is."""
    with pytest.raises(SetupError, match=rf"add \?cluster={CLUSTER} to its address"):
        open_store(emptied_cluster_url.replace(f"&cluster={CLUSTER}", ""))
    with pytest.raises(SetupError, match=r"was made for one server.*log10-trace migrate"):
        open_store(f"{emptied_clickhouse_url}&cluster={CLUSTER}")
