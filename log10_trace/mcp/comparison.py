"""The tool that says what changed between two calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from log10_trace.domain.comparison.call_comparison import CallComparison, Section, compare_calls
from log10_trace.domain.comparison.facts import Fact
from log10_trace.domain.comparison.marked_change import describe_row, mark_change
from log10_trace.domain.page_paths import compare_path
from log10_trace.mcp.answer import Answer, Detail
from log10_trace.mcp.arguments import Argument, read_text
from log10_trace.mcp.call import ID, get_record
from log10_trace.mcp.excerpts import cut_middle, shorten
from log10_trace.mcp.tool import Question, Tool
from log10_trace.questions.server_prices import prices_of

_NAME: Final = 200
_MAX_TEXT: Final = 2_000


def _compare(question: Question) -> Callable[[Detail], Answer]:
    client, given = question.client, question.given
    records = get_record(client, given["a"]), get_record(client, given["b"])
    comparison = compare_calls(*records, prices_of(client))
    return show_comparison(comparison, question.page(compare_path(comparison.id_a, comparison.id_b)))


def show_comparison(comparison: CallComparison, page: str) -> Callable[[Detail], Answer]:
    """What makes the answer that says what differs, cut as the detail asks."""
    return lambda detail: Answer(
        summary=_summarize(comparison), recorded=_describe(comparison, detail), page=page
    )


def _summarize(comparison: CallComparison) -> str:
    if not comparison.changed:
        return "Both calls asked the same and were answered the same."
    return (
        f"{comparison.changed:,} parts of the two calls differ. Text that only a has stands in [-...-], "
        "text that only b has in {+...+}. get_call shows each text whole."
    )


def _describe(comparison: CallComparison, detail: Detail) -> dict[str, Any]:
    equal = {fact.name: fact.text_a for fact in comparison.facts if fact.is_equal}
    return {
        "a": comparison.id_a,
        "b": comparison.id_b,
        "facts_that_differ": {
            fact.name: _describe_fact(fact, detail) for fact in comparison.facts if not fact.is_equal
        },
        "equal_facts": {name: shorten(text, min(_NAME, detail.characters)) for name, text in equal.items()},
        **{
            section.title.lower().replace(" ", "_"): _describe_section(section, detail)
            for section in comparison.sections
        },
        "notes": comparison.notes,
    }


def _describe_fact(fact: Fact, detail: Detail) -> Mapping[str, str]:
    most = min(_NAME, detail.characters)
    return {"a": shorten(fact.text_a, most), "b": shorten(fact.text_b, most), "change": fact.change}


def _describe_section(section: Section, detail: Detail) -> Mapping[str, Any]:
    changed = [row for row in section.rows if not row.is_equal]
    shown = changed[: detail.items]
    omitted = len(changed) - len(shown)
    most = min(_MAX_TEXT, detail.characters)
    return {
        "equal": len(section.rows) - len(changed),
        "differ": len(changed),
        "changes": [
            {
                "part": shorten(describe_row(row), _NAME),
                "change": cut_middle(
                    "".join(piece.text for piece in mark_change(row, most)), detail.characters
                ),
            }
            for row in shown
        ],
        "more": f"[... {omitted:,} more parts differ ...]" if omitted else None,
    }


COMPARE_CALLS: Final = Tool(
    name="compare_calls",
    title="Compare two calls",
    description=(
        "Say what changed between two calls: parameters, messages, tools and answers aligned and compared "
        "word by word, and status, model, time, tokens and cost. Use it when a call behaves differently from "
        "an earlier one, or for a call and its repetition."
    ),
    arguments=tuple(Argument(name=name, schema=ID, read=read_text, is_required=True) for name in ("a", "b")),
    answer=_compare,
)
