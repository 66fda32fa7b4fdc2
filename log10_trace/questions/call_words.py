"""The words in which a list says where a call was made and why it failed. Pure."""

from __future__ import annotations

from log10_trace.models.components import CompletionSummary


def describe_call_site(call: CompletionSummary) -> str:
    """The innermost line of the program: ``shop.py:12 in checkout``."""
    site = call.call_site
    if site is None:
        return ""
    line = "" if site.line is None else f":{site.line}"
    return f"{site.file}{line}" + (f" in {site.function}" if site.function else "")


def describe_failure(call: CompletionSummary) -> str:
    """Kind and reason of the failure; empty without one."""
    return f"{call.failure_kind or ''}: {call.failure_reason or ''}".removesuffix(": ").removeprefix(": ")
