"""The tokens that a response states, and what they are charged as. Pure.

A call is charged by the model that answered, at the provider that its base URL names, in the tier that its
response names, and some of its tokens at prices of their own: sound, and what is written to the provider's
cache. Roll-ups keep tokens by rate, not dollars, so that a changed price table counts for old calls too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from log10_trace.domain import text_extraction
from log10_trace.domain.json_values import read_mapping
from log10_trace.domain.usage import find_usage

_MOST: Final = 1 << 53
_INPUT_DETAILS: Final = (
    "prompt_tokens_details", "input_tokens_details", "prompt_token_details", "input_token_details",
)  # fmt: skip
_OUTPUT_DETAILS: Final = (
    "completion_tokens_details", "output_tokens_details", "completion_token_details", "output_token_details",
)  # fmt: skip
_NAME_CHARACTERS: Final = 1_000
_TIER_CHARACTERS: Final = 100
_STANDARD_TIERS: Final = frozenset({"auto", "default", "standard", "on_demand"})
_TIERS: Final = {"fast": "priority"}
"""Tiers that have two names."""

LARGE_INPUTS: Final = (100_000, 128_000, 200_000, 256_000, 272_000)
"""Tokens of input above which some models cost more."""
_HOST_CHARACTERS: Final = 253
_PRICED_BY_MODEL: Final = frozenset({"api.openai.com", "localhost", "127.0.0.1", "::1"})
"""Hosts that say no more than the model's name: OpenAI's own, and this machine's, where proxies listen."""

TEXT: Final = ""
TEXT_WITH_AUDIO: Final = "text"
"""What is no sound in a call with sound: without a price for the sound the call has none."""
AUDIO: Final = "audio"
CACHE_WRITE: Final = "cache_write"
CACHE_WRITE_1H: Final = "cache_write_1h"
CACHE_WRITE_12H: Final = "cache_write_12h"
REASONING: Final = "reasoning"
REASONING_APART: Final = ("sonar-deep-research",)
"""Models whose reasoning has a price of its own. That of all others costs what their output does: roll-ups
are smaller without a rate for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one call. Without ``input`` and ``output`` its response states no usage."""

    input: int | None
    output: int | None
    cached: int
    """Of ``input``, read from the provider's cache."""
    cache_write: int
    """Of ``input``, written to the provider's cache."""
    cache_write_1h: int
    """Of ``cache_write``, kept for an hour."""
    cache_write_12h: int
    """Of ``cache_write``, kept for twelve hours."""
    reasoning: int
    """Of ``output``, spent on thinking."""
    audio_input: int
    """Of ``input``."""
    audio_cached: int
    """Of ``cached``."""
    audio_output: int
    """Of ``output``."""

    @property
    def is_stated(self) -> bool:
        """Whether the response states any tokens."""
        return self.input is not None or self.output is not None


class Rate(NamedTuple):
    """What decides the price of a token, besides the table."""

    model: str
    """The model that answered; empty when no model is known."""
    tier: str = ""
    """``flex``, ``priority``, ``batch``, ...; empty for the standard one."""
    kind: str = TEXT
    above: int = 0
    """The highest of ``LARGE_INPUTS`` that the call's input exceeds."""
    host: str = ""
    """The host that answered (``host_of``)."""

    def key(self) -> str:
        """The rate as text; the standard rate of a model is the model's name."""
        above = str(self.above) if self.above else ""
        return f"{self.model}\t{self.tier}\t{self.kind}\t{above}\t{self.host}".rstrip("\t")

    @classmethod
    def from_key(cls, key: str) -> Rate:
        """The rate that ``key`` stands for."""
        model, tier, kind, above, host, *_ = (*key.split("\t"), "", "", "", "")
        return cls(model, tier, kind, int(above) if above.isdecimal() else 0, host)


class Charge(NamedTuple):
    """Tokens of a call that are charged at one rate."""

    rate: str
    """``Rate.key()``."""
    input: int
    output: int
    cached: int
    """Of ``input``."""


def read_usage(*responses: Any) -> Usage:
    """The usage that the first of the responses states, in any of the spellings that providers have.

    What is no count of tokens counts nothing.
    """
    stated = find_usage(*responses)
    given, made = _details(stated, _INPUT_DETAILS), _details(stated, _OUTPUT_DETAILS)
    by_age = read_mapping(given.get("cache_write_tokens_details"))
    return Usage(
        input=_read_input(stated),
        output=_read_output(stated),
        # Moonshot and DeepSeek state it beside the other counts.
        cached=_count(given, "cached_tokens")
        or _count(stated, "cached_tokens", "prompt_cache_hit_tokens")
        or 0,
        cache_write=_count(given, "cache_write_tokens") or 0,
        cache_write_1h=_count(by_age, "ttl_1h_tokens") or 0,
        cache_write_12h=_count(by_age, "ttl_12h_tokens") or 0,
        reasoning=_count(made, "reasoning_tokens") or 0,
        audio_input=_count(given, "audio_tokens") or 0,
        audio_cached=_count(read_mapping(given.get("cached_tokens_details")), "audio_tokens") or 0,
        audio_output=_count(made, "audio_tokens") or 0,
    )


