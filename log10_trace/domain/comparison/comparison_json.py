"""A comparison as a JSON object, for programs. Pure."""

from __future__ import annotations

from typing import Any

from log10_trace.domain.comparison.call_comparison import CallComparison
from log10_trace.domain.comparison.part_alignment import Row
from log10_trace.domain.comparison.text_difference import Segment


def comparison_to_dict(comparison: CallComparison) -> dict[str, Any]:
    """The comparison; durations are seconds, costs US dollars, and equal text stands once."""
    return {
        "a": comparison.id_a,
        "b": comparison.id_b,
        "changed": comparison.changed,
        "facts": {fact.name: {"a": fact.a, "b": fact.b} for fact in comparison.facts},
        **{
            section.title.lower().replace(" ", "_"): list(map(_row_to_dict, section.rows))
            for section in comparison.sections
        },
        "notes": list(comparison.notes),
    }


def _row_to_dict(row: Row) -> dict[str, Any]:
    described: dict[str, Any] = {"title": row.title, "equal": row.is_equal}
    for name, part in (("a", row.a), ("b", row.b)):
        described[name] = None if part is None else part.number or part.title
    if row.a is None or row.b is None:
        only = row.a or row.b
        return {**described, "text": only.text if only else ""}
    if row.difference.is_equal:
        return {**described, "text": row.a.text}
    return {**described, "segments": list(map(_segment_to_dict, row.difference.segments))}


def _segment_to_dict(segment: Segment) -> dict[str, str]:
    return {"equal": segment.a} if segment.is_equal else {"a": segment.a, "b": segment.b}
