"""Answers of models side by side: a table on the terminal, a report in Markdown, CSV or JSON lines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Final

import typer
from rich.table import Table
from rich.text import Text

from log10_trace.cli.model_calls import ModelAnswer
from log10_trace.cli.output import (
    console,
    count,
    dollars,
    escape_control_characters,
    one_line,
    print_line,
    seconds,
)
from log10_trace.domain.csv_lines import literal


def show_answers(answers: Sequence[ModelAnswer]) -> None:
    """Show the answers to one request; in a pipe, one a line."""
    if not console.is_terminal:
        for answer in answers:
            print_line("\t".join(one_line(cell) for cell in (answer.completion_id, *_cells(answer))))
        return
    table = Table(show_lines=True)
    for title in ("MODEL", "ANSWER"):
        table.add_column(title, overflow="fold")
    for title in ("IN/OUT", "TOOK", "COST"):
        table.add_column(title, justify="right", no_wrap=True)
    for answer in answers:
        model, text, *figures = (escape_control_characters(cell) for cell in _cells(answer))
        table.add_row(Text(model), Text(text, style="red" if answer.error else ""), *map(Text, figures))
    console.print(table)


def _cells(answer: ModelAnswer) -> tuple[str, str, str, str, str]:
    tokens = (
        "" if answer.input_tokens is None else f"{count(answer.input_tokens)}/{count(answer.output_tokens)}"
    )
    model = f"{answer.model} (logged)" if answer.logged else answer.model
    return model, answer.error or answer.text, tokens, seconds(answer.seconds), dollars(answer.cost)


def markdown(answers: Iterable[ModelAnswer]) -> str:
    """A report for people: a section for each request, a summary of each model."""
    answers = list(answers)
    parts = ["# Benchmark", "", *_summary(answers)]
    for completion_id in dict.fromkeys(answer.completion_id for answer in answers):
        rows = [answer for answer in answers if answer.completion_id == completion_id]
        parts += ["", f"## {completion_id}", "", *_row("Model", "Answer", "Tokens in/out", "Took", "Cost")]
        parts += ["|---|---|---|---|---|", *(line for row in rows for line in _row(*_cells(row)))]
    return "\n".join(parts) + "\n"


def _summary(answers: list[ModelAnswer]) -> list[str]:
    lines = [*_row("Model", "Answers", "Errors", "Tokens in", "Tokens out", "Time", "Cost"), "|---" * 7 + "|"]
    for model, logged in dict.fromkeys((answer.model, answer.logged) for answer in answers):
        of_model = [answer for answer in answers if (answer.model, answer.logged) == (model, logged)]
        lines += _row(
            f"{model} (logged)" if logged else model,
            count(len(of_model)),
            count(sum(answer.error is not None for answer in of_model)),
            count(_sum(answer.input_tokens for answer in of_model)),
            count(_sum(answer.output_tokens for answer in of_model)),
            seconds(_sum(answer.seconds for answer in of_model)),
            dollars(_sum(answer.cost for answer in of_model)),
        )
    return lines


def _sum(values: Iterable[float | None]) -> float | None:
    """The sum of those that are known; none when none is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _row(*cells: str) -> list[str]:
    shown = (
        escape_control_characters(cell).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
        for cell in cells
    )
    return ["| " + " | ".join(cell.replace("\n", "<br>") for cell in shown) + " |"]


def csv_text(answers: Iterable[ModelAnswer]) -> str:
    """A report for a spreadsheet; what it could take for a formula is made text."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow([field.name for field in fields(ModelAnswer)])
    for answer in answers:
        cells = asdict(answer).values()
        writer.writerow([literal(cell) if isinstance(cell, str) else cell for cell in cells])
    return file.getvalue()


def json_lines(answers: Iterable[ModelAnswer]) -> str:
    """A report for programs."""
    return "".join(json.dumps(asdict(answer)) + "\n" for answer in answers)


REPORTS: Final[dict[str, Callable[[Iterable[ModelAnswer]], str]]] = {
    ".md": markdown,
    ".csv": csv_text,
    ".jsonl": json_lines,
}


def report_writer_for(name: str) -> Callable[[Iterable[ModelAnswer]], str]:
    """The form that the file's name asks for.

    Raises:
        BadParameter: the file extension is unknown.
    """
    ending = Path(name).suffix.lower()
    if ending not in REPORTS:
        message = f"A report ends in .md, .csv or .jsonl, and {name!r} does not."
        raise typer.BadParameter(message, param_hint="--output")
    return REPORTS[ending]
