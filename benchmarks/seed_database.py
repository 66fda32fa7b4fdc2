"""Fills a database as the store fills it, but in minutes: for benchmarks of a million records.

What is written, and by which code, is the store's own. Quicker is only what a benchmark can do without:
records are made in a process beside the one that writes, thousands share a commit, and no commit waits for
the disk. On PostgreSQL the index of the words is laid when they are all there.
"""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from benchmarks.records import DAYS, Maker
from log10_trace.domain.completion_record import CompletionRecord, parse
from log10_trace.domain.prices import Prices
from log10_trace.domain.times import DAY_MS
from log10_trace.server.store import open_store
from log10_trace.server.store.data_types import CompletionFilter, WriteResult
from log10_trace.server.store.postgres.connections import connect, settings
from log10_trace.server.store.postgres.housekeeping import index_texts
from log10_trace.server.store.postgres.partitioning import day_of
from log10_trace.server.store.postgres.prepared_records import WriteRequest
from log10_trace.server.store.postgres.records import RecordWriter
from log10_trace.server.store.postgres.rollup_compaction import compact
from log10_trace.server.store.sqlite import records
from log10_trace.server.store.sqlite.index_backlog import LARGE_BATCH
from log10_trace.server.store.sqlite.schema import open_database
from log10_trace.server.store.sqlite.text_index import index_many, index_some
from log10_trace.server.store.sqlite.transaction import LookupKey, Transaction

T = TypeVar("T")

_AT_ONCE = 1_000
_SAID_EVERY = 100_000
_SQLITE_SETTINGS = (
    "PRAGMA journal_mode = MEMORY",  # a crash may cost the file, which is made anew then
    "PRAGMA synchronous = OFF",
    "PRAGMA cache_size = -524288",  # KiB
    "PRAGMA temp_store = MEMORY",
)
_WORD_INDEX = "completion_words_by_word"


def fill(database: str, maker: Maker, count: int, organization_id: str) -> None:
    """Fill a database, an address or a file's path, with ``count`` records, unless it holds them already.

    Raises:
        SystemExit: it holds fewer, as one that was not filled to its end.
    """
    is_file = not database.startswith("postgres")
    if not is_file or Path(database).exists():
        store = open_store(database)
        held = store.completions.count(organization_id, CompletionFilter())
        store.close()
        if held.calls >= count or not held.is_exact:
            return
        if held.calls:
            raise SystemExit(
                f"{database} holds {held.calls} records and not {count}: delete it, to have it filled"
            )
    if is_file:
        fill_sqlite(Path(database), maker, count, organization_id)
    else:
        fill_postgres(database, maker, count, organization_id)


def fill_sqlite(path: Path, maker: Maker, count: int, organization_id: str) -> None:
    """Make the database at ``path`` with the first ``count`` records of ``maker``; whole, or not there."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    connection = open_database(unfinished)
    for setting in _SQLITE_SETTINGS:
        connection.execute(setting)
    with closing(Transaction(connection)) as transaction, _made(maker, count, _draft) as groups:
        for drafts in groups:
            jobs = [partial(_put, organization_id=organization_id, draft=draft) for draft in drafts]
            wanted = [LookupKey(organization_id, str(one.incoming.id), one.facts.began_ms) for one in drafts]
            transaction.run([*jobs, partial(index_many, at_once=LARGE_BATCH)], wanted)
        while transaction.run([index_some])[0]:
            pass
        connection.execute("PRAGMA journal_mode = WAL")
    unfinished.rename(path)


def fill_postgres(url: str, maker: Maker, count: int, organization_id: str) -> None:
    """Fill an empty PostgreSQL database with the first ``count`` records of ``maker``."""
    open_store(url).close()
    address = settings(url)
    with connect(address) as connection, connect(address) as other:
        _lay_past_days(connection)
        connection.execute("SET synchronous_commit = off")
        with _without_word_index(connection), _keeping_house(other), _made(maker, count, _parse) as groups:
            writing = RecordWriter()
            for group in groups:
                writing.write(connection, [WriteRequest(organization_id, one) for one in group])
        connection.execute("VACUUM ANALYZE")


def _put(transaction: Transaction, *, organization_id: str, draft: records.PreparedRecord) -> WriteResult:
    return records.put(transaction, organization_id, draft, replace_tags=False)


def _lay_past_days(connection: psycopg.Connection[Any]) -> None:
    """Have the partitions that a database has when it was there all the time."""
    today = day_of(time.time_ns() // 1_000_000)
    first = today - DAYS * DAY_MS
    for parent in ("completions", "completion_tags", "completion_words"):
        connection.execute(f"ALTER TABLE {parent} DETACH PARTITION {parent}_older")
        bounds = f"FOR VALUES FROM (MINVALUE) TO ({first:d})"
        connection.execute(f"ALTER TABLE {parent} ATTACH PARTITION {parent}_older {bounds}")
    for day in range(first, today, DAY_MS):
        connection.execute("SELECT log10_add_day(%s)", [day])


@contextmanager
def _without_word_index(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Lay the index of the words behind the block: many at once take a tenth of the time."""
    found = connection.execute("SELECT pg_get_indexdef(%s::regclass)", [_WORD_INDEX]).fetchone()
    assert found is not None
    connection.execute(f"DROP INDEX {_WORD_INDEX}")
    yield
    connection.execute(found[0].replace(" ON ONLY ", " ON "))  # which is how PostgreSQL tells of partitions


@contextmanager
def _keeping_house(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Do what the leader does while the block runs, and what it leaves to do."""
    done = threading.Event()

    prices = Prices.load()

    def keep() -> None:
        is_last = has_more = False
        while has_more or not is_last:
            is_last = done.is_set()  # asked before looking: what is written then is seen
            has_more = index_texts(connection, _AT_ONCE)
            compact(connection, prices)
            if not has_more:
                done.wait(0.5)

    thread = threading.Thread(target=keep)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@contextmanager
def _made(maker: Maker, count: int, make: Callable[[str], T]) -> Iterator[Iterator[list[T]]]:
    """Groups of what ``make`` makes of records, in a process that waits while it is ahead."""
    spawning = multiprocessing.get_context("spawn")
    taking, giving = spawning.Pipe(duplex=False)
    process = spawning.Process(target=_make, args=(maker, count, make, giving), daemon=True)
    process.start()
    giving.close()
    try:
        yield _received(taking)
    finally:
        taking.close()
        process.join()


def _received(taking: Connection) -> Iterator[list[Any]]:
    began, done = time.perf_counter(), 0
    while group := taking.recv():
        yield group
        done += len(group)
        if not done % _SAID_EVERY:
            print(f"    {done} records after {time.perf_counter() - began:.0f} s", flush=True)


def _make(maker: Maker, count: int, make: Callable[[str], Any], giving: Connection) -> None:
    for first in range(0, count, _AT_ONCE):
        giving.send([make(line) for line in maker.lines(first, min(_AT_ONCE, count - first))])
    giving.send([])


def _parse(line: str) -> CompletionRecord:
    return parse(line)


def _draft(line: str) -> records.PreparedRecord:
    return records.prepare(parse(line), now_ms=time.time_ns() // 1_000_000)
