"""The schema in ClickHouse: its migrations, which bear being applied twice by servers that start together."""

from __future__ import annotations

from importlib.resources import files

from log10_trace.errors import SetupError
from log10_trace.server.store.clickhouse.connections import Connection
from log10_trace.server.store.common.migrations import Migration, load_migrations, select_pending_migrations

_BETWEEN = "\n;\n"


def load_known_migrations() -> list[Migration]:
    """The migrations of this version, in order."""
    return load_migrations((files(__package__) / "migrations").iterdir())


def migrate(connection: Connection, database: str, *, must_exist: bool = False) -> None:
    """Bring the schema up to date. Every statement does nothing where it was run before.

    Raises:
        SetupError: the database is another program's, was written by a newer version, or a migration was
            changed after the fact; or it has no schema of ours and ``must_exist``.
    """
    names = {name for (name,) in connection.rows("tables", {"database": database})}
    if "log10_migrations" not in names:
        _refuse_foreign(names, database)
        if must_exist:
            message = f"The ClickHouse database {database} holds nothing of log10-trace."
            raise SetupError(message)
        connection.execute("create_migrations")
    applied = {int(number): str(checksum) for number, checksum in connection.rows("migrations", {})}
    name = f"The ClickHouse database {database}"
    for migration in select_pending_migrations(load_known_migrations(), applied, name):
        for statement in migration.text.split(_BETWEEN):
            connection.run(statement)
        row = (migration.number, migration.name.removesuffix(".sql"), migration.checksum)
        connection.insert("log10_migrations", [row])


def _refuse_foreign(names: set[str], database: str) -> None:
    """Nothing is written beside the tables of another program, which may have the names of ours."""
    if names:
        message = (
            f"The ClickHouse database {database} holds tables of another program, such as {min(names)}."
            " Give log10-trace a database of its own: CREATE DATABASE log10."
        )
        raise SetupError(message)
