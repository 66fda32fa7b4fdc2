"""Opening a store on PostgreSQL: what is made there, and what is said when it cannot be."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from log10_trace.errors import SetupError
from log10_trace.server.store import open_store
from log10_trace.server.store.postgres.connections import ReadPool, settings
from log10_trace.server.store.postgres.migrations import load_known_migrations
from tests.server.postgres_cluster import Cluster, with_database

SECRET = "hunter2"


def test_servers_that_start_together_lay_the_schema_once(empty_postgres_url: str) -> None:
    """However many servers start on an empty database at once, each finds the whole schema, made once."""
    with ThreadPoolExecutor(6) as threads:
        stores = list(threads.map(open_store, [empty_postgres_url] * 6))
    for store in stores:
        store.close()

    with psycopg.connect(empty_postgres_url) as connection:
        rows = connection.execute("SELECT number, checksum FROM log10_migrations ORDER BY number").fetchall()
    assert rows == [(step.number, step.checksum) for step in load_known_migrations()]


def test_roll_ups_of_the_first_schema_are_carried_over(empty_postgres_url: str) -> None:
    """What older schemas held in a row for each bucket of durations, folded or not, is counted as before."""
    counts = "calls, failed, metered, input_tokens, output_tokens, cached_tokens"
    columns = f"dimension, key, model, bucket, {counts}"
    ended = "'none', '', 'gpt-4o', 73, 2, 0, 2, 1000000, 100000, 400000"
    running = "'none', '', 'a \"quoted\" model', -1, 1, 1, 1, 10, 5, 0"
    with psycopg.connect(empty_postgres_url) as connection:
        for step in load_known_migrations()[:4]:
            connection.execute(step.text)
        connection.execute(
            f"INSERT INTO rollups (organization_id, width, start, {columns})"
            f" SELECT 'org', width, 0, {ended} FROM unnest(ARRAY[0, 1, 60, 1440]) AS width"
        )
        connection.execute(
            f"INSERT INTO rollup_deltas (organization_id, start, {columns}) VALUES ('org', 0, {running})"
        )
        connection.execute(load_known_migrations()[4].text)
        rows = connection.execute(
            "SELECT dimension, key, width, calls, counts, durations"
            " FROM rollups ORDER BY dimension, key, width"
        ).fetchall()

    quoted, plain = {'a "quoted" model': [1, 1, 1, 10, 5, 0]}, {"gpt-4o": [2, 0, 2, 1000000, 100000, 400000]}
    sums = [
        ("model", 'a "quoted" model', 1, quoted, []),
        ("model", "gpt-4o", 2, plain, [73, 2]),
        ("none", "", 3, quoted | plain, [73, 2]),
    ]
    assert [(*place, json.loads(each), json.loads(times)) for *place, each, times in rows] == [
        (dimension, key, width, *rest) for dimension, key, *rest in sums for width in (0, 1, 60, 1440)
    ]


def test_a_newer_schema_is_refused(postgres_url: str) -> None:
    """A database that a newer version wrote is left alone, and the sentence says what to do."""
    open_store(postgres_url).close()
    with psycopg.connect(postgres_url) as connection:
        connection.execute("INSERT INTO log10_migrations (number, name, checksum) VALUES (99, 'later', '')")

    with pytest.raises(SetupError, match=r"schema 99.*newer version"):
        open_store(postgres_url)


def test_a_changed_migration_is_refused(postgres_url: str) -> None:
    """A database whose migration is not the one of this version is left alone."""
    open_store(postgres_url).close()
    with psycopg.connect(postgres_url) as connection:
        connection.execute("UPDATE log10_migrations SET checksum = 'x' WHERE number = 1")

    with pytest.raises(SetupError, match="migration 1 "):
        open_store(postgres_url)


def test_a_database_of_another_encoding_is_refused(postgres_server: str) -> None:
    """A database that cannot hold every text is refused before anything is written to it."""
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
        try:
            with pytest.raises(SetupError, match="ENCODING 'UTF8'"):
                open_store(with_database(postgres_server, "latin"))
        finally:
            connection.execute("DROP DATABASE latin")


def test_a_wrong_password_is_one_sentence(postgres_cluster: Cluster) -> None:
    """A wrong password is said in one sentence, without the password."""
    with pytest.raises(SetupError, match="password authentication failed") as caught:
        open_store(postgres_cluster.url_of("postgres", password=SECRET))

    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_database_that_is_not_there_is_one_sentence(postgres_server: str) -> None:
    """A missing database is named."""
    with pytest.raises(SetupError, match='database "nowhere" does not exist'):
        open_store(with_database(postgres_server, "nowhere"))


def test_a_server_that_does_not_answer_is_one_sentence() -> None:
    """Where nothing listens, the sentence says where and why, without the password."""
    with pytest.raises(SetupError, match=r'at "127\.0\.0\.1", port 1 .*Connection refused') as caught:
        open_store(f"postgresql://somebody:{SECRET}@127.0.0.1:1/log10")

    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://somebody:{SECRET}@half@nowhere.invalid/log10",
        f"postgresql://somebody:{SECRET}/half@127.0.0.1/log10",
        f"postgresql://somebody:{SECRET}@127.0.0.1:port/log10",
        f"postgresql://somebody:%zz{SECRET}@127.0.0.1/log10",
    ],
)
def test_an_address_that_cannot_be_read_is_not_repeated(url: str) -> None:
    """A password with unescaped marks makes an address nobody can read; no part of it is printed."""
    with pytest.raises(SetupError, match="characters such as") as caught:
        open_store(url)

    assert SECRET not in str(caught.value)
    assert "half" not in str(caught.value)


WITHOUT_PSYCOPG = """
import sys
sys.modules["psycopg"] = None
import log10_trace.server.app
from log10_trace.cli import main
sys.argv = ["log10-trace", "serve", "--database", "postgresql://somebody:hunter2@127.0.0.1/log10"]
sys.exit(main())
"""


def test_without_psycopg_the_missing_extra_is_named() -> None:
    """Without the extra the server imports, and asking for PostgreSQL says what to install."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PSYCOPG], capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == 1
    assert "pip install 'log10-trace[postgres]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stderr + done.stdout


@pytest.mark.parametrize("url", ["postgresql://somebody:hunter2@127.0.0.1:1/log10"])
def test_serve_says_in_one_line_that_the_database_does_not_answer(url: str) -> None:
    """``log10-trace serve`` on a database that is not there ends with one line on stderr."""
    command = [sys.executable, "-m", "log10_trace", "serve", "--port", "0", "--database", url]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "Connection refused" in done.stderr
    assert SECRET not in done.stderr + done.stdout


def test_questions_are_not_compiled(postgres_url: str) -> None:
    """Compiling a plan takes longer than the question itself; readers go without, and cannot write."""
    pool = ReadPool(settings(postgres_url), connections=1)
    try:
        with pool.connection() as connection:
            shown = [
                connection.execute(f"SHOW {name}").fetchone() for name in ("jit", "transaction_read_only")
            ]
    finally:
        pool.close()
    assert shown == [("off",), ("on",)]
