"""Addresses of databases: which kind one is, and the file of one in SQLite."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from log10_trace.errors import SetupError

POSTGRES: Final = ("postgresql://", "postgres://")
CLICKHOUSE: Final = ("clickhouse://", "clickhouses://")
EMBEDDED_CLICKHOUSE: Final = "chdb://"
_SQLITE: Final = "sqlite:///"
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/+")
"""One slash is a slip of who meant two; it is no name of a file, least of all with a password in it."""


def is_postgres(address: str) -> bool:
    """Whether the address is that of a PostgreSQL database."""
    return address.startswith(POSTGRES)


def is_clickhouse(address: str) -> bool:
    """Whether the address is that of a ClickHouse database, on a server or in this process."""
    return address.startswith((*CLICKHOUSE, EMBEDDED_CLICKHOUSE))


def is_file(address: str) -> bool:
    """Whether the address is that of a database in one file of this machine."""
    return not (is_postgres(address) or is_clickhouse(address))


def embedded_database(address: str) -> Path | None:
    """A path that stands for one database of the engine in this process; None of any other address.

    The engine itself lets one process have the folder.
    """
    if not address.startswith(EMBEDDED_CLICKHOUSE):
        return None
    parts = urlsplit(address)
    folder = Path(unquote(parts.path)).resolve()
    return folder.with_name(f"{folder.name}.{parts.query.rpartition('=')[2] or 'default'}")


def sqlite_path(address: str) -> Path:
    """The file of a SQLite database: a path, or one behind ``sqlite:///``; links in it are followed.

    Raises:
        SetupError: it is no path of a file.
    """
    if (scheme := _SCHEME.match(address)) and not address.startswith(_SQLITE):
        # Not the rest of it, which may hold a password.
        message = (
            f"The database address {scheme.group()}... is not understood. Name a file, sqlite:///path, "
            "postgresql://user:password@host/name or clickhouses://user:password@host/name."
        )
        raise SetupError(message)
    try:
        return Path(address.removeprefix(_SQLITE)).expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:  # no such user, a loop of links, a NUL
        message = f"The database {address!r} is no path that can be used: {error}."
        raise SetupError(message) from None
