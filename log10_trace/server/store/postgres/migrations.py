"""The schema: numbered .sql files, each applied once, in order, and never changed afterwards."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from psycopg import Connection

from log10_trace.errors import SetupError
from log10_trace.server.store.postgres.locks import MIGRATION_LOCK


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema: its number, its name, its SQL, and the fingerprint of that SQL."""

    number: int
    name: str
    text: bytes

    @property
    def checksum(self) -> str:
        """SHA-256 of the SQL."""
        return hashlib.sha256(self.text).hexdigest()


def known() -> list[Migration]:
    """Every migration this version brings, in order: ``0001_name.sql``, ``0002_name.sql``, ..."""
    steps = []
    for file in files(__package__).joinpath("migrations").iterdir():
        number, _, name = file.name.removesuffix(".sql").partition("_")
        steps.append(Migration(int(number), name, file.read_bytes()))
    return sorted(steps, key=lambda step: step.number)


def migrate(connection: Connection[Any]) -> list[str]:
    """Bring the schema up to date in one transaction; gives the names of what was applied.

    Servers that start together wait for each other here.

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
        pending = _pending(known(), dict(rows))
        for step in pending:
            connection.execute(step.text)
            connection.execute(
                "INSERT INTO log10_migrations (number, name, checksum) VALUES (%s, %s, %s)",
                [step.number, step.name, step.checksum],
            )
    return [step.name for step in pending]


def _pending(steps: list[Migration], applied: dict[int, str]) -> list[Migration]:
    newest = max(applied, default=0)
    if newest > len(steps):
        message = (
            f"The PostgreSQL database has schema {newest}, and this log10-trace knows {len(steps)}:"
            " it was written by a newer version. Install that version here."
        )
        raise SetupError(message)
    for step in steps:
        if step.number in applied and applied[step.number] != step.checksum:
            message = f"Migration {step.number} ({step.name}) of the database is not the one of this version."
            raise SetupError(message)
    return [step for step in steps if step.number not in applied]
