"""Days: records stand in partitions by the moment their id carries, and retention drops them whole."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from log10_trace.domain.times import DAY_MS
from log10_trace.server.store.data_types import CompletionFilter, StatisticsQuery, WriteEffect
from log10_trace.server.store.postgres.housekeeping import create_partitions
from log10_trace.server.store.postgres.partitioning import day_of
from log10_trace.server.store.protocol import Store
from tests.processes import until
from tests.server.postgres.conftest import Make

NOW_MS = time.time_ns() // 1_000_000
ORG = "acme"


def id_of(moment_ms: int, number: int = 0) -> str:
    """A UUIDv7 of that moment."""
    digits = f"{moment_ms:012x}7{number:03x}8{0:015x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


@pytest.fixture
def database(postgres_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection to the store's database, past the store."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        yield connection


def partition_of(database: psycopg.Connection[Any], completion_id: str) -> str:
    """The table that a record's row lies in."""
    query = "SELECT tableoid::regclass::text FROM completions WHERE id = %s"
    row = database.execute(query, [completion_id]).fetchone()
    assert row is not None
    return str(row[0])


def name_of(day_ms: int) -> str:
    """The partition of a day."""
    return time.strftime("completions_%Y%m%d", time.gmtime(day_ms // 1000))


@pytest.mark.parametrize(
    ("moment_ms", "partition"),
    [
        (NOW_MS, name_of(NOW_MS)),
        (NOW_MS + DAY_MS, name_of(NOW_MS + DAY_MS)),
        (NOW_MS - 400 * DAY_MS, "completions_older"),
        (NOW_MS + 400 * DAY_MS, "completions_rest"),
    ],
    ids=["today", "tomorrow", "long ago", "far ahead"],
)
def test_a_record_stands_in_the_day_of_its_id(
    store: Store, make: Make, database: psycopg.Connection[Any], moment_ms: int, partition: str
) -> None:
    """A record lies in its id's day; where there is no such day, no write waits for one to be made."""
    completion_id = id_of(moment_ms)

    store.completions.put(ORG, make(id=completion_id)).result()
    again = store.completions.put(ORG, make(id=completion_id, tags=["late"])).result()

    assert partition_of(database, completion_id) == partition
    assert again.change is WriteEffect.MERGED
    assert [
        one.id for one in store.completions.page(ORG, CompletionFilter(tags=("late",)), limit=9).items
    ] == [completion_id]


def test_an_id_without_a_time_stays_unique(
    store: Store, make: Make, database: psycopg.Connection[Any]
) -> None:
    """A record whose id is no UUIDv7 is found, merged and deleted by its id, whatever day it came in."""
    store.completions.put(ORG, make(id="mine")).result()
    yesterday = day_of(NOW_MS) - DAY_MS
    database.execute("UPDATE placements SET placed_ms = %s", [yesterday])
    database.execute("UPDATE completions SET placed_ms = %s", [yesterday])

    outcome = store.completions.put(ORG, make(id="mine", tags=["more"])).result()

    assert outcome.change is WriteEffect.MERGED
    assert len(store.completions.page(ORG, CompletionFilter(), limit=9).items) == 1
    assert store.completions.delete_one(ORG, "mine").result()
    assert store.completions.get(ORG, "mine") is None


def test_a_day_that_is_made_late_takes_its_records_over(
    store: Store, make: Make, database: psycopg.Connection[Any]
) -> None:
    """A record that came before its day was made moves there when it is, and stays whole and findable."""
    completion_id = id_of(day_of(NOW_MS) + 5 * DAY_MS)
    stored = store.completions.put(ORG, make(id=completion_id, tags=["early"])).result().stored
    assert partition_of(database, completion_id) == "completions_rest"

    database.execute("SELECT log10_add_day(%s)", [day_of(NOW_MS) + 5 * DAY_MS])

    assert partition_of(database, completion_id) == name_of(NOW_MS + 5 * DAY_MS)
    assert list(store.completions.stream(ORG, CompletionFilter(tags=("early",)))) == [stored]


PREPARED_AFTER = 12
"""So many executions of a statement, and PostgreSQL keeps its plan, which knows the partitions of before."""


@pytest.mark.parametrize("count", [1, 3])
def test_a_day_that_is_made_while_a_record_is_written_takes_it(
    postgres_url: str, store: Store, make: Make, database: psycopg.Connection[Any], count: int
) -> None:
    """A write that waits while its record's day is made is not refused; the record goes to that day."""
    day = day_of(NOW_MS) + 5 * DAY_MS
    ids = [id_of(day, number) for number in range(count)]
    for number in range(PREPARED_AFTER):
        store.completions.put(ORG, make(id=id_of(NOW_MS, number))).result()
    blocked = "SELECT FROM pg_locks WHERE NOT granted AND relation = 'completions_rest'::regclass"
    with psycopg.connect(postgres_url) as other:
        other.execute("SELECT log10_add_day(%s)", [day])
        futures = store.completions.put_many(ORG, [make(id=each) for each in ids])
        until(lambda: database.execute(blocked).fetchall(), "the write waits")
        other.commit()

    assert [each.result().change for each in futures] == [WriteEffect.CREATED] * count
    assert {partition_of(database, each) for each in ids} == {name_of(day)}


def test_days_are_made_ahead(postgres_url: str, store: Store, database: psycopg.Connection[Any]) -> None:
    """Today's day and the next ones are there from the start, and making them again changes nothing."""
    create_partitions(database)

    days = [first_ms for (first_ms,) in database.execute("SELECT first_ms FROM days ORDER BY first_ms")]
    assert days == [day_of(NOW_MS) + ahead * DAY_MS for ahead in range(4)]


def test_pruning_drops_whole_days_and_every_trace_of_them(
    store: Store, make: Make, database: psycopg.Connection[Any]
) -> None:
    """A day out of date is dropped; what it held is gone from tags, sessions, stacks and roll-ups."""
    tomorrow = day_of(NOW_MS) + DAY_MS
    stack = [{"file": "a.py", "line": "x", "lineno": 1, "name": "f"}]
    fields = {"tags": ["t"], "session_id": "s", "stacktrace": stack, "source": "p"}
    puts = [make(id=id_of(tomorrow + n, n), sequence=n + 1, **fields) for n in range(20)]
    for future in store.completions.put_many(ORG, puts):
        future.result()

    report = store.maintenance.prune(before_ms=tomorrow + DAY_MS).result()

    assert report.completions == 20
    assert database.execute("SELECT count(*) FROM days WHERE first_ms = %s", [tomorrow]).fetchone() == (0,)
    assert database.execute("SELECT to_regclass(%s)", [name_of(tomorrow)]).fetchone() == (None,)
    assert store.reports.statistics(ORG, StatisticsQuery()).groups == ()
    assert store.reports.tags(ORG) == []
    assert store.sessions.get(ORG, "s") is None
    for table in ("stacks", "rollups", "rollup_deltas", "sessions"):
        assert database.execute(f"SELECT FROM {table}").fetchall() == []
    assert [(one.count, one.missing) for one in store.reports.sources(ORG)] == [(20, ())]


SENT = {"source": "s" * 32, "sequence": 1}


@pytest.mark.parametrize("sent", [SENT, {}], ids=["with a sequence", "without"])
def test_a_record_of_a_dropped_day_stays_gone(store: Store, make: Make, sent: dict[str, Any]) -> None:
    """A record that went with its whole day does not come back when its sender repeats it."""
    tomorrow = day_of(NOW_MS) + DAY_MS
    record = make(id=id_of(tomorrow), **sent)
    store.completions.put(ORG, record).result()
    store.maintenance.prune(before_ms=tomorrow + DAY_MS).result()

    assert store.completions.put(ORG, record).result().change is WriteEffect.DELETED
    assert store.completions.get(ORG, id_of(tomorrow)) is None


def test_a_late_update_of_a_dropped_day_is_kept(store: Store, make: Make) -> None:
    """A record of a day that is gone makes a new record; nothing is refused and nothing lost."""
    tomorrow = day_of(NOW_MS) + DAY_MS
    store.completions.put(ORG, make(id=id_of(tomorrow))).result()
    store.maintenance.prune(before_ms=tomorrow + DAY_MS).result()

    outcome = store.completions.put(ORG, make(id=id_of(tomorrow), tags=["late"])).result()

    assert outcome.change is WriteEffect.CREATED
    assert store.completions.get(ORG, id_of(tomorrow)) == outcome.stored


def test_a_record_that_began_after_its_day_is_not_dropped_with_it(store: Store, make: Make) -> None:
    """When a call began counts for retention, not when its id was made."""
    began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW_MS // 1000 + DAY_MS // 1000))
    puts = [make(id=id_of(NOW_MS)), make(id=id_of(NOW_MS, 1), created_at=began)]
    for future in store.completions.put_many(ORG, puts):
        future.result()

    report = store.maintenance.prune(before_ms=day_of(NOW_MS) + DAY_MS).result()

    assert report.completions == 1
    assert [one.id for one in store.completions.page(ORG, CompletionFilter(), limit=9).items] == [
        id_of(NOW_MS, 1)
    ]
