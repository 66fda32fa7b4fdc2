"""What the server counts about itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

Keep = Callable[..., dict[str, Any]]


def values(client: httpx.Client) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample that /metrics gives."""
    text = client.get("/metrics").text
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}


def test_requests_and_records_are_counted(client: httpx.Client, keep: Keep) -> None:
    """One more record is one more request of its route and one more created record."""
    route = {("method", "POST"), ("route", "/api/v1/completions"), ("status", "201")}
    requests = ("log10_requests_total", frozenset(route))
    created = ("log10_records_total", frozenset({("outcome", "created")}))
    keep()
    before = values(client)
    keep()
    after = values(client)

    assert after[requests] == before[requests] + 1
    assert after[created] == before[created] + 1
    assert after["log10_store_bytes", frozenset()] > 0


def test_no_label_holds_anything_of_a_user(client: httpx.Client, keep: Keep) -> None:
    """Ids, tags, searches and unknown paths never become labels."""
    keep(id="privateid", tags=["privatetag"])
    client.get("/api/v1/completions/privateid")
    client.get("/privatepath")
    client.get("/api/v1/completions?q=privateword")
    client.request("PRIVATEMETHOD", "/api/v1/completions")

    assert "private" not in client.get("/metrics").text.lower()
