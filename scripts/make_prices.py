"""Writes ``log10_trace/domain/prices.json`` from the public table of genai-prices (MIT, Pydantic Services).

Run it before a release, in an environment of its own, and look at the difference:

    pip install genai-prices && python scripts/make_prices.py

The table is the installed package's, or ``--source FILE``: the ``data.json`` of its repository. Prices of
OpenAI's models that it lacks (fine-tuned models, sound, caching for twelve hours) are kept by hand in
``scripts/openai_prices.json``. What cannot be expressed is left out and counted: a wrong price is worse than
none.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
TABLE: Final = ROOT / "log10_trace" / "domain" / "prices.json"
BY_HAND: Final = Path(__file__).with_name("openai_prices.json")
ABOUT: Final = (
    "US dollars for a million tokens. A file of yours, named with --prices, has the same form and wins for "
    "the models that it names; null there is a price that shall not be known. What is not listed is unknown, "
    "never free: a model, a tier, sound without a price of its own. A dated version of a model costs what "
    "the model does unless it has a line of its own. At the hosts of a provider only its prices count."
)

DATE: Final = re.compile(r"-\d{4}-\d{2}-\d{2}$|[-@]\d{8}$")
LARGE_INPUTS: Final = {
    100_000: 100_000,
    128_000: 128_000,
    199_999: 200_000,
    200_000: 200_000,
    256_000: 256_000,
    272_000: 272_000,
}
"""Thresholds of the source, and those of ``log10_trace.domain.charges`` that they are read as."""

PROVIDERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "anthropic": {"hosts": ["api.anthropic.com"], "known_anywhere": True},
    "azure": {
        "hosts": [
            "*.openai.azure.com", "*.azure-api.net", "*.cognitiveservices.azure.com",
            "*.services.ai.azure.com", "models.inference.ai.azure.com",
        ],
        "names": ["azure_ai"],
        "also": ["openai", "anthropic", "deepseek", "x-ai", "moonshotai"],
    },
    "baseten": {"hosts": ["inference.baseten.co"]},
    "cerebras": {"hosts": ["api.cerebras.ai"]},
    "cohere": {"hosts": ["api.cohere.com", "api.cohere.ai"]},
    "deepseek": {"hosts": ["api.deepseek.com"]},
    "fireworks": {"hosts": ["api.fireworks.ai"], "names": ["fireworks_ai"]},
    "google": {
        "hosts": [
            "generativelanguage.googleapis.com", "aiplatform.googleapis.com", "*-aiplatform.googleapis.com",
        ],
        "names": ["gemini", "vertex_ai"],
        "known_anywhere": True,
    },
    "groq": {"hosts": ["api.groq.com"]},
    "minimax": {"hosts": ["api.minimax.io", "api.minimaxi.com", "api.minimax.com"]},
    "mistral": {"hosts": ["api.mistral.ai"], "names": ["mistralai"]},
    "moonshotai": {"hosts": ["api.moonshot.ai", "api.moonshot.cn"], "names": ["moonshot"]},
    "novita": {"hosts": ["api.novita.ai"]},
    "openrouter": {"hosts": ["openrouter.ai", "api.openrouter.ai"]},
    "together": {
        "hosts": ["api.together.xyz", "api.together.ai", "api-inference.together.ai"],
        "names": ["together_ai"],
    },
    "x-ai": {"hosts": ["api.x.ai", "*.api.x.ai"], "names": ["xai"], "known_anywhere": True},
    "zai": {"hosts": ["api.z.ai"], "names": ["z-ai"]},
}  # fmt: skip
"""The providers that are taken, as ``log10_trace.domain.price_table`` reads them; OpenAI stands apart."""

_OPEN_WEIGHTS: Final = ("gpt-oss", "gemma")
"""Models that anybody may serve: left out where a name alone decides."""
_SUFFIXES: Final = {
    "anthropic": ("-latest",),
    "google": ("-latest", "-preview", "-001", "-002"),
    "deepseek": ("-latest",),
}
"""What versions of a model are called, where the source says only how their names begin."""
_TOKENS: Final = {
    "input_mtok": "input",
    "cache_read_mtok": "cached_input",
    "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
    "output_mtok": "output",
    "output_reasoning_mtok": "reasoning",
}
_SOUND: Final = {
    "input_audio_mtok": "input",
    "cache_audio_read_mtok": "cached_input",
    "output_audio_mtok": "output",
}
_BY_USE: Final = {"web_searches_kcount", "storage_searches_kcount"}
"""Prices of tools: not in a table of tokens."""
_TIERS: Final = {("processing", "batch"), ("service_tier", "flex"), ("service_tier", "priority")}


class UnfitError(Exception):
    """A price that the table cannot express."""


def make_table(
    providers: list[Mapping[str, Any]], by_hand: Mapping[str, Any], *, date: str, source: str
) -> tuple[dict[str, Any], Counter[str]]:
    """The table, and how many models were left out, by reason.

    Args:
        providers: The source's, as its ``data.json`` has them.
        by_hand: Prices of OpenAI's models, added to the source's and to their tiers.
        date: The day of the prices, ``2026-01-31``.
        source: What they are taken from.
    """
    left_out: Counter[str] = Counter()
    models = {
        each["id"]: _models(each, date, left_out)
        for each in providers
        if each["id"] in (*PROVIDERS, "openai")
    }
    openai = _without_open_weights(models.pop("openai", {}))
    for name, entry in by_hand.items():
        openai[name] = _merge(entry, openai.get(name, {}))
    table = {
        name: {
            **place,
            "models": _without_open_weights(models[name]) if "known_anywhere" in place else models[name],
        }
        for name, place in PROVIDERS.items()
        if name in models
    }
    return {"about": ABOUT, "source": source, "date": date, "models": openai, "providers": table}, left_out


def _models(provider: Mapping[str, Any], date: str, left_out: Counter[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for model in provider["models"]:
        try:
            entry = _entry(model, date)
        except UnfitError as error:
            left_out[str(error)] += 1
            continue
        for name in _names(model["match"], _SUFFIXES.get(provider["id"], ())):
            if provider["id"] != "google" or name.startswith(
                "gemini"
            ):  # others have no OpenAI-compatible API
                found.setdefault(name, entry)  # the source takes the first model that matches
    return {name: entry for name, entry in found.items() if not _is_dated_twin(name, found)}


def _is_dated_twin(name: str, found: Mapping[str, Any]) -> bool:
    """Whether who looks the name up finds the same prices under the name without its date."""
    undated = DATE.sub("", name)
    return undated != name and found.get(undated) == found[name]


def _entry(model: Mapping[str, Any], date: str) -> dict[str, Any]:
    standard = _current(model["prices"], date)
    entry = _prices(standard)
    tiers = {}
    for variant in model.get("price_variants") or []:
        when = variant["when"]
        (what, value), *others = when.items()
        is_future = (variant.get("constraint") or {}).get("start_date", "") > date
        if (what, value) in _TIERS and not others and not is_future and value not in tiers:
            tiers[value] = _prices({**standard, **variant["prices"]})
    return {**entry, "tiers": tiers} if tiers else entry


def _current(prices: Any, date: str) -> Mapping[str, Any]:
    """The prices on a day, without those of an hour of the day: roll-ups do not keep the hour."""
    if isinstance(prices, dict):
        return prices
    current: Mapping[str, Any] = prices[0]["prices"]
    for conditional in prices[1:]:
        start = (conditional.get("constraint") or {}).get("start_date", "9999")
        if start <= date:
            current = conditional["prices"]
    return current


def _prices(given: Mapping[str, Any]) -> dict[str, Any]:
    stated = {name: price for name, price in given.items() if price is not None}
    if not {"input_mtok", "output_mtok"} <= stated.keys():
        reason = "no price for input or output"
        raise UnfitError(reason)
    unknown = stated.keys() - _TOKENS.keys() - _SOUND.keys() - _BY_USE
    if unknown:
        reason = f"also charges {min(unknown)}"
        raise UnfitError(reason)
    starts = {
        tier["start"] for price in stated.values() if isinstance(price, dict) for tier in price["tiers"]
    }
    if len(starts) > 1 or not starts <= LARGE_INPUTS.keys():
        reason = "other steps of large inputs"
        raise UnfitError(reason)
    entry = _at(stated, large=False)
    if starts:
        entry["large_input"] = {"above": LARGE_INPUTS[starts.pop()], **_at(stated, large=True)}
    return entry


def _at(stated: Mapping[str, Any], *, large: bool) -> dict[str, Any]:
    def dollars(price: Any) -> float:
        if isinstance(price, dict):
            price = price["tiers"][0]["price"] if large else price["base"]
        number = float(price)
        return int(number) if number.is_integer() else number

    entry: dict[str, Any] = {ours: dollars(stated[name]) for name, ours in _TOKENS.items() if name in stated}
    sound = {ours: dollars(stated[name]) for name, ours in _SOUND.items() if name in stated}
    if sound and not large:
        entry["audio"] = {"input": entry["input"], "output": entry["output"], **sound}
    return entry


def _names(match: Mapping[str, Any], suffixes: Iterable[str]) -> Iterator[str]:
    """The names that a condition of the source is for; dates are stripped by who looks a name up."""
    for kind, value in match.items():
        if kind == "equals":
            yield value
        elif kind in ("starts_with", "contains", "ends_with") and not value.endswith(("-", "@")):
            yield from (value, *(value + suffix for suffix in suffixes))
        elif kind in ("or", "and"):
            for each in value:
                yield from _names(each, suffixes)


def _without_open_weights(models: Mapping[str, Any]) -> dict[str, Any]:
    return {name: entry for name, entry in models.items() if not name.startswith(_OPEN_WEIGHTS)}


def _merge(by_hand: Mapping[str, Any], generated: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept by hand fills what the source does not say, tier by tier."""
    merged = {**by_hand, **generated}
    for part in ("large_input", "audio"):
        if part in by_hand and part in generated:
            merged[part] = {**by_hand[part], **generated[part]}
    tiers = {**by_hand.get("tiers", {}), **generated.get("tiers", {})}
    if tiers:
        of_hand = by_hand.get("tiers", {})
        merged["tiers"] = {name: _merge(of_hand.get(name, {}), each) for name, each in tiers.items()}
    return merged


