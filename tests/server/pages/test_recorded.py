"""Real exchanges of many providers on the pages: each can be read, none breaks a page."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from log10_trace.record.call import Call
from log10_trace.record.completion import to_json
from tests.server.pages.page_client import Site

BESIDE = Path(__file__).resolve().parents[4] / "shared" / "data" / "recorded_calls.jsonl"
RECORDED = Path(os.environ.get("LOG10_TEST_RECORDED", BESIDE))
ENDPOINTS = {"chat": "/chat/completions", "completion": "/completions", "response": "/responses"}

pytestmark = pytest.mark.skipif(
    not RECORDED.is_file(), reason="no recorded calls: name their file in LOG10_TEST_RECORDED"
)


def exchanges() -> Iterator[dict[str, Any]]:
    with RECORDED.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def recorded(exchange: dict[str, Any]) -> str:
    """The record that capture would have made of the exchange."""
    call = Call(ENDPOINTS[exchange["kind"]], created_ns=time.time_ns(), started_ns=0)
    call.status = "finished" if exchange["status"] < 400 else "failed"
    call.failure_kind = None if exchange["status"] < 400 else "APIStatusError"
    call.request = json.dumps(exchange["request"]).encode()
    call.chunks = [exchange["body"].encode()]
    call.content_type = exchange["content_type"]
    call.status_code = exchange["status"]
    call.streamed = exchange["stream"]
    call.duration_ns = 10**9
    call.session_id = "recorded"
    return to_json(call).decode()


def texts(message: Any) -> Iterator[str]:
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, str):
        yield content
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            yield part["text"]


def without_layout(page: str) -> str:
    """The page's signs, without tags, white space and the counts beside folded JSON."""
    return "".join(re.sub(r'<span class="count">\d+</span>|<[^>]*>', "", page).split())


@pytest.mark.slow
def test_every_recorded_call_can_be_read(site: Site) -> None:
    """Of each exchange, every message's text and the answer's stand on the page of its call."""
    for exchange in exchanges():
        record = json.loads(recorded(exchange))
        page = unescape(site.page(f"/completions/{site.keep(recorded(exchange))}?show=all"))
        signs = without_layout(page)
        messages = (record["request"] or {}).get("messages") or []
        response = record["response"] if isinstance(record["response"], dict) else {}
        answers = [choice.get("message") for choice in response.get("choices") or [] if choice]
        for text in (text for message in (*messages, *answers) for text in texts(message)):
            if text.isprintable():
                # JSON is laid out for reading, and folds.
                assert text in page or "".join(text.split()) in signs, exchange["id"]


def test_the_session_of_all_of_them_can_be_read(site: Site) -> None:
    """List and conversation hold up with every shape at once."""
    kept = {site.keep(recorded(exchange)) for exchange in exchanges()}
    path, shown = "/sessions/recorded", 0

    while path:
        page = site.page(path)
        shown += page.count('class="step ')
        _, link, rest = page.partition('rel="next" href="')
        path = unescape(rest.partition('"')[0]) if link else ""

    assert shown == len(kept)
    assert site.page("/").count('class="whole"') == 50
