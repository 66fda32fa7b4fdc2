"""Writes calls into a Parquet file, one call a row, in bounded memory. Needs the extra ``parquet``."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final, get_args, get_type_hints

import pyarrow as pa
from pyarrow import parquet

from log10_trace.errors import SetupError
from log10_trace.table_files.message_rows import MessageRow
from log10_trace.table_files.part_file import PartFile
from log10_trace.table_files.rows import CallRow, ExportedCall

_CALLS_AT_ONCE: Final = 2_000
_BYTES_AT_ONCE: Final = 16 << 20
"""Of records in a row group, which is held in memory until it is written."""

_TYPES: Final = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    datetime: pa.timestamp("ms", tz="UTC"),
}
_TEXTS: Final = pa.list_(pa.string())
_TOOL_CALL: Final = pa.struct([("id", pa.string()), ("name", pa.string()), ("arguments", pa.string())])


def _columns(row: type, left_out: str = "") -> list[tuple[str, Any]]:
    """Name and type of the column of each field; a field that may be None has another type beside it."""
    hints = get_type_hints(row)
    names = [field.name for field in dataclasses.fields(row) if field.name != left_out]
    return [(name, _TYPES[next(iter(get_args(hints[name])), hints[name])]) for name in names]


_MESSAGE: Final = pa.struct(
    [*_columns(MessageRow, left_out="tool_calls"), ("tool_calls", pa.list_(_TOOL_CALL))]
)
_SCHEMA: Final = pa.schema(
    [
        (name, _TEXTS if name == "tags" else type_)
        for name, type_ in [*_columns(CallRow), ("messages", pa.list_(_MESSAGE))]
    ]
)


class ParquetFile:
    """An open export, to which calls are added."""

    def __init__(self, path: Path, *, bodies: bool) -> None:
        self._bodies = bodies
        schema = _SCHEMA.append(pa.field("record", pa.string())) if bodies else _SCHEMA
        self._writer = parquet.ParquetWriter(path, schema, compression="zstd")
        self._rows: list[dict[str, Any]] = []
        self._bytes = 0

    def add(self, call: ExportedCall) -> bool:
        """Add a call."""
        row = dataclasses.asdict(call.call) | {"tags": call.tags}
        row["messages"] = [
            dataclasses.asdict(message) | {"tool_calls": [_to_struct(each) for each in message.tool_calls]}
            for message in call.messages
        ]
        if self._bodies:
            row["record"] = call.record
        self._rows.append(row)
        self._bytes += len(call.record)
        if len(self._rows) >= _CALLS_AT_ONCE or self._bytes >= _BYTES_AT_ONCE:
            self._write()
        return True

    def finish(self) -> None:
        """Write what is left, and the end of the file."""
        self._write()
        self.close()

    def close(self) -> None:
        """Close the file, whole or not."""
        self._writer.close()

    def _write(self) -> None:
        if self._rows:
            self._writer.write_batch(pa.RecordBatch.from_pylist(self._rows, schema=self._writer.schema))
        self._rows, self._bytes = [], 0


@contextmanager
def write_parquet_file(file: Path, *, bodies: bool = False, overwrite: bool = False) -> Iterator[ParquetFile]:
    """Open an export at ``file``, which is there when the block has ended.

    Nothing is left of a block that raises.

    Raises:
        SetupError: the file is there already, or cannot be written.
    """
    part = PartFile(file)
    if not overwrite:
        part.check_is_new()
    try:
        export = ParquetFile(part.path, bodies=bodies)
        try:
            yield export
            export.finish()
        except BaseException:
            export.close()
            part.remove()
            raise
        part.complete()
    except OSError as error:
        message = f"{part.path} cannot be written: {error}"
        raise SetupError(message) from error


def _to_struct(tool_call: tuple[str | None, ...]) -> dict[str, str | None]:
    return dict(zip(("id", "name", "arguments"), tool_call, strict=True))
