"""The words in which a list says where a call was made. Pure."""

from __future__ import annotations

from log10_trace.models.components import CompletionSummary


def describe_call_site(call: CompletionSummary) -> str:
    """The innermost line of the program: ``shop.py:12 in checkout``."""
    site = call.call_site
    if site is None:
        return ""
    line = "" if site.line is None else f":{site.line}"
    return f"{site.file}{line}" + (f" in {site.function}" if site.function else "")
