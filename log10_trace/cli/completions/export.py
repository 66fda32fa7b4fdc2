"""``completions export``: calls into a file, in one of several formats."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Annotated, Final

import typer

from log10_trace.cli.completions.export_tables import TableExport, export_tables
from log10_trace.cli.completions.group import group
from log10_trace.cli.files import STANDARD, open_for_reading, open_for_writing, truncate_partial_line
from log10_trace.cli.filter_options import CompletionFilterOptions
from log10_trace.cli.once import OnceCommand
from log10_trace.cli.options import Server, expand_option_groups
from log10_trace.cli.output import count_noun, progress, stderr_console
from log10_trace.client import Log10
from log10_trace.client.filters import Filters
from log10_trace.domain.byte_lines import split_lines
from log10_trace.domain.export_formats import (
    RESUMABLE,
    TABLE_FILES,
    WITH_BODIES,
    WITH_ID,
    Format,
    LineFormatter,
)
from log10_trace.domain.json_slices import RecordFormatError, decode, split_members
from log10_trace.domain.training_example import UnsuitableError
from log10_trace.errors import APIConnectionError, SetupError

_BEGINNING: Final = b'{"id":'


@group.command("download", cls=OnceCommand, hidden=True)
@group.command("export", cls=OnceCommand)
@expand_option_groups
def export(
    *,
    which: CompletionFilterOptions,
    server: Server,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", "-f", help="The file.", show_default="standard output"),
    ] = None,
    format: Annotated[Format, typer.Option(help="Format of a line.")] = Format.JSONL,  # noqa: A002 -- the option's name
    limit: Annotated[int | None, typer.Option("--limit", "-n", help="Maximum number.", min=1)] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Resume an interrupted export.")] = False,
    bodies: Annotated[
        bool, typer.Option("--bodies", help="Include JSON bodies; csv, sqlite and parquet only.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Write calls to a file, the oldest first. jsonl holds the records byte for byte, and can be imported.

    sqlite is a file for Datasette and the sqlite3 shell: calls, messages,
    tool calls, tags, metadata, a view for each question and an index of
    words. parquet has one call a row, and needs the extra parquet.
    """
    _check(output, format, resume=resume, force=force, bodies=bodies)
    if output is not None and format in TABLE_FILES:
        chosen = TableExport(format, Path(output), limit, bodies=bodies, resume=resume, overwrite=force)
        with server.client() as client:
            export_tables(client, which.filters(), chosen)
        return
    known = _read_exported_ids(output) if output and resume else frozenset()
    try:
        with server.client() as client:
            pieces = _pieces(client, which.filters(), format, limit, bodies=bodies)
            with open_for_writing(output, go_on=resume, overwrite=force) as file:
                if format is Format.CSV:
                    _copy(pieces, file)
                    return
                records = (line for line in split_lines(pieces) if not known or _id(line) not in known)
                written, left_out = _write(records, file, format, limit)
    except APIConnectionError:
        if output and output != STANDARD and format in WITH_ID:
            stderr_console.print(f"{output} is not complete. The same command with --resume goes on with it.")
        raise
    stderr_console.print(_summary(written, left_out, len(known)))


def _check(output: str | None, form: Format, *, resume: bool, force: bool, bodies: bool) -> None:
    if bodies and form not in WITH_BODIES:
        message = "Only csv, sqlite and parquet take it; the other formats always include the bodies."
        raise typer.BadParameter(message, param_hint="--bodies")
    if form in TABLE_FILES and output in (None, STANDARD):
        message = (
            f"{form.value} is not written to the standard output. Name a file: --output calls.{form.value}"
        )
        raise typer.BadParameter(message, param_hint="--output")
    if not resume:
        return
    if output is None or output == STANDARD or force:
        message = "--resume needs --output FILE and excludes --force."
        raise typer.BadParameter(message, param_hint="--resume")
    if form is Format.PARQUET:
        message = (
            "A Parquet file ends with its index, so that nothing can be added to it. Write what is new to "
            "another file of the same folder (--since TIME -o calls/2.parquet): pandas reads the folder as "
            "one table, DuckDB and Polars calls/*.parquet. Or use --format sqlite, which can be resumed."
        )
        raise typer.BadParameter(message, param_hint="--resume")
    if form not in RESUMABLE:
        message = f"{form.value} cannot be resumed; that works with jsonl, raw, chat and sqlite."
        raise typer.BadParameter(message, param_hint="--resume")


def _read_exported_ids(output: str) -> frozenset[str]:
    """The ids that the file holds already; of an export, its unfinished last line is cut off."""
    path = Path(output)
    if not path.exists():
        return frozenset()
    try:
        with open_for_reading(output) as file:
            known = frozenset(map(_id, _whole(file)))
    except (RecordFormatError, KeyError):
        message = f"{output} holds something else than an export, and cannot be gone on with."
        raise SetupError(message) from None
    truncate_partial_line(path)
    return known


def _whole(file: Iterable[bytes]) -> Iterator[bytes]:
    """The lines without the last if it is torn.

    Raises:
        KeyError: no record begins as the torn line does.
    """
    for line in file:
        if line.endswith(b"\n"):
            yield line
        elif not _BEGINNING.startswith(line[: len(_BEGINNING)]):
            raise KeyError("id")


def _id(line: bytes) -> str:
    return str(split_members(decode(line))["id"][1])


def _pieces(
    client: Log10, filters: Filters, form: Format, limit: int | None, *, bodies: bool
) -> Iterator[bytes]:
    """What the server sends. It has begun to when this returns, so a file may be written over for it."""
    if form is Format.CSV:
        pieces = client.completions.export(
            format="csv", limit=limit, order="oldest", bodies=bodies or None, **filters
        )
    else:
        pieces = client.completions.export(order="oldest", **filters)
    return itertools.chain(list(itertools.islice(pieces, 1)), pieces)


def _write(
    records: Iterable[bytes], file: IO[bytes], form: Format, limit: int | None
) -> tuple[int, Counter[str]]:
    """Write the records in their form; how many were written, and why how many others were not."""
    written, left_out = 0, Counter[str]()
    formatter = LineFormatter(form)
    with progress("Exporting", in_bytes=True) as moved_on:
        for record in records:
            moved_on(len(record) + 1)
            try:
                line = formatter.format(record)
            except UnsuitableError as error:
                left_out[str(error)] += 1
                continue
            file.write(line + b"\n")
            written += 1
            if written == limit:
                break
    return written, left_out


def _copy(pieces: Iterable[bytes], file: IO[bytes]) -> None:
    with progress("Exporting", in_bytes=True) as moved_on:
        for piece in pieces:
            file.write(piece)
            moved_on(len(piece))


def _summary(written: int, left_out: Counter[str], known: int) -> str:
    """What became of the calls, in a sentence; why some were left out, a line for each reason."""
    besides = f", {known:,} were there already" if known else ""
    if not left_out:
        return f"{count_noun(written, 'call')} written{besides}."
    by_count = sorted(left_out.items(), key=lambda item: (-item[1], item[0]))
    reasons = (f"  {count:,} {reason}" for reason, count in by_count)
    total = sum(left_out.values())
    return "\n".join((f"{count_noun(written, 'call')} written{besides}, {total:,} left out:", *reasons))
