"""Fills a ClickHouse database for benchmarks: some records by the store, others by the engine from those.

Each copy stands at another time, under an id, a session and a source of its own, in every table alike, so
that the store reads it as it reads any record. Copies of a text lie hours apart: compression finds no more
than in texts that differ.
"""

from __future__ import annotations

import json
import time
from contextlib import closing
from itertools import islice
from typing import Final

from benchmarks.records import DAYS, Maker
from log10_trace.domain.completion_record import parse
from log10_trace.domain.times import DAY_MS, parse_rfc3339_ms
from log10_trace.server.store import open_store
from log10_trace.server.store.clickhouse.address import parse_address
from log10_trace.server.store.clickhouse.connections import Connection, connect
from log10_trace.server.store.data_types import CompletionFilter
from log10_trace.server.store.protocol import Store

WRITTEN: Final = 100_000
"""How many records the store writes; the engine makes the others."""
_WORDS: Final = 14
"""Of a message, so that ten million records fit a disk."""
_AT_ONCE: Final = 5_000
_COPIES_AT_ONCE: Final = 5
_CHECKED: Final = 50
_MERGED_WITHIN_S: Final = 3_600
_SOURCE: Final = '"source": "benchmark"'
_FIRST_SOURCE: Final = '"source": "benchmark-000"'
_COPY: Final = """
INSERT INTO @table
WITH intDiv(place, 1048576) AS old_ms,
    {oldest_ms:Int64} + (old_ms - {oldest_ms:Int64} + copy * {step_ms:Int64}) % {span_ms:Int64} AS new_ms,
    leftPad(lower(hex(copy)), 4, '0') AS mark,
    right(lower(hex(new_ms)), 12) AS digits,
    concat(left(digits, 8), '-', right(digits, 4), substring(id, 14, 11), mark, substring(id, 29)) AS new_id,
    extract(head, '"([0-9a-f]{8}-[0-9a-f-]{27})"') AS old_session,
    concat(left(old_session, 24), mark, substring(old_session, 29)) AS new_session,
    concat('benchmark-', leftPad(toString(copy), 3, '0')) AS new_source,
    extract(head, '"([0-9]{4}-[0-9]{2}-[0-9]{2}T[^"]*)"') AS old_time,
    concat(formatDateTime(fromUnixTimestamp64Milli(new_ms, 'UTC'), '%Y-%m-%dT%H:%i:%S', 'UTC'), '.',
        leftPad(toString(new_ms % 1000), 3, '0'), substring(old_time, 24)) AS new_time,
    replaceOne(replaceOne(replaceOne(head, old_session, new_session), old_time, new_time),
        'benchmark-000', new_source) AS new_head
SELECT * EXCEPT (copy)
    REPLACE (new_ms * 1048576 + place % 1048576 AS place, new_id AS id, new_head AS head, @name AS @column)
FROM (SELECT *, toInt64(arrayJoin(range({first:UInt64}, {last:UInt64}))) AS copy FROM seed_@table)
"""
_OTHERS: Final = {"deliveries": ("new_source", "source"), "completions": ("new_session", "session_id")}
"""Tables, and what else of them differs in a copy."""


def make_maker(count: int) -> Maker:
    """The maker of the records that the store writes of ``count``."""
    return Maker(min(count, WRITTEN), words=_WORDS)


def fill_clickhouse(url: str, count: int, organization_id: str) -> None:
    """Fill an empty database with ``count`` records: a multiple of ``WRITTEN``, or fewer than that.

    A database that holds as many already stays as it is.
    """
    with closing(open_store(url)) as store:
        found = store.completions.count(organization_id, CompletionFilter()).calls
        if found == count:
            return
        assert not found, f"the database holds {found} records, not {count}"
        _write(store, min(count, WRITTEN), organization_id)
        if count > WRITTEN:
            with closing(connect(parse_address(url))) as connection:
                multiply(connection, count // WRITTEN)
                _wait_for_merges(connection)
        check_copies(store, count, organization_id)


def multiply(connection: Connection, copies: int) -> None:
    """Have ``copies`` of each record, with itself, over the same time."""
    ((written, oldest_ms),) = connection.ask("SELECT count(), min(began_ms) FROM completions", {})
    span_ms = DAYS * DAY_MS
    # Copies of a record are as far apart as can be, and none stands where another record does.
    step_ms = span_ms // copies + span_ms // (written * copies)
    for table, (name, column) in _OTHERS.items():
        connection.run(
            f"CREATE TABLE seed_{table} ENGINE = MergeTree ORDER BY place AS SELECT * FROM {table}"
        )
        statement = _COPY.replace("@table", table).replace("@name", name).replace("@column", column)
        for first in range(1, copies, _COPIES_AT_ONCE):
            began, last = time.perf_counter(), min(first + _COPIES_AT_ONCE, copies)
            values = {"oldest_ms": oldest_ms, "span_ms": span_ms, "step_ms": step_ms}
            connection.ask(statement, {**values, "first": first, "last": last}, timeout_s=3_600)
            took = time.perf_counter() - began
            print(f"    {table}: {last} of {copies} copies, {took:.0f} s", flush=True)
        connection.run(f"DROP TABLE seed_{table}")


def check_copies(store: Store, count: int, organization_id: str) -> None:
    """See whether the tables agree: the store reads of records what its lists say of them."""
    found = store.completions.count(organization_id, CompletionFilter()).calls
    assert found == count, f"{found} records, not {count}"
    page = store.completions.page(organization_id, CompletionFilter(), limit=_CHECKED)
    stored = store.completions.get_many(organization_id, [one.id for one in page.items])
    for line in page.items:
        fields = stored[line.id].fields
        assert {name: fields[name] for name in line.fields} == line.fields
        began_ms = parse_rfc3339_ms(json.loads(fields["created_at"]))
        assert began_ms == int(line.id.replace("-", "")[:12], 16), line.id
        session = CompletionFilter(session_id=json.loads(fields["session_id"]))
        calls = store.completions.page(organization_id, session, limit=_CHECKED).items
        assert line.id in [one.id for one in calls], line.id
    sources = store.reports.sources(organization_id)
    assert sum(one.count for one in sources) == count


def _write(store: Store, count: int, organization_id: str) -> None:
    lines = make_maker(count).lines(0, count)
    while some := list(islice(lines, _AT_ONCE)):
        records = [parse(line.replace(_SOURCE, _FIRST_SOURCE)) for line in some]
        for future in store.completions.put_many(organization_id, records):
            future.result()


def _wait_for_merges(connection: Connection) -> None:
    """Wait until the engine has merged what it merges by itself."""
    deadline = time.monotonic() + _MERGED_WITHIN_S
    while time.monotonic() < deadline:
        ((merges,),) = connection.ask("SELECT count() FROM system.merges", {})
        if not merges:
            return
        time.sleep(1)
