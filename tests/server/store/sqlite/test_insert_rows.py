"""Rows are inserted many at once, whatever their number."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from log10_trace.server.store.sqlite.connection import insert_rows


def test_every_number_of_rows_is_inserted_in_order() -> None:
    """Each row once and with its own values, in few statements: one for up to sixteen rows."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE tags (number INTEGER PRIMARY KEY, organization_id, tag, position)")
        statements: list[str] = []
        connection.set_trace_callback(statements.append)
        for count in range(150):
            rows = [("org", f"tag {number}", number) for number in range(count)]
            statements.clear()
            insert_rows(connection, "insert_tag", rows)
            ran = len(statements)
            assert ran <= max(1, -(-count // 64) + 4), count
            assert ran == 1 or not 1 <= count <= 16
            found = connection.execute("SELECT organization_id, tag, position FROM tags ORDER BY number")
            assert found.fetchall() == rows
            connection.execute("DELETE FROM tags")