def read_token_counts(*responses: Any) -> tuple[int | None, int | None]:
    """``input`` and ``output`` of ``read_usage``, and no more."""
    stated = find_usage(*responses)
    return _read_input(stated), _read_output(stated)


def tier_of(name: str) -> str:
    """The tier that a ``service_tier`` names; empty for the standard one."""
    tier = name[:_TIER_CHARACTERS].lower()
    return "" if tier in _STANDARD_TIERS else _TIERS.get(tier, tier)


@lru_cache(maxsize=1024)
def host_of(base_url: str) -> str:
    """The host of an API's base URL, for ``Rate.host``; empty where the model's name alone decides."""
    try:
        host = urlsplit(text_extraction.sanitize(base_url)).hostname or ""
    except ValueError:
        return ""
    return "" if host in _PRICED_BY_MODEL else "".join(host.split())[:_HOST_CHARACTERS]


def charges(
    request: Any, *responses: Any, usage: Usage | None = None, base_url: Any = None
) -> tuple[Charge, ...]:
    """What a call is charged; the first is for the call as such, even when no usage is stated.

    The model is the one that answered; only when no response names one, the one that was asked for. The tier
    is the one that served the call, which need not be the one that was asked for.

    Args:
        request: The request's body.
        responses: The response's body, and others that may say what it does not.
        usage: What ``read_usage`` found in the responses, where it is known already.
        base_url: That of the API that was called.
    """
    model = _first_name("model", *responses, request)
    tier = tier_of(_first_name("service_tier", *responses))
    usage = usage or read_usage(*responses)
    given, made = usage.input or 0, usage.output or 0
    above = max((tokens for tokens in LARGE_INPUTS if given > tokens), default=0)
    host = host_of(base_url) if isinstance(base_url, str) else ""
    has_reasoning = usage.reasoning > 0 and model.endswith(REASONING_APART)
    if not (usage.audio_input or usage.audio_output or usage.cache_write or has_reasoning):
        return (Charge(Rate(model, tier, TEXT, above, host).key(), given, made, min(usage.cached, given)),)

    heard, spoken = min(usage.audio_input, given), min(usage.audio_output, made)
    cached = min(usage.cached, given)
    heard_cached = min(usage.audio_cached, heard, cached)
    read = min(cached - heard_cached, given - heard)
    written = min(usage.cache_write, given - heard - read)
    kept_long = min(usage.cache_write_12h, written)
    kept_hour = min(usage.cache_write_1h, written - kept_long)
    thought = min(usage.reasoning, made - spoken) if has_reasoning else 0

    has_audio = heard > 0 or spoken > 0
    parts = (
        (TEXT_WITH_AUDIO if has_audio else TEXT, given - heard - written, made - spoken - thought, read),
        (AUDIO, heard, spoken, heard_cached),
        (CACHE_WRITE, written - kept_long - kept_hour, 0, 0),
        (CACHE_WRITE_1H, kept_hour, 0, 0),
        (CACHE_WRITE_12H, kept_long, 0, 0),
        (REASONING, 0, thought, 0),
    )
    return tuple(
        Charge(Rate(model, tier, kind, above, host).key(), *tokens)
        for number, (kind, *tokens) in enumerate(parts)
        if number == 0 or any(tokens)
    )


def _first_name(field: str, *bodies: Any) -> str:
    """The first name that stands in ``field`` of a body; empty when none does."""
    for body in bodies:
        if isinstance(body, dict) and (name := _name(body.get(field))):
            return name
    return ""


def _read_input(stated: Mapping[str, Any]) -> int | None:
    return _count(stated, "prompt_tokens", "input_tokens")


def _read_output(stated: Mapping[str, Any]) -> int | None:
    return _count(stated, "completion_tokens", "output_tokens")


def _details(stated: Mapping[str, Any], names: Sequence[str]) -> Mapping[str, Any]:
    for name in names:
        if isinstance(stated.get(name), dict):
            details: Mapping[str, Any] = stated[name]
            return details
    return {}


def _count(holder: Mapping[str, Any], *names: str) -> int | None:
    for name in names:
        value = holder.get(name)
        if type(value) is int and 0 <= value < _MOST:
            return value
    return None


def _name(value: Any) -> str:
    """A name that can stand in a rate's key; empty for what is none."""
    return (
        text_extraction.sanitize(value)[:_NAME_CHARACTERS].replace("\t", " ").strip()
        if isinstance(value, str)
        else ""
    )
