"""Migrations of a schema: numbered .sql files, each applied once, in order, and never changed afterwards."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from log10_trace.errors import SetupError

_FILE_NAME: Final = re.compile(r"([0-9]{4})_\w+\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of a schema: its number from 1 on, the name of its file, and its SQL."""

    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the SQL, by which a database knows what was applied to it."""
        return hashlib.sha256(self.text.encode()).hexdigest()


class File(Protocol):
    """A file of the package, wherever that is installed."""

    @property
    def name(self) -> str:
        """Its name, without the folder."""

    def read_text(self, encoding: str) -> str:
        """Its text, each line ended by a line feed."""


def load_migrations(files: Iterable[File]) -> list[Migration]:
    """The migrations among files, in order: ``0001_name.sql``, ``0002_name.sql``, ... Others are ignored."""
    found = [(match, file) for file in files if (match := _FILE_NAME.fullmatch(file.name))]
    migrations = [Migration(int(match[1]), file.name, file.read_text("utf-8")) for match, file in found]
    return sorted(migrations, key=lambda migration: migration.number)


def select_pending_migrations(
    migrations: Sequence[Migration], applied: Mapping[int, str], database: str
) -> list[Migration]:
    """Those of ``migrations`` that a database lacks, in order.

    Args:
        migrations: all that this version knows.
        applied: the checksum of each applied one, by number.
        database: what messages call it, at the beginning of a sentence.

    Raises:
        SetupError: a newer version wrote the database, or a migration was changed after it was applied.
    """
    newest = max(applied, default=0)
    if newest > len(migrations):
        message = (
            f"{database} has schema {newest}, and this log10-trace knows {len(migrations)}:"
            " it was written by a newer version. Upgrade log10-trace."
        )
        raise SetupError(message)
    for migration in migrations:
        if applied.get(migration.number, migration.checksum) != migration.checksum:
            message = (
                f"{database} was made with another migration {migration.number} ({migration.name})"
                " than the one of this log10-trace."
            )
            raise SetupError(message)
    return [migration for migration in migrations if migration.number not in applied]
