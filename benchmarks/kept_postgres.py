"""A PostgreSQL of the benchmarks' own that is kept between runs, with a filled database in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg

from benchmarks.records import Maker
from benchmarks.seed_database import fill
from benchmarks.server import DURABLE, ORGANIZATION
from tests.server.postgres_cluster import Cluster, find_binaries, with_database

_UNFINISHED: Final = "unfinished"


@contextmanager
def kept_database(folder: Path, count: int) -> Iterator[tuple[Cluster, str]]:
    """A cluster in ``folder`` and the URL of its database of ``count`` records; both are made where missing.

    The cluster runs as long as the block does, or as it did before. A database that was not filled to its
    end is filled anew.
    """
    with _running(folder) as cluster:
        name = f"records_{count}"
        with psycopg.connect(cluster.url, autocommit=True) as connection:
            query = "SELECT 1 FROM pg_database WHERE datname = %s"
            if not connection.execute(query, [name]).fetchone():
                connection.execute(f"DROP DATABASE IF EXISTS {_UNFINISHED} WITH (FORCE)")
                connection.execute(f"CREATE DATABASE {_UNFINISHED}")
                fill(with_database(cluster.url, _UNFINISHED), Maker(count), count, ORGANIZATION)
                connection.execute(f"ALTER DATABASE {_UNFINISHED} RENAME TO {name}")
        yield cluster, with_database(cluster.url, name)


def cluster_cpu_s(cluster: Cluster) -> float:
    """The processor time that the server and its connections have used, those that ended as well."""
    ticks = 0
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = file.read_text().rsplit(")", 1)[1].split()
        except OSError:  # it ended
            continue
        if int(fields[1]) == cluster.pid:
            ticks += int(fields[11]) + int(fields[12])
        elif file.parent.name == str(cluster.pid):
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def _running(folder: Path) -> Iterator[Cluster]:
    binaries = find_binaries()
    assert binaries is not None, "PostgreSQL is not installed"
    is_laid = (folder / "data").exists()
    folder.mkdir(parents=True, exist_ok=True)
    cluster = Cluster(folder.resolve(), binaries)
    if not is_laid:
        cluster.create(DURABLE)
    was_running = cluster.is_running()
    if not was_running:
        cluster.start()
    try:
        yield cluster
    finally:
        if not was_running:
            cluster.stop()
