"""Addresses of ClickHouse databases. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from log10_trace.errors import SetupError

_PORTS: Final = {"clickhouse": 8123, "clickhouses": 8443}
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CLUSTER: Final = re.compile(r"[A-Za-z0-9_.-]+")
_DATABASE: Final = "log10"
_BAD: Final = (
    "The address of the ClickHouse database cannot be used. It reads clickhouse://user:password@host:8123/name,"
    " clickhouses:// with TLS (port 8443), both with ?cluster=NAME for a cluster, or chdb:///folder for the"
    " engine in this process; characters such as @ : / ? # in a password are written %40 %3A %2F %3F %23."
)


class Cluster(NamedTuple):
    """A cluster as the configuration of its servers names it, and the database on each of them."""

    name: str
    database: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickHouseAddress:
    """Where a database is, and who asks for it."""

    database: str
    folder: str = ""
    """Of the engine in this process; empty for a server."""
    host: str = ""
    port: int = 0
    is_secure: bool = False
    username: str = ""
    password: str = ""
    cluster: Cluster | None = None
    """The cluster on all of whose servers the database is; None for one server."""

    @property
    def is_embedded(self) -> bool:
        """Whether the engine runs in this process."""
        return bool(self.folder)

    @property
    def place(self) -> str:
        """Where it is, as messages say it."""
        return self.folder or f"{self.host}:{self.port}"


def parse_address(url: str) -> ClickHouseAddress:
    """The parts of an address.

    Raises:
        SetupError: it cannot be understood. The message does not repeat it: it holds a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise SetupError(_BAD) from None
    is_embedded = parts.scheme == "chdb"
    if unknown := options.keys() - {"cluster"} - ({"database"} if is_embedded else set()):
        message = f"The address of the ClickHouse database has an option that is unknown: {min(unknown)!r}."
        raise SetupError(message)
    if is_embedded:
        if parts.netloc or parts.path in ("", "/"):
            raise SetupError(_BAD)
        name = _check_name(options.get("database", _DATABASE))
        return ClickHouseAddress(database=name, folder=unquote(parts.path), cluster=_cluster(options, name))
    if parts.hostname is None:
        raise SetupError(_BAD)
    name = _check_name(unquote(parts.path.strip("/")) or _DATABASE)
    return ClickHouseAddress(
        database=name,
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        is_secure=parts.scheme == "clickhouses",
        username=unquote(parts.username or "default"),
        password=unquote(parts.password or ""),
        cluster=_cluster(options, name),
    )


def _cluster(options: dict[str, str], database: str) -> Cluster | None:
    name = options.get("cluster")
    if name is None:
        return None
    if not _CLUSTER.fullmatch(name):
        message = (
            f"The cluster {name!r} in the address of ClickHouse is no name of a cluster: letters, digits, and"
            " . _ - between them, as in the table system.clusters."
        )
        raise SetupError(message)
    return Cluster(name, database)


def _check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        message = (
            f"The database {name!r} in the address of ClickHouse is no name of a database: letters, digits"
            " and underscores, a letter first."
        )
        raise SetupError(message)
    return name
