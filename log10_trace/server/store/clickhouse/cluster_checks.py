"""What a cluster must have before tables are made on it, and sentences about what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NoReturn

from clickhouse_connect.driver.exceptions import ClickHouseError

from log10_trace.errors import SetupError
from log10_trace.server.store.clickhouse.address import ClickHouseAddress
from log10_trace.server.store.clickhouse.connections import Connection

_MACROS: Final = ("shard", "replica")
_ENGINE: Final = "Atomic"
"""Of databases: those of the engine ``Replicated`` take no statement that names a cluster."""


def check_cluster(connection: Connection, address: ClickHouseAddress) -> None:
    """Look at every host of the cluster that answers. Nothing is written.

    Raises:
        SetupError: the server knows no cluster of this name, or a host lacks the database, a macro or Keeper.
    """
    if address.cluster is None:
        return
    name = address.cluster.name
    shards = [int(shard) for (shard,) in connection.rows("cluster_hosts", {"cluster": name})]
    if not shards:
        known = ", ".join(each for (each,) in connection.rows("clusters", {})) or "none"
        message = (
            f"The ClickHouse server at {address.place} knows no cluster {name!r}, which ?cluster= names; it"
            f" knows: {known}. Clusters are written in remote_servers of its configuration."
        )
        raise SetupError(message)
    hosts = {int(number): str(host) for number, host in connection.rows("answering_hosts", {"cluster": name})}
    _check_database(connection, address, hosts)
    found: dict[int, dict[str, str]] = {number: {} for number in hosts}
    for number, macro, value in connection.rows("macros", {"cluster": name}):
        found[number][macro] = value
    check_macros(hosts, shards, found)
    _check_keeper(connection, name)


def check_macros(
    hosts: Mapping[int, str], shards: Sequence[int], found: Mapping[int, Mapping[str, str]]
) -> None:
    """Whether each host knows which replica of which shard it is.

    Args:
        hosts: the names of the hosts that answer, by their number.
        shards: the shard of each host of the cluster, in the order of the numbers, which begin at 1.
        found: the macros of each host that answers, by its number.

    Raises:
        SetupError: one lacks a macro, or two hosts contradict each other.
    """
    shard_of: dict[str, int] = {}
    replicas: dict[tuple[str, str], str] = {}
    for number, host in hosts.items():
        missing = [macro for macro in _MACROS if not found[number].get(macro)]
        if missing:
            _refuse(f"The ClickHouse host {host} has no macro {{{missing[0]}}}")
        shard, replica = (found[number][macro] for macro in _MACROS)
        if shard_of.setdefault(shard, shards[number - 1]) != shards[number - 1]:
            _refuse(f"The ClickHouse host {host} has the macro {{shard}} = {shard!r} of another shard")
        if (other := replicas.setdefault((shard, replica), host)) != host:
            _refuse(f"The ClickHouse hosts {other} and {host} have the same macros {{shard}} and {{replica}}")


def _check_database(connection: Connection, address: ClickHouseAddress, hosts: Mapping[int, str]) -> None:
    assert address.cluster is not None  # noqa: S101 -- asked of clusters only
    database, name = address.database, address.cluster.name
    values = {"cluster": name, "database": database}
    engines = {int(number): str(engine) for number, engine in connection.rows("databases", values)}
    lacking = [host for number, host in hosts.items() if number not in engines]
    if lacking:
        message = (
            f"The ClickHouse host {lacking[0]} has no database {database}. Make it on all hosts:"
            f" CREATE DATABASE IF NOT EXISTS {database} ON CLUSTER '{name}'."
        )
        raise SetupError(message)
    other = [(hosts[number], engine) for number, engine in engines.items() if engine != _ENGINE]
    if other:
        message = (
            f"The database {database} on the ClickHouse host {other[0][0]} has the engine {other[0][1]}, with"
            f" which ?cluster= does not go. Make it with the engine {_ENGINE}."
        )
        raise SetupError(message)


def _check_keeper(connection: Connection, name: str) -> None:
    try:
        connection.rows("keeper", {})
    except ClickHouseError:
        message = (
            f"The ClickHouse cluster {name!r} has no Keeper that answers, without which there are no"
            " replicas: name it in the section zookeeper of the configuration of every host."
        )
        raise SetupError(message) from None


def _refuse(what: str) -> NoReturn:
    message = (
        f"{what}. In the section macros of its configuration each host says which it is: all replicas of a"
        " shard have one {shard}, and each a {replica} of its own."
    )
    raise SetupError(message)
