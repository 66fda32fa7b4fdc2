"""The tokens that a call used, as its response states them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from log10_trace.record.usage import find_usage
from log10_trace.server.pages import shapes


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens; None where the response does not say."""

    input: int | None
    cached: int | None
    """Of ``input``, read from the provider's cache."""
    output: int | None
    reasoning: int | None
    """Of ``output``, spent on thinking."""


def usage_of(response: Any) -> Usage:
    """The usage in either of the two spellings that providers have."""
    stated = find_usage(response)
    taken = shapes.mapping(stated.get("prompt_tokens_details", stated.get("input_tokens_details")))
    given = shapes.mapping(stated.get("completion_tokens_details", stated.get("output_tokens_details")))
    return Usage(
        input=shapes.whole(stated.get("prompt_tokens", stated.get("input_tokens"))),
        cached=shapes.whole(taken.get("cached_tokens")),
        output=shapes.whole(stated.get("completion_tokens", stated.get("output_tokens"))),
        reasoning=shapes.whole(given.get("reasoning_tokens")),
    )
