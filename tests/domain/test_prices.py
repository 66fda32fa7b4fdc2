"""What calls cost: the rates they are charged at, and the table that names the prices."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log10_trace.domain.charges import AUDIO, TEXT_WITH_AUDIO, Charge, Rate, charges, read_usage
from log10_trace.domain.prices import Prices
from log10_trace.errors import ConfigError

M = 1_000_000
PRICES = Prices.load()


def response(model: str | None = "gpt-4o", **fields: Any) -> dict[str, Any]:
    """A response of a chat completion with a million tokens in and out."""
    usage = {"prompt_tokens": M, "completion_tokens": M}
    return {"model": model, "usage": usage} | fields


def cost(answered: Any, asked: str = "gpt-4") -> float | None:
    """What a call costs."""
    return PRICES.cost_of(charges({"model": asked}, answered))


@pytest.mark.parametrize(
    ("model", "dollars"),
    [
        ("gpt-4o", 12.5),
        ("gpt-4o-2024-08-06", 12.5),
        ("gpt-4o-2024-05-13", 20.0),
        ("gpt-4o-20240806", 12.5),
        ("gpt-3.5-turbo-0125", 2.0),
        ("gpt-3.5-turbo-0613", 3.5),
        ("gpt-35-turbo", 2.0),
        ("openai/gpt-4o", 12.5),
        ("azure/gpt-4o-2024-05-13", 20.0),
        ("openrouter/openai/gpt-4o-mini", 0.75),
        ("ft:gpt-4o-mini-2024-07-18:acme::AbC", 1.5),
        ("ft:gpt-4o-mini-2024-07-18:acme:name:AbC:ckpt-step-7", 1.5),
        ("openai/ft:gpt-4o-mini-2024-07-18:acme::AbC", 1.5),
    ],
)
def test_a_call_costs_what_the_model_that_answered_does(model: str, dollars: float) -> None:
    """Dated versions, names with their provider and fine-tuned models are found in the table."""
    assert cost(response(model)) == pytest.approx(dollars)


@pytest.mark.parametrize(
    "model",
    [
        "our-chat",
        "gpt-4o-audio",
        "somebody/gpt-4o",
        "azure/eu/gpt-4o",
        "openai/gpt-4o:free",
        "ft:gpt-4o-unheard-of:acme::1",
        "ft:",
        "/",
        "openai/",
    ],
)
def test_a_model_that_the_table_does_not_name_has_no_cost(model: str) -> None:
    """A wrong price is worse than none: another model's price is never taken."""
    assert cost(response(model), asked="gpt-4o") is None


@pytest.mark.parametrize("model", [None, "", " ", 7])
def test_without_a_model_that_answered_the_one_asked_for_counts(model: Any) -> None:
    """A response that names no model is charged as the model that was asked for."""
    assert cost(response(model), asked="gpt-4o") == pytest.approx(12.5)


@pytest.mark.parametrize(
    ("model", "tier", "dollars"),
    [
        ("gpt-4o", "default", 12.5),
        ("gpt-4o", "auto", 12.5),
        ("gpt-4o", None, 12.5),
        ("gpt-4o", "priority", 21.25),
        ("gpt-4o", "fast", 21.25),
        ("gpt-4o", "batch", 6.25),
        ("gpt-5-nano", "flex", 0.225),
        ("openai/o3-2025-04-16", "flex", 5.0),
        ("gpt-4o", "flex", None),
        ("gpt-4o", "scale", None),
        ("gpt-4o", "unheard-of", None),
    ],
)
def test_the_tier_that_served_a_call_counts(model: str, tier: str | None, dollars: float | None) -> None:
    """The tier is the one of the response; without a price of its own it has none."""
    found = PRICES.cost_of(
        charges({"model": model, "service_tier": "flex"}, response(model, service_tier=tier))
    )

    assert found == (None if dollars is None else pytest.approx(dollars))


def details(**given: Any) -> dict[str, Any]:
    """Usage of a million tokens in and out, in detail."""
    made = {name[4:]: given.pop(name) for name in list(given) if name.startswith("out_")}
    return {
        "prompt_tokens": M,
        "completion_tokens": M,
        "prompt_tokens_details": given,
        "completion_tokens_details": made,
    }


