"""Writes calls into a SQLite file (``sqlite_schema.sql``), one after the other, in bounded memory."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any, Final

from log10_trace.domain.text_extraction import preview
from log10_trace.errors import SetupError
from log10_trace.table_files.message_rows import MessageRow
from log10_trace.table_files.part_file import PartFile
from log10_trace.table_files.rows import CallRow, ExportedCall

_APPLICATION_ID: Final = 0x4C313058
_VERSION: Final = 1
"""Of the tables. A file of another version is not gone on with."""
_CALLS_AT_ONCE: Final = 500
_BYTES_AT_ONCE: Final = 32 << 20
"""Of records, between two commits."""

_RECORDS: Final = """CREATE TABLE IF NOT EXISTS records (
    call_id TEXT PRIMARY KEY REFERENCES calls (id),
    record TEXT NOT NULL       -- JSON, as the server keeps it
)"""
_CALL_COLUMNS: Final = tuple(field.name for field in dataclasses.fields(CallRow))
_MESSAGE_COLUMNS: Final = tuple(
    field.name for field in dataclasses.fields(MessageRow) if field.name != "tool_calls"
)


def _insert(table: str, *columns: str) -> str:
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    return f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 -- names of this module


_ADD_CALL: Final = _insert("calls", *_CALL_COLUMNS)
_ADD_MESSAGE: Final = _insert("messages", "call_id", "position", *_MESSAGE_COLUMNS)
_ADD_TOOL_CALL: Final = _insert(
    "tool_calls", "call_id", "message_id", "part", "tool_call_id", "name", "arguments"
)
_ADD_TAG: Final = _insert("tags", "call_id", "tag")
_ADD_METADATA: Final = "INSERT OR IGNORE INTO metadata (call_id, key, value) VALUES (?, ?, ?)"
_ADD_SESSION: Final = "INSERT OR IGNORE INTO sessions (id, title, first_call_at) VALUES (?, ?, ?)"
_ADD_RECORD: Final = _insert("records", "call_id", "record")


class SQLiteFile:
    """An open export, to which calls are added."""

    def __init__(self, connection: sqlite3.Connection, *, bodies: bool) -> None:
        self._connection = connection
        self._bodies = bodies
        self._calls = self._bytes = 0
        if bodies:
            connection.execute(_RECORDS)
        tables = connection.execute("SELECT name FROM sqlite_master WHERE name = 'records'").fetchall()
        self._dependent = ("tool_calls", "messages", "tags", "metadata", *(name for (name,) in tables))
        # The index is made anew at the end. Until then it finds nothing, rather than something else.
        connection.execute("INSERT INTO messages_fts (messages_fts) VALUES ('delete-all')")

    def add(self, call: ExportedCall) -> bool:
        """Add a call; False if it is there already. One that had not ended is replaced by one that has."""
        known = self._connection.execute("SELECT status FROM calls WHERE id = ?", (call.call.id,)).fetchone()
        if known is not None and (known[0] != "started" or call.call.status == "started"):
            return False
        try:
            if known is not None:
                self._remove(call.call.id)
            self._insert(call)
        except BaseException:  # half a call is none; those before it in the transaction are asked for again
            self._connection.rollback()
            raise
        self._calls, self._bytes = self._calls + 1, self._bytes + len(call.record)
        if self._calls >= _CALLS_AT_ONCE or self._bytes >= _BYTES_AT_ONCE:
            self._connection.commit()
            self._calls = self._bytes = 0
        return True

    def finish(self) -> None:
        """Index the words of all messages."""
        self._connection.execute("INSERT INTO messages_fts (messages_fts) VALUES ('rebuild')")
        self._connection.execute("ANALYZE")
        self._connection.commit()

    def _insert(self, call: ExportedCall) -> None:
        execute, call_id = self._connection.execute, call.call.id
        columns = [_to_column(getattr(call.call, name)) for name in _CALL_COLUMNS]
        if call.call.session_id is not None:
            title = preview(call.call.question or "") or None
            execute(_ADD_SESSION, (call.call.session_id, title, _to_column(call.call.created_at)))
        execute(_ADD_CALL, columns)
        self._connection.executemany(_ADD_TAG, [(call_id, tag) for tag in call.tags])
        self._connection.executemany(_ADD_METADATA, [(call_id, *pair) for pair in call.metadata])
        for position, message in enumerate(call.messages, 1):
            of_message = (getattr(message, name) for name in _MESSAGE_COLUMNS)
            message_id = execute(_ADD_MESSAGE, (call_id, position, *of_message)).lastrowid
            of_tools = [(call_id, message_id, message.part, *tool) for tool in message.tool_calls]
            self._connection.executemany(_ADD_TOOL_CALL, of_tools)
        if self._bodies:
            execute(_ADD_RECORD, (call_id, call.record))

    def _remove(self, call_id: str) -> None:
        for table in self._dependent:
            self._connection.execute(f"DELETE FROM {table} WHERE call_id = ?", (call_id,))  # noqa: S608 -- as above
        self._connection.execute("DELETE FROM calls WHERE id = ?", (call_id,))


@contextmanager
def write_sqlite_file(
    file: Path, *, bodies: bool = False, resume: bool = False, overwrite: bool = False
) -> Iterator[SQLiteFile]:
    """Open an export at ``file``; it has its name when the block has ended.

    Whole calls are kept of a block that raises: with ``resume`` the export goes on with them, or adds to a
    whole file what it lacks.

    Raises:
        SetupError: the file is there already, is something else, or cannot be written.
    """
    part = PartFile(file)
    if overwrite:
        part.remove()
    elif not resume:
        part.check_is_new()
    goes_on = resume and (part.path.exists() or file.exists())
    path = file if resume and file.exists() and not part.path.exists() else part.path
    try:
        with _connect(path, is_new=not goes_on) as connection:
            export = SQLiteFile(connection, bodies=bodies)
            try:
                yield export
            except BaseException:
                connection.commit()
                raise
            export.finish()
        if path is not file:
            part.complete()
    except (sqlite3.Error, OSError) as error:
        message = f"{path} cannot be written: {error}"
        raise SetupError(message) from error


@contextmanager
def _connect(path: Path, *, is_new: bool) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path)
    try:
        if is_new:
            schema = resources.files(__package__) / "sqlite_schema.sql"
            marks = f"PRAGMA application_id = {_APPLICATION_ID:d}; PRAGMA user_version = {_VERSION:d};"
            connection.executescript(f"BEGIN; {marks} {schema.read_text(encoding='utf-8')} COMMIT;")
        else:
            _check_is_export(connection, path)
        yield connection
    finally:
        connection.close()


def _check_is_export(connection: sqlite3.Connection, path: Path) -> None:
    try:
        found = tuple(_pragma(connection, name) for name in ("application_id", "user_version"))
    except sqlite3.DatabaseError:
        found = ()
    if found != (_APPLICATION_ID, _VERSION):
        message = f"{path} is not an export that this version wrote, and cannot be gone on with."
        raise SetupError(message)


def _pragma(connection: sqlite3.Connection, name: str) -> Any:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def _to_column(value: Any) -> Any:
    """A time as ISO 8601 in UTC, everything else as it is."""
    if hasattr(value, "isoformat"):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value
