"""The schema in PostgreSQL: its migrations, applied under a lock."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from psycopg import Connection

from log10_trace.errors import SetupError
from log10_trace.server.store.common.migrations import Migration, load_migrations, select_pending_migrations
from log10_trace.server.store.postgres.locks import MIGRATION_LOCK


def load_known_migrations() -> list[Migration]:
    """The migrations of this version, in order."""
    return load_migrations((files(__package__) / "migrations").iterdir())


def migrate(connection: Connection[Any]) -> None:
    """Bring the schema up to date in one transaction. Servers that start together wait for each other here.

    Raises:
        SetupError: the database was written by a newer version, or a migration was changed after the fact.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
        connection.execute(
            "CREATE TABLE IF NOT EXISTS log10_migrations (number int PRIMARY KEY, name text NOT NULL,"
            " checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        rows = connection.execute("SELECT number, checksum FROM log10_migrations").fetchall()
        for migration in select_pending_migrations(
            load_known_migrations(), dict(rows), "The PostgreSQL database"
        ):
            connection.execute(migration.text.encode())
            connection.execute(
                "INSERT INTO log10_migrations (number, name, checksum) VALUES (%s, %s, %s)",
                [migration.number, _short_name(migration), migration.checksum],
            )


def check_is_made(connection: Connection[Any]) -> None:
    """Raise ``SetupError`` when no version of ours has laid its schema."""
    found = connection.execute("SELECT to_regclass('log10_migrations') IS NOT NULL").fetchone()
    if found is None or not found[0]:
        message = "The PostgreSQL database holds nothing of log10-trace."
        raise SetupError(message)


def _short_name(migration: Migration) -> str:
    """``completions`` for ``0001_completions.sql``, as the table has them since the first version."""
    return migration.name.removesuffix(".sql").partition("_")[2]
