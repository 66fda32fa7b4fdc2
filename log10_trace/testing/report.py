"""What is shown of the calls of a test: the section of a failed one, and the summary of a run. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import PurePath
from typing import Any, Final

from log10_trace.domain.charges import charges, read_usage
from log10_trace.domain.control_characters import replace_control_characters
from log10_trace.domain.formatting import compact_number, count_calls, dollars, duration
from log10_trace.domain.prices import Prices
from log10_trace.domain.prompts import read_prompt
from log10_trace.domain.text_extraction import extract_text, preview
from log10_trace.models.components import Completion

Totals = dict[str, Any]
"""Sums of a test that pytest-xdist can send: ``calls``, ``failed``, ``served``, ``input``, ``output``,
``cost``, ``unpriced``."""

_MAX_CALLS: Final = 20
_MAX_TESTS: Final = 20


@cache
def _prices() -> Prices:
    return Prices.load()


def describe_calls(completions: Sequence[Completion]) -> str:
    """The calls of a test, each on a few lines; of many the last ones."""
    shown = completions[-_MAX_CALLS:]
    lines = [f"{len(completions) - len(shown)} earlier calls"] if len(shown) < len(completions) else []
    for number, completion in enumerate(shown, len(completions) - len(shown) + 1):
        lines += _describe_call(number, completion.model_dump(mode="json", warnings=False))
    return "\n".join(lines)


def _describe_call(number: int, values: dict[str, Any]) -> list[str]:
    words = extract_text(values)
    usage = read_usage(values.get("response"), values.get("native_response"))
    tokens = (
        f", {compact_number(usage.input)} + {compact_number(usage.output)} tokens" if usage.is_stated else ""
    )
    lines = [
        f"{number}. {_model(values)}, {values.get('status')} in {duration(values.get('duration'))}{tokens}"
    ]
    site = (values.get("stacktrace") or [None])[-1]
    if site:
        lines.append(f"   {PurePath(site['file']).name}:{site['lineno']} in {site['name']}")
    asked = preview(read_prompt(values.get("request"), words.request_texts).user)
    answered = preview(words.response_text)
    failure = f"{values.get('failure_kind')}: {preview(words.failure)}" if values.get("failure_kind") else ""
    for name, text in (("asked", asked), ("answered", answered), ("failed", failure)):
        if text:
            shown = replace_control_characters(text, lambda code: f"\\u{code:04x}")
            lines.append(f"   {name}: {shown}")
    return lines


def _model(values: Mapping[str, Any]) -> str:
    request = values.get("request")
    model = request.get("model") if isinstance(request, dict) else None
    return model if isinstance(model, str) and model else "no model"


def sum_calls(completions: Iterable[Completion], served: int) -> Totals:
    """The totals of a test; ``served`` is how many of its requests were answered from a recording."""
    totals: Totals = {
        "calls": 0, "failed": 0, "served": served, "input": 0, "output": 0, "cost": 0.0, "unpriced": 0
    }  # fmt: skip
    for completion in completions:
        values = completion.model_dump(mode="json", warnings=False)
        responses = values.get("response"), values.get("native_response")
        usage = read_usage(*responses)
        charged = charges(values.get("request"), *responses, usage=usage, base_url=values.get("base_url"))
        cost = _prices().cost_of(charged) if usage.is_stated else None
        totals["calls"] += 1
        totals["failed"] += values.get("status") == "failed"
        totals["input"] += usage.input or 0
        totals["output"] += usage.output or 0
        totals["cost"] += cost or 0.0
        totals["unpriced"] += cost is None
    return totals


def describe_run(by_test: Mapping[str, Totals]) -> list[str]:
    """The summary of a run: all tests together, then those with most calls and those with failed calls."""
    with_calls = {test: totals for test, totals in by_test.items() if totals["calls"]}
    if not with_calls:
        return ["No calls of the OpenAI SDK were made."]
    everything = {name: sum(totals[name] for totals in with_calls.values()) for name in _names(with_calls)}
    lines = [f"{_describe_totals(everything)}, in {len(with_calls)} of {len(by_test)} tests"]
    ordered = sorted(with_calls.items(), key=lambda item: (-item[1]["failed"], -item[1]["calls"], item[0]))
    lines += [f"  {test}: {_describe_totals(totals)}" for test, totals in ordered[:_MAX_TESTS]]
    if len(ordered) > _MAX_TESTS:
        lines.append(f"  and {len(ordered) - _MAX_TESTS} more tests")
    return lines


def _names(by_test: Mapping[str, Totals]) -> Iterable[str]:
    return next(iter(by_test.values())).keys()


def _describe_totals(totals: Totals) -> str:
    parts = [count_calls(totals["calls"])]
    if totals["served"]:
        parts.append(f"{totals['served']} requests served")
    if totals["failed"]:
        parts.append(f"{totals['failed']} failed")
    parts.append(f"{compact_number(totals['input'])} + {compact_number(totals['output'])} tokens")
    if totals["unpriced"] < totals["calls"]:
        parts.append(f"list price {dollars(totals['cost'])}")
    if totals["unpriced"]:
        parts.append(f"{totals['unpriced']} without a price")
    return ", ".join(parts)
