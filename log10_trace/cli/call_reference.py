"""The call that the user of a command means; where several may be meant, they are shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import typer
from rich.cells import cell_len, set_cell_size
from rich.text import Text

from log10_trace.cli.exit_codes import NOT_UNDERSTOOD
from log10_trace.cli.output import moment_of, one_line, relative_time, stderr_console
from log10_trace.client import Log10
from log10_trace.models.components import CompletionSummary
from log10_trace.questions.references import AmbiguousReferenceError, find_call_id

_MODEL_WIDTH: Final = 12
"""Of a model's name, so that words have room beside the whole id."""


def resolve_id(client: Log10, wanted: str) -> str:
    """The id of the call that is meant.

    Raises:
        UnknownCallError: there is no such call.
        Exit: several calls may be meant; they are shown.
    """
    try:
        return find_call_id(client, wanted)
    except AmbiguousReferenceError as error:
        stderr_console.print(str(error), soft_wrap=True)
        for line in _describe(error.candidates):
            stderr_console.print(Text(line), no_wrap=True, overflow="ellipsis")
        raise typer.Exit(NOT_UNDERSTOOD) from None


def _describe(candidates: Sequence[CompletionSummary]) -> Iterator[str]:
    """Each candidate's id, age, model, and first words."""
    rows = [
        (
            call.id or "",
            relative_time(moment_of(call.created_at)),
            call.model or "",
            (call.preview.request if call.preview else None) or "",
        )
        for call in candidates
    ]
    lines = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(cell_len(line[at]) for line in lines) for at in range(3)]
    widths[2] = min(widths[2], _MODEL_WIDTH)
    for line in lines:
        padded = [set_cell_size(cell, width) for cell, width in zip(line, widths, strict=False)]
        yield "  ".join([*padded, line[-1]])
