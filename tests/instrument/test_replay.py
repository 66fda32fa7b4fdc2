"""The recorded exchanges of twenty-odd providers, made again over HTTP: every record equals its source."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from log10_trace.record.call_codec import decode
from log10_trace.record.completion import to_json
from log10_trace.record.completion_model import to_model
from tests.instrument.conftest import Kept
from tests.model_endpoint import Endpoint
from tests.recorded import exchanges, needed

PATHS = {"chat": "/chat/completions", "completion": "/completions", "response": "/responses"}


def replay(exchange: dict[str, Any], endpoint: Endpoint) -> None:
    """Make the call once more; what the SDK thinks of the answer does not matter here."""
    endpoint.exchanges[exchange["id"]] = exchange
    client = openai.OpenAI(base_url=endpoint.url, api_key="sk-replayed", max_retries=0)
    options: Any = {"headers": {"x-replay-id": exchange["id"]}}
    try:
        result: Any = client.post(
            PATHS[exchange["kind"]],
            cast_to=object,
            body=exchange["request"],
            options=options,
            stream=exchange["stream"],
            stream_cls=openai.Stream[object] if exchange["stream"] else None,
        )
        for _ in result if exchange["stream"] else ():
            pass
    except (openai.APIError, ValueError):
        pass
    finally:
        client.close()


@pytest.mark.parametrize("exchange", exchanges() or [None], ids=lambda one: one["id"] if one else "none")
def test_record_equals_its_source(exchange: dict[str, Any] | None, endpoint: Endpoint, kept: Kept) -> None:
    """The request stands byte for byte as it was sent, the response as it came, a stream with all text."""
    exchange = exchange or needed()[0]
    replay(exchange, endpoint)
    record = kept.one
    native = "native_" if exchange["kind"] == "response" else ""
    line = to_json(decode(kept.payloads[0]))

    assert b"\n" not in line
    assert record[f"{native}request"] == exchange["request"]
    assert endpoint.received[-1].body in line
    without_raw = {name: value for name, value in record.items() if not name.startswith("raw_")}
    assert json.loads(to_model(decode(kept.payloads[0])).to_json()) == without_raw
    if exchange["body"].lstrip().startswith("{"):
        assert exchange["body"].replace("\r", " ").replace("\n", " ").encode() in line
    else:
        check_folded(record[f"{native}response"], events_of(exchange["body"]))


def events_of(body: str) -> list[dict[str, Any]]:
    """The events of a stream, read the simple way."""
    data = [line[5:].strip() for line in body.splitlines() if line.startswith("data:")]
    return [event for text in data if text != "[DONE]" and isinstance(event := json.loads(text), dict)]


def check_folded(whole: dict[str, Any], events: list[dict[str, Any]]) -> None:
    """Hold a folded response against its events, counted up independently of the folding."""
    final = [
        event["response"]
        for event in events
        if event.get("type") in ("response.completed", "response.incomplete")
    ]
    if final:
        assert whole == final[-1]
        return
    for index in {choice.get("index", 0) for event in events for choice in event.get("choices", [])}:
        pieces = [c for event in events for c in event.get("choices", []) if c.get("index", 0) == index]
        folded = next(choice for choice in whole["choices"] if choice["index"] == index)
        check_choice(folded, pieces)
    used = [event["usage"] for event in events if event.get("usage")]
    assert whole.get("usage") == (used[-1] if used else whole.get("usage"))
    dropped = {key for event in events for key in event} - set(whole) - {"obfuscation"}
    assert not dropped


def check_choice(folded: dict[str, Any], pieces: list[dict[str, Any]]) -> None:
    """One choice: its text, its tools' arguments, why it finished, and no key lost."""
    deltas = [piece.get("delta") or {} for piece in pieces]
    reasons = [piece["finish_reason"] for piece in pieces if piece.get("finish_reason")]
    assert folded["finish_reason"] == (reasons[-1] if reasons else None)
    for field in ("content", "reasoning_content", "reasoning", "refusal"):
        text = "".join(delta[field] for delta in deltas if isinstance(delta.get(field), str))
        if text and all(isinstance(delta.get(field), str | None) for delta in deltas):
            assert folded["message"][field] == text
    if any("text" in piece for piece in pieces):
        assert folded["text"] == "".join(piece.get("text") or "" for piece in pieces)
    fragments = [call for delta in deltas for call in delta.get("tool_calls") or []]
    names = [call["function"]["name"] for call in fragments if (call.get("function") or {}).get("name")]
    arguments = sorted("".join((call.get("function") or {}).get("arguments") or "" for call in fragments))
    calls = folded.get("message", {}).get("tool_calls") or []
    assert {call["function"]["name"] for call in calls} == set(names)
    assert sorted("".join(call["function"].get("arguments") or "" for call in calls)) == arguments
    assert not {key for delta in deltas for key in delta} - set(folded.get("message", {}))
