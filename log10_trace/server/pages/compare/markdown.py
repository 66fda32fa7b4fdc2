"""Two calls compared, as Markdown. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from log10_trace.domain.comparison.abridgement import EqualText, abridge_segments
from log10_trace.domain.comparison.call_comparison import CallComparison, Section
from log10_trace.domain.comparison.part_alignment import Row
from log10_trace.domain.markdown_text import escape_control_characters, escape_markdown, fence, spell

_CONTEXT: Final = 240


def comparison_markdown(comparison: CallComparison) -> str:
    """The document; words of the one call stand in ``[-…-]``, words of the other in ``{+…+}``."""
    return escape_control_characters("\n".join(_lines(comparison)))


def _lines(comparison: CallComparison) -> Iterator[str]:
    yield "# Comparison of two calls\n"
    yield f"- a: {spell(comparison.id_a)}\n- b: {spell(comparison.id_b)}\n"
    yield "| | a | b | change |\n|---|---|---|---|"
    for fact in comparison.facts:
        cells = (fact.name, fact.text_a, fact.text_b, fact.change)
        yield f"| {' | '.join(map(escape_markdown, cells))} |"
    for section in comparison.sections:
        yield from _section_lines(section)
    for note in comparison.notes:
        yield f"\n{note}"
    yield ""


def _section_lines(section: Section) -> Iterator[str]:
    yield f"\n## {section.title}: {section.changed:,} of {len(section.rows):,} differ"
    equal = 0
    for row in section.rows:
        if row.is_equal:
            equal += 1
            continue
        yield from _equal_lines(equal)
        equal = 0
        yield f"\n### {spell(_title(row))}\n\n{fence(_mark(row))}"
    yield from _equal_lines(equal)


def _equal_lines(count: int) -> Iterator[str]:
    if count:
        yield f"\n… {count:,} equal …"


def _title(row: Row) -> str:
    if row.a is None or row.b is None:
        return f"{row.title}, only in {'a' if row.b is None else 'b'}"
    return f"{row.a.number} {row.title}" if row.a.number else row.title


def _mark(row: Row) -> str:
    if row.a is None or row.b is None:
        only = row.a or row.b
        return only.text if only else ""
    return "".join(
        f"\n… {len(piece.text):,} equal characters …\n"
        if isinstance(piece, EqualText)
        else piece.a
        if piece.is_equal
        else (f"[-{piece.a}-]" if piece.a else "") + (f"{{+{piece.b}+}}" if piece.b else "")
        for piece in abridge_segments(row.difference.segments, _CONTEXT)
    )
