"""A database in ClickHouse that an earlier version made: it opens, and holds what it held."""

from __future__ import annotations

from contextlib import closing

import pytest

from log10_trace.server.store import open_store
from log10_trace.server.store.clickhouse.address import parse_address
from log10_trace.server.store.clickhouse.connections import Connection, connect
from log10_trace.server.store.clickhouse.migrations import _BETWEEN, load_known_migrations
from log10_trace.server.store.clickhouse.queries import SQL
from log10_trace.server.store.data_types import CompletionFilter, StatisticsQuery
from tests.server.store.factories import completion, ids, put

FIRST = "9721db57"
"""The beginning of the checksum of the first migration, which databases have: it never changes."""


def make_old(connection: Connection) -> None:
    """Make the tables as the first version did."""
    first = load_known_migrations()[0]
    connection.run(SQL["create_migrations"])
    for statement in first.text.split(_BETWEEN):
        connection.run(statement)
    row = (first.number, first.name.removesuffix(".sql"), first.checksum)
    connection.insert("log10_migrations", [row])


def describe_table(connection: Connection) -> str:
    """The statement that would make the table of records."""
    where = "database = currentDatabase() AND name = 'completions'"
    ((text,),) = connection.ask(f"SELECT create_table_query FROM system.tables WHERE {where}", {})
    return str(text)


def test_a_database_of_the_first_schema_opens_with_its_records(second_clickhouse_url: str) -> None:
    """Its records are found by tag and metadata, as later ones are; its indexes are those of a new one."""
    assert load_known_migrations()[0].checksum.startswith(FIRST)
    with closing(connect(parse_address(second_clickhouse_url))) as connection:
        make_old(connection)
        old = describe_table(connection)
        columns = (
            "organization_id, place, id, deliveries, status, tags, metadata, tokens, rates, charged_input,"
        )
        columns += " charged_output, charged_cached, buckets"
        values = (
            "'acme', 1048576, 'old', 1, 'finished', ['x'], ['k=v'], 12, ['gpt-4o'], [10], [2], [0], [73, -50]"
        )
        connection.run(f"INSERT INTO completions ({columns}) VALUES ({values})")

        for _ in range(2):
            with closing(open_store(second_clickhouse_url)) as store:
                assert store.completions.count("acme", CompletionFilter(tags=("x",))).calls == 1
                assert store.completions.count("acme", CompletionFilter(metadata=("k=v",))).calls == 1
                assert store.completions.count("acme", CompletionFilter(tags=("y",))).calls == 0
                (total,) = store.reports.statistics("acme", StatisticsQuery()).groups
                assert (total.calls, total.input_tokens, total.output_tokens) == (1, 10, 2)
                assert (total.p95, total.first_token_p95) == (
                    pytest.approx(1.0, rel=0.05),
                    pytest.approx(0.1, rel=0.05),
                )
                put(store, completion(id="new", tags=["x"]))
                assert ids(store, CompletionFilter(tags=("x",))) == ["new"]

        now = describe_table(connection)
    assert "bloom_filter(0.01) GRANULARITY 1, INDEX by_metadata" in old
    for index in ("by_each_tag tags", "by_each_pair metadata"):
        assert f"INDEX {index} TYPE text(tokenizer = array)" in now
    assert "by_tag " not in now
    assert "index_granularity = 8192" in now
    assert "max_compress_block_size = 65536" in now


def test_a_new_database_has_small_granules(emptied_clickhouse_url: str) -> None:
    """A place of a list costs no more rows than it has to."""
    with closing(connect(parse_address(emptied_clickhouse_url))) as connection:
        assert "index_granularity = 1024" in describe_table(connection)
