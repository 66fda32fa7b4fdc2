"""A database that the benchmarks fill is the one that the store would have written."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from benchmarks.records import Maker
from benchmarks.seed_database import fill
from log10_trace.domain.completion_record import parse
from log10_trace.domain.prices import Prices
from log10_trace.server.store import open_store
from log10_trace.server.store.postgres import prepared_records
from log10_trace.server.store.postgres.rollup_compaction import compact as fold_postgres
from log10_trace.server.store.postgres.rollup_compaction import price_some as price_postgres
from log10_trace.server.store.sqlite import records
from log10_trace.server.store.sqlite.connection import connect
from log10_trace.server.store.sqlite.rollup_compaction import compact_all
from log10_trace.server.store.sqlite.rollup_compaction import price_some as price_sqlite
from tests.server.postgres_cluster import fresh_database

ORG = "org"
COUNT = 1_050
"""More than `fill` writes at once."""
SQLITE_TABLES = (
    *("completions", "tags", "bodies", "stacks", "rollups", "rollup_deltas", "sessions", "sequences"),
    *("unindexed", "words"),
)
POSTGRES_TABLES = (
    *("completions", "completion_tags", "completion_words", "waiting_texts", "placements", "stacks"),
    *("rollups", "rollup_deltas", "sessions"),
)

INDEXES = """
SELECT definition, valid FROM (
    SELECT pg_get_indexdef(indexrelid) AS definition, indisvalid AS valid
    FROM pg_index WHERE indrelid::regclass::text IN ('completions', 'completion_tags', 'completion_words')
) AS indexes
"""
"""Of the partitioned tables; one is valid when every partition has it."""

UNPRICED = "SELECT 1 FROM rollups WHERE width IN (0, 1440) AND cost IS NULL LIMIT 1"
"""A store prices roll-ups beside its other work: whether it has done all by its end is chance."""


@pytest.fixture
def maker(monkeypatch: pytest.MonkeyPatch) -> Maker:
    """Makes the same records for each database, and neighbours in time are told apart alike in both."""
    monkeypatch.setattr(records, "_arrivals", itertools.repeat(0))
    monkeypatch.setattr(prepared_records, "_arrivals", itertools.repeat(0))
    return Maker(COUNT, words=30)


def write_through_the_store(database: str | Path, maker: Maker) -> None:
    """Put the records as a server does."""
    store = open_store(database)
    for future in store.completions.put_many(ORG, [parse(line) for line in maker.lines(0, COUNT)]):
        future.result()
    assert store.maintenance.wait_until_searchable()
    store.close()


def rows(connection: Any, tables: Iterable[str]) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the tables, of sums what is read from them: in which order it is written is chance."""
    return {table: sorted(_read(connection.execute(f"SELECT * FROM {table}")), key=repr) for table in tables}


def _read(cursor: Any) -> Iterator[tuple[Any, ...]]:
    readers = [READERS.get(column[0], _same) for column in cursor.description]
    for row in cursor:
        yield tuple(read(value) for read, value in zip(readers, row, strict=True))


def _same(value: Any) -> Any:
    return value


def _read_counts(written: str) -> list[tuple[str, list[int]]]:
    return sorted(json.loads(written).items())


def _read_durations(written: str) -> list[tuple[int, int]]:
    numbers = json.loads(written)
    return sorted(zip(numbers[::2], numbers[1::2], strict=True))


READERS = {"counts": _read_counts, "durations": _read_durations}
"""A sum lists the rates and buckets as they came first to those who folded it, whoever folded how many."""


def sqlite_rows(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """What a file holds, every word of the text index with where it stands."""
    with closing(connect(path, can_write=True)) as connection:
        compact_all(connection)
        while price_sqlite(connection, Prices.load()):
            pass
        connection.execute("CREATE VIRTUAL TABLE temp.words USING fts5vocab('main', 'search', 'instance')")
        return rows(connection, SQLITE_TABLES)


def postgres_rows(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """What a database holds."""
    with psycopg.connect(url, autocommit=True) as connection:
        fold_postgres(connection)
        while connection.execute(UNPRICED).fetchone():
            price_postgres(connection, Prices.load())
        found = rows(connection, POSTGRES_TABLES)
        found["indexes"] = sorted(connection.execute(INDEXES))
        return found


def differing(found: dict[str, list[Any]], expected: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The first rows that differ, by table: pytest would compare the whole tables for minutes."""
    assert found.keys() == expected.keys()
    return {
        table: [pair for pair in itertools.zip_longest(found[table], wanted) if pair[0] != pair[1]][:3]
        for table, wanted in expected.items()
        if found[table] != wanted
    }


@pytest.mark.slow
def test_a_filled_sqlite_database_is_the_stores(tmp_path: Path, maker: Maker) -> None:
    """Each row of each table, and each word of the index, is what the store writes of the same records."""
    write_through_the_store(tmp_path / "store.db", copy.deepcopy(maker))
    fill(str(tmp_path / "filled.db"), maker, COUNT, ORG)

    expected = sqlite_rows(tmp_path / "store.db")
    assert {table: len(found) for table, found in expected.items() if found}.keys() == {
        *("completions", "tags", "bodies", "stacks", "rollups", "sessions", "sequences", "words")
    }
    assert not differing(sqlite_rows(tmp_path / "filled.db"), expected)


@pytest.mark.slow
def test_a_filled_postgres_database_is_the_stores(postgres_server: str, maker: Maker) -> None:
    """Each row of each table is what the store writes of the same records."""
    with fresh_database(postgres_server) as stored, fresh_database(postgres_server) as filled:
        write_through_the_store(stored, copy.deepcopy(maker))
        fill(filled, maker, COUNT, ORG)

        assert not differing(postgres_rows(filled), postgres_rows(stored))


def test_a_database_that_is_filled_is_left_alone(tmp_path: Path) -> None:
    """A database that was kept is read as it is; one that lacks records is not taken for it."""
    path = tmp_path / "kept.db"
    open_store(str(path)).close()  # there, and empty
    fill(str(path), Maker(3, words=6), 3, ORG)
    before = path.read_bytes()

    fill(str(path), Maker(3, words=6), 3, ORG)
    with pytest.raises(SystemExit, match="holds 3 records and not 5"):
        fill(str(path), Maker(5, words=6), 5, ORG)

    assert path.read_bytes() == before