@pytest.mark.parametrize(
    ("model", "usage", "dollars"),
    [
        ("gpt-4o-audio-preview", details(audio_tokens=M, out_audio_tokens=M), 120.0),
        ("gpt-4o-audio-preview", details(audio_tokens=M // 2), 0.5 * 2.5 + 0.5 * 40 + 10),
        ("gpt-4o-audio-preview", details(out_audio_tokens=M // 4), 2.5 + 0.75 * 10 + 0.25 * 80),
        ("gpt-4o-audio-preview-2024-10-01", details(audio_tokens=M, out_audio_tokens=M), 300.0),
        ("gpt-audio-mini", details(audio_tokens=0, out_audio_tokens=0), 3.0),
        ("gpt-4o", details(audio_tokens=1), None),
        ("gpt-4o", details(cached_tokens=M // 2), 1.25 + 0.625 + 10),
        ("gpt-4o", details(cached_tokens=3 * M), 1.25 + 10),
        ("gpt-4o", details(cached_tokens="many"), 12.5),
        ("o3", details(out_reasoning_tokens=M), 10.0),
        ("gpt-4o", details(cache_write_tokens=M), 12.5),
    ],
)
def test_parts_of_the_tokens_have_prices_of_their_own(
    model: str, usage: dict[str, Any], dollars: float | None
) -> None:
    """Sound and cached tokens are charged as such, reasoning as output, and nothing is charged twice."""
    found = cost(response(model, usage=usage))

    assert found == (None if dollars is None else pytest.approx(dollars))


@pytest.mark.parametrize(
    "usage",
    [
        {"input_tokens": 9, "output_tokens": 3, "input_tokens_details": {"cached_tokens": 4}},
        {"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}},
        {"prompt_tokens": 9, "completion_tokens": 3, "prompt_cache_hit_tokens": 4},
        {"prompt_tokens": 9, "completion_tokens": 3, "cached_tokens": 4, "prompt_tokens_details": None},
    ],
)
def test_cached_tokens_are_read_in_every_spelling(usage: dict[str, Any]) -> None:
    """Providers state cached tokens in different places."""
    assert charges({}, {"model": "m", "usage": usage}) == (Charge("m", 9, 3, 4),)


def test_large_inputs_and_writes_to_the_cache_have_prices_of_their_own() -> None:
    """A model's price for large inputs holds for the whole call; what is written to the cache costs more."""
    table = {
        "m": {
            "input": 1,
            "output": 2,
            "cache_write": 1.25,
            "cache_write_12h": 2,
            "large_input": {"above": 272_000, "input": 10, "output": 20},
        }
    }
    written = {"cache_write_tokens": 300, "cache_write_tokens_details": {"ttl_12h_tokens": 100}}

    def of(given: int, details: dict[str, Any]) -> float | None:
        usage = {"prompt_tokens": given, "completion_tokens": 1_000, "prompt_tokens_details": details}
        return Prices({"models": table}).cost_of(charges({}, {"model": "m", "usage": usage}))

    assert of(272_000, {}) == pytest.approx(0.274)
    assert of(272_001, {}) == pytest.approx(2.72001 + 0.02)
    assert of(1_000, written) == pytest.approx((700 + 200 * 1.25 + 100 * 2 + 2_000) / M)


COUNTS = st.one_of(st.integers(-1, 300_000), st.sampled_from([None, True, "1", 1.5, 1 << 60]))
DETAILS = st.dictionaries(
    st.sampled_from(["cached_tokens", "audio_tokens", "cache_write_tokens", "reasoning_tokens"]), COUNTS
)
EXTRAS = {
    "cached_tokens_details": {"audio_tokens": 5},
    "cache_write_tokens_details": {"ttl_12h_tokens": 7},
}


@given(COUNTS, COUNTS, DETAILS, DETAILS)
def test_all_tokens_are_charged_exactly_once(
    input_tokens: object, output_tokens: object, details: dict[str, Any], made: dict[str, Any]
) -> None:
    """Whatever a provider says about parts of the tokens, the charges add up to the whole."""
    usage = {
        "prompt_tokens": input_tokens,
        "completion_tokens": output_tokens,
        "prompt_tokens_details": details | EXTRAS,
        "completion_tokens_details": made,
    }
    answered = response("gpt-4o-audio-preview", usage=usage)
    whole, charged = read_usage(answered), charges({}, answered)

    assert sum(one.input for one in charged) == (whole.input or 0)
    assert sum(one.output for one in charged) == (whole.output or 0)
    assert all(0 <= one.cached <= one.input and one.output >= 0 for one in charged)
    assert len({one.rate for one in charged}) == len(charged)


def test_a_rate_is_what_its_key_says() -> None:
    """The standard rate of a model is its name, as roll-ups of earlier versions have it."""
    assert Rate("gpt-4o").key() == "gpt-4o"
    assert Rate.from_key("gpt-4o") == Rate("gpt-4o")
    at_host = Rate("m", host="api.groq.com")
    for rate in (
        Rate("m", "flex"),
        Rate("", "flex", AUDIO),
        Rate("m", "", TEXT_WITH_AUDIO, 272_000),
        at_host,
    ):
        assert Rate.from_key(rate.key()) == rate
    assert Rate.from_key("a\tb\tc\td\te\tf") == Rate("a", "b", "c", host="e")


@pytest.mark.parametrize("usage", [None, [], "x", {}, {"prompt_tokens": "7"}, {"prompt_tokens": True}])
def test_a_call_without_usage_is_one_call_without_tokens(usage: object) -> None:
    """A call is charged at its model's rate even when no tokens are known."""
    assert charges({"model": "m"}, {"usage": usage}) == (Charge("m", 0, 0, 0),)
    assert read_usage({"usage": usage}).input is None


def test_a_price_table_can_be_replaced(tmp_path: Path) -> None:
    """A file of the user's own is the price table."""
    table = tmp_path / "prices.json"
    table.write_text('{"models": {"in-house": {"input": 1, "output": 2}}}')

    prices = Prices.load(table)

    assert prices.cost("in-house", M, M, M // 2) == pytest.approx(3.0)
    assert prices.cost("gpt-4o", M, M) == pytest.approx(12.5)


def test_the_users_file_wins_for_what_it_names(tmp_path: Path) -> None:
    """It wins at every host, null makes a price unknown, and a provider of its own may be any host."""
    own = {
        "models": {"gpt-4o": {"input": 1, "output": 1}, "gpt-4o-mini": None, "llama-3.1-8b-instant": None},
        "providers": {"ours": {"hosts": ["*.example"], "models": {"m": {"input": 7, "output": 0}}}},
    }
    (tmp_path / "own.json").write_text(json.dumps(own))
    prices = Prices.load(tmp_path / "own.json")

    def of(model: str, base_url: str = "") -> float | None:
        return prices.cost_of(charges({}, response(model), base_url=base_url))

    assert of("gpt-4o-2024-08-06") == of("gpt-4o", "https://ours.openai.azure.com/openai") == 2.0
    assert of("gpt-4o-mini") is None
    assert of("llama-3.1-8b-instant", "https://api.groq.com/openai/v1") is None
    assert of("m", "https://llm.example/v1") == of("ours/m") == 7.0
    assert of("m") is None
    over_the_wire = Prices.from_document(json.loads(json.dumps(prices.document())))
    assert over_the_wire.cost("gpt-4o-mini", M, M) is None
    assert "gpt-4o-mini" not in prices.document()["models"]


@pytest.mark.parametrize(
    ("base_url", "model", "dollars"),
    [
        ("https://api.groq.com/openai/v1/", "llama-3.3-70b-versatile", 0.59 + 0.79),
        ("https://api.groq.com/openai/v1/", "gpt-4o", None),
        ("https://api.cerebras.ai/v1", "gpt-oss-120b", 0.35 + 0.75),
        ("https://api.groq.com/openai/v1", "openai/gpt-oss-120b", 0.15 + 0.6),
        ("http://localhost:11434/v1", "gpt-oss-120b", None),
        ("https://openrouter.ai/api/v1", "openai/gpt-4o-mini", 0.75),
        ("https://ours.openai.azure.com/openai/deployments/d", "gpt-4o-2024-05-13", 20.0),
        ("https://api.mistral.ai/v1", "mistral-large-latest", 8.0),
        ("https://generativelanguage.googleapis.com/v1beta/openai/", "models/gemini-2.0-flash", 0.5),
        ("https://generativelanguage.googleapis.com/v1beta/openai/", "gemini-2.0-flash-001", 0.5),
        ("https://api.anthropic.com/v1/", "claude-opus-4-1-20250805", 90.0),
        ("http://proxy.internal:4000", "claude-opus-4-1-20250805", 90.0),
        ("http://proxy.internal:4000", "groq/llama-3.3-70b-versatile", 0.59 + 0.79),
        ("http://proxy.internal:4000", "together_ai/deepseek-ai/DeepSeek-V4.1-Flash", 1.5),
        ("http://proxy.internal:4000", "llama-3.3-70b-versatile", None),
        ("https://api.openai.com/v1", "gpt-4o", 12.5),
        ("not a url [", "gpt-4o", 12.5),
        (7, "gpt-4o", 12.5),
    ],
)
def test_the_provider_that_answered_counts(base_url: Any, model: str, dollars: float | None) -> None:
    """The host decides where the table knows it; elsewhere only the names that one maker alone serves."""
    found = PRICES.cost_of(charges({}, response(model), base_url=base_url))

    assert found == (None if dollars is None else pytest.approx(dollars))


def test_reasoning_with_a_price_of_its_own_is_charged_apart() -> None:
    """It is a part of the output; everywhere else it costs what the output does."""
    name = "perplexity/sonar-deep-research"
    answered = response(name, usage=details(out_reasoning_tokens=M // 4))
    charged = charges({}, answered, base_url="https://openrouter.ai/api/v1")

    assert [one.output for one in charged] == [M - M // 4, M // 4]
    assert PRICES.cost_of(charged) == pytest.approx(2 + 0.75 * 8 + 0.25 * 3)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"models": []}',
        '{"models": {"m": {"input": 1}}}',
        '{"models": {"m": 1}}',
        '{"models": {"m": {"input": 1, "output": NaN}}}',
        '{"models": {"m": {"input": -1, "output": 1}}}',
        '{"models": {"m": {"input": 1, "output": 1, "tiers": {"flex": {"input": 1}}}}}',
        '{"models": {"m": {"input": 1, "output": 1, "audio": {}}}}',
        '{"models": {"m": {"input": 1, "output": 1, "reasoning": 1}}}',
        '{"models": {}, "providers": {"p": {"hosts": "h", "models": {}}}}',
        '{"models": {}, "providers": {"p": {"hosts": []}}}',
        '{"models": {}, "providers": []}',
        '{"models": {"m": {"input": 1, "output": 1, "large_input": {"above": 5, "input": 1, "output": 1}}}}',
    ],
)
def test_a_file_that_is_no_price_table_is_named(tmp_path: Path, text: str) -> None:
    """A broken price table is an error that names the file."""
    (tmp_path / "prices.json").write_text(text)

    with pytest.raises(ConfigError, match=r"prices\.json"):
        Prices.load(tmp_path / "prices.json")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ('{"input": 1}', "our-model: output has no price"),
        ('{"input": -1, "output": 1}', "our-model: input is no price: -1"),
        ('{"input": 1, "output": 1, "tiers": {"flex": {"output": 1}}}', "our-model: input has no price"),
        (
            '{"input": 1, "output": 1, "large_input": {"above": 5}}',
            "our-model: large_input: above is none of",
        ),
        ('{"input": 1, "output": 1, "tiers": 5}', "our-model: a part of it has another form"),
    ],
)
def test_the_error_names_the_model_and_the_price(tmp_path: Path, entry: str, said: str) -> None:
    """Among two thousand lines the one that is wrong is found by its name."""
    (tmp_path / "prices.json").write_text(f'{{"models": {{"our-model": {entry}}}}}')

    with pytest.raises(ConfigError, match=said):
        Prices.load(tmp_path / "prices.json")


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "{}", '{"models": []}', '{"models": {}, "providers": 5}', "[" * 100_000]
)
def test_what_is_no_price_table_is_told_without_types_of_python(tmp_path: Path, text: str) -> None:
    """The error shows the form that is meant; a file that cannot be read is told as any other is."""
    file = tmp_path / "prices.json"
    with pytest.raises(ConfigError, match="it cannot be read: No such file or directory"):
        Prices.load(file)
    file.write_text(text)

    with pytest.raises(ConfigError, match=r'such as \{"models"') as raised:
        Prices.load(file)

    assert not re.search(r"Error|NoneType|subscriptable|attribute|object is", str(raised.value))


def test_the_table_of_a_server_is_read_as_its_file_is() -> None:
    """A table that went over the wire prices as the one it came from."""
    copy = Prices.from_document(json.loads(json.dumps(PRICES.document())))

    assert (
        copy.cost("gpt-4o\tpriority", M, M) == PRICES.cost("gpt-4o\tpriority", M, M) == pytest.approx(21.25)
    )
