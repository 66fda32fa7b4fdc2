"""The SQL statements of this store by name, from the .sql files of this folder."""

from __future__ import annotations

from importlib.resources import files

from log10_trace.server.store.common.named_sql import read_blocks


def load(file: str) -> dict[str, bytes]:
    """Every statement of one .sql file, by name.

    As bytes, which psycopg takes for SQL that no value was ever pasted into.
    """
    text = files(__package__).joinpath("sql", file).read_text(encoding="utf-8")
    return {name: statement.encode() for name, statement in read_blocks(text).items()}
