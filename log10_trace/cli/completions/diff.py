"""``completions diff``: what differs between two calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from log10_trace.cli.call_reference import resolve_id
from log10_trace.cli.completions.group import group
from log10_trace.cli.options import Json, Server, expand_option_groups
from log10_trace.cli.output import count_noun, escape_control_characters, show_json, show_text
from log10_trace.cli.reference_command import ReferenceCommand
from log10_trace.client import Log10
from log10_trace.domain.comparison.abridgement import EqualText, abridge_segments
from log10_trace.domain.comparison.call_comparison import CallComparison, Section, compare_calls
from log10_trace.domain.comparison.comparison_json import comparison_to_dict
from log10_trace.domain.comparison.part_alignment import Row
from log10_trace.domain.json_slices import parse_value
from log10_trace.questions.server_prices import prices_of

_CONTEXT: Final = 80
"""Characters of equal text that are shown beside a change."""
_MAX_CHARACTERS: Final = 2_000
"""Of one changed text."""
_NAME_WIDTH: Final = 20


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
        yield Text(escape_control_characters(_row_title(row)), style="bold cyan"), 2
        yield _mark(row), 4
    if section.changed:
        yield from _describe_equal(equal)


def _describe_equal(count: int) -> Iterator[tuple[Text, int]]:
    if count:
        yield Text(f"… {count:,} equal …", style="dim"), 2


def _row_title(row: Row) -> str:
    if row.a is None or row.b is None:
        part, call = (row.a, "a") if row.b is None else (row.b, "b")
        number = f"{part.number} " if part and part.number else ""
        return f"{number}{row.title}  only in {call}"
    if not row.a.number:
        return row.title
    numbers = str(row.a.number) if row.a.number == row.b.number else f"{row.a.number} → {row.b.number}"
    return f"{numbers} {row.title}"


def _mark(row: Row) -> Text:
    if row.b is None:
        return _mark_removed(row.a.text if row.a else "")
    if row.a is None:
        return _mark_added(row.b.text)
    text = Text()
    for piece in abridge_segments(row.difference.segments, _CONTEXT):
        if isinstance(piece, EqualText):
            text.append(f"\n… {count_noun(len(piece.text), 'equal character')} …\n", style="dim")
        elif piece.is_equal:
            text.append(escape_control_characters(piece.a))
        else:
            text.append_text(_mark_removed(piece.a)).append_text(_mark_added(piece.b))
    return text


def _mark_removed(text: str) -> Text:
    return Text(f"[-{_shorten(text)}-]" if text else "", style="red")


def _mark_added(text: str) -> Text:
    return Text(f"{{+{_shorten(text)}+}}" if text else "", style="green")


def _shorten(text: str) -> str:
    omitted = len(text) - _MAX_CHARACTERS
    if omitted <= _MAX_CHARACTERS // 4:
        return escape_control_characters(text)
    return f"{escape_control_characters(text[:_MAX_CHARACTERS])} … {omitted:,} more characters …"
