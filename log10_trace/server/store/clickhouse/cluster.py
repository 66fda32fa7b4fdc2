"""Statements for a cluster of ClickHouse servers, made of those for one server. Pure.

What grows with the calls is spread over the shards: such a table is ``NAME_local`` on every shard, and
``NAME`` is the table over all of them, which is what queries and inserts name. Everything else (keys, tasks,
feedback, sessions that were made, what was deleted) is small, and is read together with records or must be
one for all: each host has all of it, whichever shard it belongs to, so no query about it leaves the host.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from log10_trace.server.store.clickhouse.address import Cluster
from log10_trace.server.store.clickhouse.queries import SQL
from log10_trace.server.store.clickhouse.record_rows import SLOTS

SHARDING_KEYS: Final = {
    "deliveries": "sipHash64(organization_id, id)",
    # A place names the slot of the record's session, or of its id, and stays what it is whatever comes later.
    "completions": f"bitAnd(place, {SLOTS - 1})",
    "arrivals": "sipHash64(organization_id, source)",
    "changes": "sipHash64(server, number)",
    "day_writes": "sipHash64(organization_id, day)",
}
"""What says on which shard a row is, for each table that is spread over the shards."""

_CREATE: Final = re.compile(r"^CREATE TABLE IF NOT EXISTS (\w+) \(", re.MULTILINE)
_ENGINE: Final = re.compile(r"\bENGINE = (\w*MergeTree)\b(?:\(([^)]*)\))?")
_VIEW: Final = re.compile(r"^CREATE MATERIALIZED VIEW IF NOT EXISTS (\w+) TO (\w+) AS", re.MULTILINE)
_FROM: Final = re.compile(r"\bFROM (\w+)")
_CHANGE: Final = re.compile(r"^(ALTER TABLE|DELETE FROM) (\w+)", re.MULTILINE)
_DROP: Final = re.compile(r"^(DROP (?:TABLE|VIEW) IF EXISTS) (\w+)", re.MULTILINE)
_MADE: Final = re.compile(r"^CREATE (TABLE|MATERIALIZED VIEW) (\S+)")
_OF_A_HOST: Final = {"system.parts": "cluster", "system.mutations": "clusterAllReplicas"}
"""Tables of the engine about the rows of one host, and how those of the others are read with them."""


def write_migration(statement: str, cluster: Cluster | None) -> list[str]:
    """The statements that do on every host what a statement of a migration does on one server.

    Raises:
        ValueError: it is of a kind that no migration has had yet.
    """
    if cluster is None:
        return [statement]
    if created := _CREATE.search(statement):
        return _create_tables(statement, created, cluster)
    if view := _VIEW.search(statement):
        rest = _FROM.sub(lambda found: f"FROM {_local(found[1])}", statement[view.end() :])
        head = (
            f"CREATE MATERIALIZED VIEW IF NOT EXISTS {view[1]}{on_cluster(cluster)} TO {_local(view[2])} AS"
        )
        return [head + rest]
    if changed := _CHANGE.search(statement):
        over = [create_over(changed[2], cluster)] if changed[2] in SHARDING_KEYS else []
        return [_change(statement, changed, cluster), *over]
    if _DROP.search(statement):
        return [_DROP.sub(lambda found: f"{found[1]} {found[2]}{on_cluster(cluster)}", statement)]
    message = f"a migration cannot be written for a cluster: {statement[:80]!r}"
    raise ValueError(message)


def write_copy(statement: str, cluster: Cluster) -> str:
    """The statement that makes a table on each host that lacks it, of the one that made it."""
    return _MADE.sub(
        lambda found: f"CREATE {found[1]} IF NOT EXISTS {found[2]}{on_cluster(cluster)}", statement
    )


def create_over(name: str, cluster: Cluster) -> str:
    """The table over all shards: it holds no rows, so it is made anew when the columns have changed."""
    engine = f"Distributed('{cluster.name}', '{cluster.database}', '{_local(name)}', {SHARDING_KEYS[name]})"
    return f"CREATE OR REPLACE TABLE {name}{on_cluster(cluster)} AS {_local(name)} ENGINE = {engine}"


@cache
def sql_for(cluster: Cluster | None) -> dict[str, str]:
    """The store's statements by name."""
    if cluster is None:
        return SQL
    return {name: _write_statement(text, cluster) for name, text in SQL.items()}


def on_cluster(cluster: Cluster) -> str:
    """What has a statement run on every host."""
    return f" ON CLUSTER '{cluster.name}'"


def replicate(engine: str, arguments: str, *, path: str, replica: str) -> str:
    """The engine of a table whose rows every replica has."""
    given = f", {arguments}" if arguments else ""
    return f"Replicated{engine}('{path}', '{replica}'{given})"


def _write_statement(statement: str, cluster: Cluster) -> str:
    for table, function in _OF_A_HOST.items():
        if table in statement:
            statement = statement.replace(table, f"{function}('{cluster.name}', {table})")
            for name in SHARDING_KEYS:
                statement = statement.replace(f"'{name}'", f"'{name}_local'")
    changed = _CHANGE.search(statement)
    return _change(statement, changed, cluster) if changed else statement


def _change(statement: str, changed: re.Match[str], cluster: Cluster) -> str:
    """A replica tells the others of its table by itself, and no other shard of what is spread over them."""
    name = changed[2]
    target = f"{_local(name)}{on_cluster(cluster)}" if name in SHARDING_KEYS else name
    return f"{statement[: changed.start()]}{changed[1]} {target}{statement[changed.end() :]}"


def _create_tables(statement: str, created: re.Match[str], cluster: Cluster) -> list[str]:
    name, is_sharded = created[1], created[1] in SHARDING_KEYS
    # A path that says which table of which database this is, and no more: a host that joins the cluster
    # later makes its tables anew, and has to find the others'.
    where = "{shard}" if is_sharded else "all"
    path = f"/clickhouse/tables/{where}/{cluster.database}/{_local(name)}"
    replica = "{replica}" if is_sharded else "{shard}-{replica}"
    engine = _ENGINE.sub(
        lambda found: f"ENGINE = {replicate(found[1], found[2] or '', path=path, replica=replica)}", statement
    ).replace("non_replicated_deduplication_window", "replicated_deduplication_window")
    head = f"CREATE TABLE IF NOT EXISTS {_local(name)}{on_cluster(cluster)} ("
    table = engine[: created.start()] + head + engine[created.end() :]
    return [table, create_over(name, cluster)] if is_sharded else [table]


def _local(name: str) -> str:
    return f"{name}_local" if name in SHARDING_KEYS else name
