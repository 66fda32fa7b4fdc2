"""The list of migrations, and what a database lacks of it."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from log10_trace.errors import SetupError
from log10_trace.server.store.common.migrations import Migration, load_migrations, select_pending_migrations
from log10_trace.server.store.postgres import migrations as postgres
from log10_trace.server.store.sqlite import schema as sqlite

STEPS = [
    Migration(number, f"{number:04d}_step.sql", f"CREATE TABLE t{number} (a int);") for number in (1, 2, 3)
]
APPLIED = {step.number: step.checksum for step in STEPS}


def test_migrations_are_loaded_in_order_and_other_files_are_ignored(tmp_path: Path) -> None:
    """The number in the name of the file is the order; what is no migration is none."""
    for step in reversed(STEPS):
        (tmp_path / step.name).write_text(step.text, encoding="utf-8")
    for name in ("queries.sql", "0004_step.sql.orig", "004_step.sql", "__init__.py"):
        (tmp_path / name).write_text("nonsense", encoding="utf-8")

    assert load_migrations(tmp_path.iterdir()) == STEPS


def test_a_checksum_is_the_same_with_the_line_ends_of_any_system(tmp_path: Path) -> None:
    """A database that was made on one system is recognized on another."""
    (tmp_path / "0001_step.sql").write_bytes("SELECT 'é';\r\nSELECT 2;\r\n".encode())

    (step,) = load_migrations(tmp_path.iterdir())

    assert step.checksum == sha256("SELECT 'é';\nSELECT 2;\n".encode()).hexdigest()


@pytest.mark.parametrize("known", [sqlite.load_known_migrations(), postgres.load_known_migrations()])
def test_the_migrations_of_each_engine_are_numbered_without_a_gap(known: list[Migration]) -> None:
    """The number of the newest is how many there are."""
    assert [step.number for step in known] == list(range(1, len(known) + 1))


@pytest.mark.parametrize("count", range(4))
def test_what_was_not_applied_is_pending(count: int) -> None:
    """A new database needs every migration, an up-to-date one none."""
    applied = {step.number: step.checksum for step in STEPS[:count]}

    assert select_pending_migrations(STEPS, applied, "The database") == STEPS[count:]


def test_a_newer_schema_is_refused() -> None:
    """The message names the database, both versions, and what to do."""
    with pytest.raises(SetupError) as caught:
        select_pending_migrations(STEPS[:2], APPLIED, "The database")

    assert str(caught.value) == (
        "The database has schema 3, and this log10-trace knows 2: it was written by a newer version."
        " Upgrade log10-trace."
    )


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_migration_that_was_changed_is_refused(number: int) -> None:
    """Whichever it is, the message names its file."""
    with pytest.raises(SetupError) as caught:
        select_pending_migrations(STEPS, APPLIED | {number: "another"}, "The database")

    assert str(caught.value) == (
        f"The database was made with another migration {number} (000{number}_step.sql)"
        " than the one of this log10-trace."
    )
