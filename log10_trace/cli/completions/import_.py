"""``completions import``: the records of a file to the server, each with a result of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Annotated, Final

import typer

from log10_trace.cli.completions.group import group
from log10_trace.cli.completions.import_format import convert_line
from log10_trace.cli.files import json_lines, open_for_reading
from log10_trace.cli.options import Server, expand_option_groups
from log10_trace.cli.output import count_noun, one_line, progress, stderr_console
from log10_trace.client import Log10
from log10_trace.errors import Log10Error, NotFoundError, ValidationError
from log10_trace.models.operations import BatchResult, Limits

_MADE: Final = 201
_WINDOWS: Final = "cp1252"
_MAX_BATCH_BYTES: Final = 4 * 1024 * 1024
"""Servers take more, but a busy one takes longer for it than the client waits."""
_CAREFUL: Final = Limits(batch_items=100, batch_bytes=_MAX_BATCH_BYTES)
"""Used when the server does not state its limits."""

Numbered = tuple[int, bytes]
"""A record, and the number of its line."""


@group.command("import")
@expand_option_groups
def import_(
    file: Annotated[
        str,
        typer.Argument(help="JSON Lines from our export or the original client's; - reads standard input."),
    ],
    *,
    server: Server,
    keep_organization: Annotated[
        bool, typer.Option(help="Keep the organization of the records instead of the key's.")
    ] = False,
) -> None:
    """Send the calls of a file to the server. Importing a file twice stores each call once."""
    import_ = _Import()
    with (
        server.client() as client,
        open_for_reading(file) as source,
        progress("Importing", in_bytes=True) as moved_on,
    ):
        numbered = import_.records(json_lines(source), moved_on, keep_organization=keep_organization)
        for batch in batches(numbered, _limits(client)):
            import_.note_results(batch, _results(client, batch))
    stderr_console.print(import_.summary())
    if import_.counts["failed"]:
        raise typer.Exit(1)


class _Import:
    """Counts the imported lines; a failed line is reported immediately with its number."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def records(
        self, source: Iterable[bytes], moved_on: Callable[[int], None], *, keep_organization: bool
    ) -> Iterator[Numbered]:
        """The records that can be read, each with the number of its line."""
        for number, line in enumerate(source, start=1):
            moved_on(len(line) + 1)
            if not line.strip():
                continue
            try:
                record = convert_line(self._in_utf8(line), keep_organization=keep_organization)
            except Log10Error as error:
                self._report_failure(number, str(error).replace("The body", "The line"))
            else:
                yield number, record

    def _in_utf8(self, line: bytes) -> bytes:
        """The line; one that is not UTF-8 is taken for the encoding of Western Windows, and counted."""
        try:
            line.decode()
        except UnicodeDecodeError:
            with suppress(UnicodeDecodeError):
                line = line.decode(_WINDOWS).encode()
                self.counts["guessed"] += 1
        return line

    def note_results(self, batch: list[Numbered], results: Iterable[BatchResult]) -> None:
        """Take note of what the server made of a batch."""
        for (number, _), result in zip(batch, results, strict=True):
            if not result.kept:
                said = result.message or f"The server answered {result.status}."
                self._report_failure(number, f"{result.field}: {said}" if result.field else said)
            elif result.code == "deleted":
                self.counts["deleted"] += 1
            else:
                self.counts["new" if result.status == _MADE else "known"] += 1

    def _report_failure(self, number: int, reason: str) -> None:
        self.counts["failed"] += 1
        stderr_console.print(f"line {number}: {one_line(reason)}")

    def summary(self) -> str:
        """What became of the file, in a sentence."""
        new, known, deleted, failed = (self.counts[name] for name in ("new", "known", "deleted", "failed"))
        besides = f", {known:,} were there already" if known else ""
        besides += f", {deleted:,} were deleted before and stay so" if deleted else ""
        failures = f", {count_noun(failed, 'line')} could not be" if failed else ""
        guessed = self.counts["guessed"]
        how = f"\n{count_noun(guessed, 'line')} not in UTF-8, read as Windows-1252." if guessed else ""
        return f"{count_noun(new, 'call')} imported{besides}{failures}.{how}"


def batches(numbered: Iterable[Numbered], limits: Limits) -> Iterator[list[Numbered]]:
    """The records in batches that the server takes; one too large for any batch stands alone."""
    max_bytes = min(limits.batch_bytes, _MAX_BATCH_BYTES)
    batch: list[Numbered] = []
    size = 0
    for number, record in numbered:
        length = len(record) + 1
        if batch and (len(batch) >= limits.batch_items or size + length > max_bytes):
            yield batch
            batch, size = [], 0
        batch.append((number, record))
        size += length
    if batch:
        yield batch


def _limits(client: Log10) -> Limits:
    try:
        return client.completions.limits().limits
    except NotFoundError:
        return _CAREFUL


def _results(client: Log10, batch: list[Numbered]) -> list[BatchResult]:
    try:
        return client.completions.batch(completions=[record for _, record in batch]).results
    except ValidationError as error:
        if len(batch) > 1:
            raise
        return [BatchResult(status=error.status_code, message=error.message)]
