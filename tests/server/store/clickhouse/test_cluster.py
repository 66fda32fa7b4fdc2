"""A cluster: the statements for it, what it must have, and records over two shards of the real engine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from log10_trace.domain.completion_record import CompletionRecord
from log10_trace.errors import SetupError
from log10_trace.server.store import open_store
from log10_trace.server.store.clickhouse import connections
from log10_trace.server.store.clickhouse.address import Cluster, parse_address
from log10_trace.server.store.clickhouse.cluster import SHARDING_KEYS, sql_for, write_copy, write_migration
from log10_trace.server.store.clickhouse.cluster_checks import check_cluster, check_macros
from log10_trace.server.store.clickhouse.connections import Connection, connect
from log10_trace.server.store.clickhouse.day_summing import WhatToSum, run_round
from log10_trace.server.store.clickhouse.errors import translate_error
from log10_trace.server.store.clickhouse.migrations import _BETWEEN, load_known_migrations
from log10_trace.server.store.clickhouse.queries import SQL
from log10_trace.server.store.data_types import CompletionFilter, StatisticsQuery
from log10_trace.server.store.errors import StoreBusyError
from log10_trace.server.store.protocol import Store
from tests.server.clickhouse_engine import CLUSTER
from tests.server.store.factories import NOON_MS, ORG, answer, asked, completion, ids, page, put, put_all

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
    over = {one for one in statements if "ENGINE = Distributed('prod-1', 'log10'" in one}
    assert len(over) == len(SHARDING_KEYS)
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
    copied = write_copy("CREATE TABLE log10.keys (`id` String) ENGINE = MergeTree", PROD)
    assert copied.startswith("CREATE TABLE IF NOT EXISTS log10.keys ON CLUSTER 'prod-1' (`id`")
    with pytest.raises(ValueError, match="RENAME"):
        write_migration("RENAME TABLE a TO b", PROD)


def test_tables_of_a_host_that_joins_are_those_of_the_others(
    emptied_cluster_url: str, engine: Connection
) -> None:
    """Each with rows, and what fills them, is made as it stands after all migrations."""
    asked = {"cluster": CLUSTER, "database": "clustered"}
    made = [text for (text,) in engine.rows("statements_of_tables", asked)]
    engine.run("CREATE DATABASE joined")
    try:
        for _ in range(2):
            for text in made:
                engine.run(write_copy(text, PROD).replace("clustered.", "joined."))
        copied = engine.rows("statements_of_tables", {**asked, "database": "joined"})
        assert [text.replace("joined.", "clustered.") for (text,) in copied] == made
    finally:
        engine.run("DROP DATABASE joined SYNC")
    assert any("completions_local" in text and "by_each_tag" in text for text in made)
    assert emptied_cluster_url


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


def varied(number: int) -> CompletionRecord:
    """A call that has most things in common with some others, and begins a second after the one before."""
    said = ("a heron", "an okapi", "two herons, one okapi")[number % 3]
    ended = {"status": "failed", "response": ..., "failure_kind": "RateLimitError"}
    return completion(
        id=f"call-{number:02d}",
        created_at=f"2026-03-01T12:{number // 60:02d}:{number % 60:02d}Z",
        session_id=f"session {number % 7}" if number % 3 else ...,
        tags=[f"tag {number % 4}", f"tag {number % 5}"],
        metadata={"plan": ("free", "pro")[number % 2]},
        duration=number / 10,
        source=f"process {number % 3}",
        sequence=number // 3 + 1,
        request=asked(said, model=("gpt-4o", "o3-mini")[number % 2]),
        **(ended if number % 6 == 5 else {"response": answer("indeed", number, 5)}),
    )


FILTERS = (
    CompletionFilter(),
    CompletionFilter(tags=("tag 0", "tag 1"), tag_match="all"),
    CompletionFilter(tags=("tag 2",), tag_match="none"),
    CompletionFilter(session_id="session 1"),
    CompletionFilter(metadata=("plan=pro",), status="failed"),
    CompletionFilter(text='"one okapi"'),
    CompletionFilter(text="her in:request", min_duration=2.0),
    CompletionFilter(since_ms=NOON_MS + 20_000, until_ms=NOON_MS + 50_000, model="o3-mini"),
)


def test_two_shards_answer_as_one_server_does(
    clustered: Store, emptied_cluster_url: str, emptied_clickhouse_url: str
) -> None:
    """Lists, pages, searches, counts, statistics, sessions, sources and records are the same."""
    with closing(open_store(emptied_clickhouse_url)) as single:
        for store in (single, clustered):
            put_all(store, map(varied, range(70)))
            put_all(store, [completion(id=f"call-{number:02d}", tags=["late"]) for number in range(0, 70, 9)])
            assert store.completions.delete_one(ORG, "call-30").result()
        for url in (emptied_clickhouse_url, emptied_cluster_url):
            with closing(connect(parse_address(url))) as connection:
                assert run_round(connection, WhatToSum(quiet_s=0, least=1, before_day=2**31)) == 1
        for wanted in FILTERS:
            expected = ids(single, wanted)
            assert ids(clustered, wanted) == expected
            assert clustered.completions.count(ORG, wanted) == single.completions.count(ORG, wanted)
        for wanted in FILTERS[::5]:
            assert walk(clustered, wanted) == ids(single, wanted, order="oldest")
            asked_for = [
                StatisticsQuery(group_by=group, wanted=wanted, interval="minute", series_groups=3)
                for group in ("none", "model", "tag", "session", "failure", "metadata.plan")
            ]
            found = clustered.reports.statistics_together(ORG, asked_for)
            assert found == single.reports.statistics_together(ORG, asked_for), wanted
        names = ids(single)
        assert clustered.completions.get_many(ORG, names) == single.completions.get_many(ORG, names)
        of_tens = [name for name in names if name.startswith("call-1")]
        assert clustered.completions.find_ids(ORG, "call-1", limit=20) == of_tens
        assert clustered.sessions.page(ORG, limit=99) == single.sessions.page(ORG, limit=99)
        assert clustered.reports.sources(ORG) == single.reports.sources(ORG)
        assert clustered.reports.tags(ORG) == single.reports.tags(ORG)


def walk(store: Store, wanted: CompletionFilter) -> list[str]:
    """The ids of what matches, oldest first, in pages of twenty."""
    found: list[str] = []
    cursor = None
    while True:
        got = page(store, wanted, limit=20, order="oldest", cursor=cursor)
        found += [one.id for one in got.items]
        cursor = got.next_cursor
        if cursor is None:
            return found


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


def test_a_host_that_joins_later_gets_its_tables(emptied_cluster_url: str, engine: Connection) -> None:
    """A table that a host lacks is made when the next server starts."""
    engine.run("DROP TABLE clustered.completions SYNC")

    with closing(open_store(emptied_cluster_url)) as opened:
        put(opened, completion(id="a"))
        assert ids(opened) == ["a"]


def test_a_cluster_with_another_number_of_shards_is_refused(
    emptied_cluster_url: str, engine: Connection
) -> None:
    """Records would be looked for on the wrong shard: the message says both numbers and the way."""
    row = "INSERT INTO clustered.log10_migrations (number, name, checksum) VALUES (0, '{}', '')"
    engine.run(row.format(3))
    try:
        with pytest.raises(SetupError, match=r"made for 3 shards, and the cluster 'two_shards' has 2\."):
            open_store(emptied_cluster_url)
    finally:
        engine.run(row.format(2))
    open_store(emptied_cluster_url).close()


def test_a_replica_that_lags_is_asked_again(
    emptied_cluster_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While another server's insert is on its way, reads and inserts are repeated; other errors are not."""
    monkeypatch.setattr(connections, "_PAUSES_S", (0.0, 0.0))
    connection = connect(parse_address(emptied_cluster_url))
    codes: list[int] = []

    def answer_late(*_: Any, **__: Any) -> Any:
        if codes:
            raise DatabaseError("refused", code=codes.pop())
        return SimpleNamespace(result_rows=[(1,)])

    client = connection._client
    try:
        with monkeypatch.context() as patched:
            patched.setattr(client, "query", answer_late)
            patched.setattr(client, "insert", answer_late)
            codes += [289, 289]
            assert connection.rows("one", {}) == [(1,)]
            codes += [286, 286]
            connection.insert("pruned", [(1, 0)])
            for refused in ([286, 286, 286], [285]):
                codes += refused
                with pytest.raises(DatabaseError) as caught:
                    connection.insert("pruned", [(1, 0)])
                assert isinstance(translate_error(caught.value), StoreBusyError)
                assert not codes
    finally:
        connection.close()


def test_a_database_stays_for_one_server_or_for_a_cluster(
    emptied_cluster_url: str, emptied_clickhouse_url: str
) -> None:
    """Neither kind is opened as the other, and the message says which way there is."""
    with pytest.raises(SetupError, match=rf"add \?cluster={CLUSTER} to its address"):
        open_store(emptied_cluster_url.replace(f"&cluster={CLUSTER}", ""))
    with pytest.raises(SetupError, match=r"was made for one server.*log10-trace migrate"):
        open_store(f"{emptied_clickhouse_url}&cluster={CLUSTER}")
