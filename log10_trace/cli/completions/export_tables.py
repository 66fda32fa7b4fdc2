"""``completions export --format sqlite`` and ``parquet``: calls into a file of tables."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from log10_trace.cli.output import count_noun, progress, stderr_console
from log10_trace.client import Log10
from log10_trace.client.filters import Filters
from log10_trace.domain.byte_lines import split_lines
from log10_trace.domain.export_formats import Format
from log10_trace.domain.json_slices import decode
from log10_trace.domain.prices import Prices
from log10_trace.errors import APIConnectionError, MissingExtraError
from log10_trace.questions.server_prices import prices_of
from log10_trace.table_files.rows import TableFile, read_call
from log10_trace.table_files.sqlite_file import write_sqlite_file


@dataclass(frozen=True, slots=True)
class TableExport:
    """What a command asks for."""

    format: Format
    file: Path
    limit: int | None
    bodies: bool
    resume: bool
    overwrite: bool


def export_tables(client: Log10, filters: Filters, export: TableExport) -> None:
    """Write the calls, and say how many.

    Raises:
        SetupError: the file is there already, or cannot be written.
        MissingExtraError: the library for the format is not installed.
    """
    opened = _open(export)
    prices = prices_of(client)
    pieces = client.completions.export(order="oldest", **filters)
    # The server has begun to answer before a file is written over.
    first = list(itertools.islice(pieces, 1))
    try:
        with opened as file:
            written, known = _write(split_lines(itertools.chain(first, pieces)), file, prices, export.limit)
    except APIConnectionError:
        if export.format is Format.SQLITE:
            stderr_console.print(
                f"{export.file} is not complete. The same command with --resume goes on with it."
            )
        raise
    besides = f", {known:,} were there already" if known else ""
    stderr_console.print(f"{count_noun(written, 'call')} written{besides}.")


def _open(export: TableExport) -> AbstractContextManager[TableFile]:
    if export.format is Format.SQLITE:
        return write_sqlite_file(
            export.file, bodies=export.bodies, resume=export.resume, overwrite=export.overwrite
        )
    try:
        from log10_trace.table_files.parquet_file import write_parquet_file  # noqa: PLC0415 -- optional extra
    except ModuleNotFoundError as error:
        part, extra = "A Parquet file", "parquet"
        raise MissingExtraError(part, extra) from error
    return write_parquet_file(export.file, bodies=export.bodies, overwrite=export.overwrite)


def _write(records: Iterable[bytes], file: TableFile, prices: Prices, limit: int | None) -> tuple[int, int]:
    """Add the records; how many were added, and how many were there already."""
    written = known = 0
    with progress("Exporting", in_bytes=True) as moved_on:
        for record in records:
            moved_on(len(record) + 1)
            if file.add(read_call(decode(record), prices)):
                written += 1
            else:
                known += 1
            if written == limit:
                break
    return written, known
