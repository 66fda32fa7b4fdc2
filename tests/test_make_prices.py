"""The price table of a release, made from the public one: what is taken, what is left out."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from log10_trace.domain.charges import LARGE_INPUTS, charges
from log10_trace.domain.prices import Prices
from scripts import make_prices

M: Final = 1_000_000
DATE: Final = "2026-11-30"


def model(name: str, prices: Any, **more: Any) -> dict[str, Any]:
    """A model of the source, by one name."""
    return {"id": name, "match": {"equals": name}, "prices": prices, **more}


def tokens(given: Any, made: Any, **more: Any) -> dict[str, Any]:
    """Prices of the source."""
    return {"input_mtok": given, "output_mtok": made, **more}


PROVIDERS: Final[list[dict[str, Any]]] = [
    {
        "id": "openai",
        "models": [
            model(
                "gpt-9",
                [
                    {"prices": tokens("9", "9")},
                    {"constraint": {"start_date": DATE}, "prices": tokens("1", "2", cache_read_mtok="0.5")},
                    {"constraint": {"start_date": "2027-01-01"}, "prices": tokens("7", "7")},
                    {"constraint": {"start_time": "01:00", "end_time": "04:00"}, "prices": tokens("8", "8")},
                ],
                price_variants=[
                    {"when": {"service_tier": "default"}, "prices": {}},
                    {"when": {"processing": "batch"}, "prices": {"input_mtok": "0.5", "output_mtok": "1"}},
                    {"when": {"service_tier": "flex"}, "constraint": {"start_date": "2027"}, "prices": {}},
                ],
            ),
            model("gpt-9-2026-11-01", tokens("3", "4")),
            model("gpt-9-audio", tokens("1", "2", input_audio_mtok="30", output_audio_mtok="40")),
            model("gpt-oss-9b", tokens("1", "1")),
            model("embedding-9", {"input_mtok": "1"}),
            model("image-9", tokens("1", "2", output_image_mtok="30")),
        ],
    },
    {
        "id": "anthropic",
        "models": [
            {
                "id": "claude-9",
                "match": {"or": [{"starts_with": "claude-9"}, {"starts_with": "nine-"}, {"regex": "x"}]},
                "prices": tokens(
                    {"base": "1", "tiers": [{"start": 199_999, "price": "2"}]},
                    {"base": "3", "tiers": [{"start": 199_999, "price": "4"}]},
                ),
            },
            model("claude-steps", tokens({"base": "1", "tiers": [{"start": 5, "price": "2"}]}, "3")),
        ],
    },
    {"id": "groq", "models": [model("gpt-9", tokens("0.1", "0.1"))]},
    {"id": "nobody", "models": [model("gpt-9", tokens("1", "1"))]},
]  # fmt: skip
BY_HAND: Final = {
    "gpt-9": {"cache_write_12h": 3, "tiers": {"batch": {"cache_write": 0.7}}},
    "ft:gpt-9": {"input": 5, "output": 6},
}


def cost(prices: Prices, name: str, base_url: str = "", **details: Any) -> float | None:
    """What a million tokens in and out cost."""
    usage = {"prompt_tokens": M, "completion_tokens": M, **details}
    return prices.cost_of(charges({}, {"model": name, "usage": usage}, base_url=base_url))


def test_a_table_is_made_from_the_source() -> None:
    """Prices of the day, tiers, sound, large inputs and hosts are taken; what has no place is counted."""
    table, left_out = make_prices.make_table(PROVIDERS, BY_HAND, date=DATE, source="a table")
    text = make_prices.write_table(table)
    prices = Prices(json.loads(text))
    prices.check()

    assert json.loads(text) == table
    assert [cost(prices, name) for name in ("gpt-9", "gpt-9-2026-11-01", "ft:gpt-9:acme::1")] == [3, 7, 11]
    assert cost(prices, "gpt-9", prompt_tokens_details={"cached_tokens": M}) == 2.5
    sound = {"prompt_tokens_details": {"audio_tokens": M}, "completion_tokens_details": {"audio_tokens": M}}
    assert cost(prices, "gpt-9-audio", **sound) == 70
    assert cost(prices, "claude-9-latest") == cost(prices, "claude-9-20261101") == 6
    assert prices.cost("claude-9", M, M) == 4
    assert cost(prices, "gpt-9", "https://api.groq.com/openai/v1") == 0.2
    assert cost(prices, "gpt-oss-9b") is None
    assert table["models"]["gpt-9"]["tiers"] == {
        "batch": {"cache_write": 0.7, "input": 0.5, "output": 1, "cached_input": 0.5}
    }
    assert table["models"]["gpt-9"]["cache_write_12h"] == 3
    assert set(table["providers"]) == {"anthropic", "groq"}
    assert left_out == {
        "no price for input or output": 1,
        "also charges output_image_mtok": 1,
        "other steps of large inputs": 1,
    }


def test_the_installed_package_is_read_as_its_file_is() -> None:
    """Objects become what the file has: without empty fields, and with the names of JSON."""
    clause = SimpleNamespace(or_=[SimpleNamespace(equals="a")])
    found = make_prices.to_plain([SimpleNamespace(id="m", match=clause, name=None, description="long")])

    assert found == [{"id": "m", "match": {"or": [{"equals": "a"}]}}]


def test_the_packages_table_is_as_the_script_writes_it() -> None:
    """It was made by the script, within bounds; every entry can be read; its steps are those of charges."""
    text = make_prices.TABLE.read_text(encoding="utf-8")
    prices = Prices(json.loads(text))
    prices.check()

    assert make_prices.write_table(json.loads(text)) == text
    assert len(text) < 300_000
    assert sum(1 for _ in prices.package.list_prices()) > 1_500
    assert set(make_prices.LARGE_INPUTS.values()) == set(LARGE_INPUTS)
    by_hand = json.loads(Path(make_prices.BY_HAND).read_text(encoding="utf-8"))
    assert set(by_hand) <= set(prices.package.models)