def write_table(table: Mapping[str, Any]) -> str:
    """The table as JSON text with a line for each model, so that a difference can be read."""
    lines = [
        "{",
        *(f" {json.dumps(name)}: {json.dumps(table[name])}," for name in ("about", "source", "date")),
    ]
    lines += [' "models": {', _lines(table["models"], "  "), " },", ' "providers": {']
    for number, (name, provider) in enumerate(table["providers"].items()):
        place = {key: value for key, value in provider.items() if key != "models"}
        head = json.dumps(place)[1:-1]
        comma = "," if number + 1 < len(table["providers"]) else ""
        lines += [
            f'  {json.dumps(name)}: {{{head}, "models": {{',
            _lines(provider["models"], "   "),
            f"  }}}}{comma}",
        ]
    return "\n".join([*lines, " }", "}", ""])


def _lines(models: Mapping[str, Any], indent: str) -> str:
    return ",\n".join(
        f"{indent}{json.dumps(name)}: {json.dumps(entry, separators=(', ', ':'))}"
        for name, entry in models.items()
    )


def to_plain(value: Any) -> Any:
    """An object of the installed package as its ``data.json`` has it."""
    if isinstance(value, list):
        return [to_plain(each) for each in value]
    if isinstance(value, dict):
        return {key: to_plain(each) for key, each in value.items()}
    if hasattr(value, "__dict__"):
        fields = {name.rstrip("_"): each for name, each in vars(value).items() if each is not None}
        return {
            name: to_plain(each) for name, each in fields.items() if name not in ("extractors", "description")
        }
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def read_source(file: Path | None) -> tuple[list[Mapping[str, Any]], str]:
    """The providers of the source, and its name and version."""
    if file is not None:
        return json.loads(file.read_bytes()), f"genai-prices, {file.name} (MIT)"
    from genai_prices.data import providers  # noqa: PLC0415 -- needed only here, and not in tests

    return to_plain(providers), f"genai-prices {metadata.version('genai-prices')} (MIT)"


def main() -> None:
    """Write the table, and say what is in it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--source", type=Path, help="data.json of genai-prices; default: the installed package"
    )
    parser.add_argument("--date", default=f"{datetime.now(timezone.utc):%Y-%m-%d}", help="day of the prices")
    parser.add_argument("--output", type=Path, default=TABLE)
    arguments = parser.parse_args()
    providers, source = read_source(arguments.source)
    by_hand = json.loads(BY_HAND.read_bytes())
    table, left_out = make_table(providers, by_hand, date=arguments.date, source=source)
    arguments.output.write_text(write_table(table), encoding="utf-8")
    print(f"openai: {len(table['models'])} names")
    for name, provider in table["providers"].items():
        print(f"{name}: {len(provider['models'])} names")
    for reason, count in left_out.most_common():
        print(f"left out, {reason}: {count}")


if __name__ == "__main__":
    main()
