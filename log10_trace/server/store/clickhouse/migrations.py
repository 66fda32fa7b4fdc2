"""The schema in ClickHouse: its migrations, which bear being applied twice by servers that start together."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from importlib.resources import files

from log10_trace.errors import SetupError
from log10_trace.server.store.clickhouse.address import ClickHouseAddress, Cluster
from log10_trace.server.store.clickhouse.cluster import (
    SHARDING_KEYS,
    create_over,
    write_copy,
    write_migration,
)
from log10_trace.server.store.clickhouse.connections import Connection
from log10_trace.server.store.clickhouse.queries import SQL
from log10_trace.server.store.common.migrations import Migration, load_migrations, select_pending_migrations

_BETWEEN = "\n;\n"
_GRANULARITY = ("index_granularity = 8192", "index_granularity = 1024")
"""Rows of a granule, which no table changes: what migrations say, and what tables are made with now.

Lists read few rows from many places, and of each place a granule.
"""


def load_known_migrations() -> list[Migration]:
    """The migrations of this version, in order."""
    return load_migrations((files(__package__) / "migrations").iterdir())


def migrate(connection: Connection, address: ClickHouseAddress, *, must_exist: bool = False) -> None:
    """Bring the schema up to date. Every statement does nothing where it was run before.

    Raises:
        SetupError: the database is another program's, was written by a newer version, or a migration was
            changed after the fact; or it has no schema of ours and ``must_exist``.
    """
    database, cluster = address.database, address.cluster
    tables = connection.rows("tables", {"database": database})
    engines = {str(name): str(engine) for name, engine in tables}
    names = engines.keys()
    if "log10_migrations" not in names:
        _refuse_foreign(names, database)
        if must_exist:
            message = f"The ClickHouse database {database} holds nothing of log10-trace."
            raise SetupError(message)
        _run(connection, SQL["create_migrations"], cluster)
    _refuse_other_kind(engines, address)
    applied = {int(number): str(checksum) for number, checksum in connection.rows("migrations", {})}
    name = f"The ClickHouse database {database}"
    known = load_known_migrations()
    pending = select_pending_migrations(known, applied, name)
    if cluster is not None:
        _check_shards(connection, cluster)
        if applied and _lacks_tables(connection, cluster):
            _copy_tables(connection, cluster)
    for migration in pending:
        for statement in migration.text.split(_BETWEEN):
            _run(connection, statement.replace(*_GRANULARITY), cluster)
        row = (migration.number, migration.name.removesuffix(".sql"), migration.checksum)
        connection.insert("log10_migrations", [row])


def _check_shards(connection: Connection, cluster: Cluster) -> None:
    """Which shard a row is on follows from how many there are, and rows do not move."""
    ((now,),) = connection.rows("shards", {"cluster": cluster.name})
    then = next((int(name) for (name,) in connection.rows("shards_then", {})), None)
    if then is None:
        connection.insert("log10_migrations", [(0, str(now), "")])
    elif then != now:
        message = (
            f"The ClickHouse database {cluster.database} was made for {then} shards, and the cluster"
            f" {cluster.name!r} has {now}. Copy it with log10-trace migrate to one that is made on these."
        )
        raise SetupError(message)


def _lacks_tables(connection: Connection, cluster: Cluster) -> bool:
    """Whether a host of the cluster has no tables, such as one that joined it since they were made."""
    hosts = connection.rows("answering_hosts", {"cluster": cluster.name})
    values = {"cluster": cluster.name, "database": cluster.database}
    ((with_tables,),) = connection.rows("hosts_with_tables", values)
    return int(with_tables) < len(hosts)


def _copy_tables(connection: Connection, cluster: Cluster) -> None:
    """Make each table where it is missing, as the hosts that have it do: replicas are made alike."""
    values = {"cluster": cluster.name, "database": cluster.database}
    statements = [str(statement) for (statement,) in connection.rows("statements_of_tables", values)]
    for statement in statements:
        connection.run(write_copy(statement, cluster))
    for name in SHARDING_KEYS:
        if any(f"{name}_local" in statement for statement in statements):  # a later migration makes others
            connection.run(create_over(name, cluster))


def _run(connection: Connection, statement: str, cluster: Cluster | None) -> None:
    for one in write_migration(statement, cluster):
        connection.run(one)


def _refuse_other_kind(engines: Mapping[str, str], address: ClickHouseAddress) -> None:
    """A database was made for one server or for a cluster, and stays that."""
    over = engines.get("completions", "")
    made_for = re.match(r"Distributed\('([^']*)'", over)
    wanted = address.cluster
    if not over or (made_for[1] if made_for else None) == (wanted.name if wanted else None):
        return
    name = f"The ClickHouse database {address.database}"
    if made_for:
        message = (
            f"{name} was made for the cluster {made_for[1]!r}: add ?cluster={made_for[1]} to its address."
        )
    else:
        message = (
            f"{name} was made for one server, so ?cluster= cannot be used with it. Copy it to a database of"
            " another name with log10-trace migrate."
        )
    raise SetupError(message)


def _refuse_foreign(names: Collection[str], database: str) -> None:
    """Nothing is written beside the tables of another program, which may have the names of ours."""
    if names:
        message = (
            f"The ClickHouse database {database} holds tables of another program, such as {min(names)}."
            " Give log10-trace a database of its own: CREATE DATABASE log10."
        )
        raise SetupError(message)
