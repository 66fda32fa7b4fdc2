"""``completions diff``: what differs between two calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from log10_trace.cli.call_reference import resolve_id
from log10_trace.cli.completions.group import group
from log10_trace.cli.options import Json, Server, expand_option_groups
from log10_trace.cli.output import escape_control_characters, show_json, show_text
from log10_trace.cli.reference_command import ReferenceCommand
from log10_trace.client import Log10
from log10_trace.domain.comparison.call_comparison import CallComparison, Section, compare_calls
from log10_trace.domain.comparison.comparison_json import comparison_to_dict
from log10_trace.domain.comparison.marked_change import describe_row, mark_change
from log10_trace.domain.comparison.part_alignment import Row
from log10_trace.domain.json_slices import parse_value
from log10_trace.questions.server_prices import prices_of

_MAX_CHARACTERS: Final = 2_000
"""Of one changed text."""
_NAME_WIDTH: Final = 20
_STYLES: Final = {"equal": "", "omitted": "dim", "removed": "red", "added": "green"}


@group.command("diff", cls=ReferenceCommand)
@expand_option_groups
def diff(
    a: Annotated[
        str, typer.Argument(help="The one call's id or a part of it, latest, -2.", show_default=False)
    ],
    b: Annotated[str, typer.Argument(help="The other call's, likewise.", show_default=False)],
    *,
    server: Server,
    json: Json = False,
) -> None:
    """Compare two calls: facts, parameters, answers, messages and tools.

    Words that only the first has stand in [-...-], words that only the second has in {+...+}.
    """
    with server.client() as client:
        comparison = compare_calls(_get_record(client, a), _get_record(client, b), prices_of(client))
    if json:
        show_json(comparison_to_dict(comparison))
        return
    for text, indent in _describe(comparison):
        show_text(text, indent=indent)


def _get_record(client: Log10, wanted: str) -> dict[str, Any]:
    answer = client.completions.get(completion_id=resolve_id(client, wanted))
    record: dict[str, Any] = parse_value(answer.raw_response.text)
    return record


def _describe(comparison: CallComparison) -> Iterator[tuple[Text, int]]:
    """The lines of the comparison, each with its indentation."""
    yield _label("a", comparison.id_a, "bold red"), 0
    yield _label("b", comparison.id_b, "bold green"), 0
    for fact in comparison.facts:
        if fact.is_equal:
            yield _label(fact.name, fact.text_a), 0
        else:
            change = f"  {fact.change}" if fact.change else ""
            yield _label(fact.name, f"{fact.text_a} → {fact.text_b}{change}", "bold"), 0
    for section in comparison.sections:
        yield from _describe_section(section)
    for note in comparison.notes:
        yield Text(f"\n{note}", style="dim"), 0
    if not comparison.changed:
        yield Text("\nBoth calls asked the same and were answered the same."), 0


def _label(name: str, value: str, style: str = "") -> Text:
    return Text.assemble((f"{name:<{_NAME_WIDTH}}", "dim"), (escape_control_characters(value), style))


def _describe_section(section: Section) -> Iterator[tuple[Text, int]]:
    changed = f"{section.changed:,} of {len(section.rows):,} differ" if section.changed else "equal"
    yield Text.assemble((f"\n{section.title}", "bold"), (f"  {changed}", "dim")), 0
    equal = 0
    for row in section.rows if section.changed else ():
        if row.is_equal:
            equal += 1
            continue
        yield from _describe_equal(equal)
        equal = 0
        yield Text(escape_control_characters(describe_row(row)), style="bold cyan"), 2
        yield _mark(row), 4
    if section.changed:
        yield from _describe_equal(equal)


def _describe_equal(count: int) -> Iterator[tuple[Text, int]]:
    if count:
        yield Text(f"… {count:,} equal …", style="dim"), 2


def _mark(row: Row) -> Text:
    text = Text()
    for kind, piece in mark_change(row, _MAX_CHARACTERS):
        text.append(escape_control_characters(piece), style=_STYLES[kind])
    return text
