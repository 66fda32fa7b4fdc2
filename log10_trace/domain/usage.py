"""Where a response states the tokens that its call used. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from log10_trace.domain.conversation import list_choices

_INPUT: Final = ("prompt_tokens", "input_tokens")
_OUTPUT: Final = ("completion_tokens", "output_tokens")
_COUNTS: Final = (*_INPUT, *_OUTPUT)


def find_usage(*responses: Any) -> Mapping[str, Any]:
    """The usage object of the first response that states one; empty when none does.

    It stands under ``usage``, in an object of the provider's own (Groq's ``x_groq``), in the choices
    (Moonshot), or under llama.cpp's ``timings``. One without a count above zero is taken only when there is
    no other.
    """
    first: Mapping[str, Any] | None = None
    for response in responses:
        # As a loop: the first usage nearly always has counts, and then the rest is not searched.
        for usage in _find_usages(response) if isinstance(response, dict) else ():
            for name in _COUNTS:
                if _count(usage, name):
                    return usage
            first = usage if first is None else first
    return first or {}


def _find_usages(response: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if isinstance(response.get("usage"), dict):
        yield response["usage"]
    for name, value in response.items():
        if name.startswith("x_") and isinstance(value, dict) and isinstance(value.get("usage"), dict):
            yield value["usage"]
    yield from _usage_of_choices(list_choices(response))
    if isinstance(response.get("timings"), dict):
        yield from _usage_of_timings(response["timings"])


def _usage_of_choices(choices: list[dict[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The choices share the prompt, and each counts the tokens of its own answer."""
    holders = [choice if "usage" in choice else choice.get("message") for choice in choices]
    stated = [holder["usage"] for holder in holders if isinstance(holder, dict) and "usage" in holder]
    usages = [usage for usage in stated if isinstance(usage, dict)]
    if len(usages) == 1:
        yield usages[0]
    elif usages:
        sums = {name: sum(_count(usage, name) for usage in usages) for name in _OUTPUT if name in usages[-1]}
        yield usages[-1] | sums


def _usage_of_timings(timings: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """llama.cpp's ``prompt_n`` leaves out what came from the cache; without that count it says too little."""
    if "cache_n" in timings:
        yield {
            "prompt_tokens": _count(timings, "prompt_n") + _count(timings, "cache_n"),
            "completion_tokens": _count(timings, "predicted_n"),
            "prompt_tokens_details": {"cached_tokens": _count(timings, "cache_n")},
        }


def _count(holder: Mapping[str, Any], name: str) -> int:
    value = holder.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
