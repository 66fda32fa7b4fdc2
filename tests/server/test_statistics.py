"""``GET /api/v1/statistics``: of any filter, in any order, and of what the figures are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from log10_trace.server.openapi.parameters import SORTS
from log10_trace.server.routes import reports
from log10_trace.server.store.common import statistics_of_matches


def test_statistics_of_a_filter(client: httpx.Client, keep: Callable[..., Any]) -> None:
    """The figures are of what matches, sorted as asked for."""
    keep(tags=["a"], duration=2.0, session_id="s")
    keep(tags=["a"], duration=5.0, session_id="t")
    keep(tags=["b"], duration=7.0)

    query = {"tag": "a", "min_duration": "1", "group_by": "session", "sort": "p95"}
    found = client.get("/api/v1/statistics", params=query).json()

    assert [group["key"] for group in found["groups"]] == ["t", "s"]
    assert (found["exact"], found["counted"]) == (True, {"tag": ["a"], "min_duration": 1.0})
    for wrong in ({"sort": "colour"}, {"status": "odd"}, {"more": "1"}):
        assert client.get("/api/v1/statistics", params=wrong).status_code == 422


def test_figures_of_more_calls_say_so(
    client: httpx.Client, keep: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where too many calls match to be summed, the answer names the calls that it is of."""
    monkeypatch.setattr(statistics_of_matches, "MAX_RECORDS", 0)
    keep(tags=["a"], duration=2.0)
    keep(tags=["a"], duration=0.1)

    query = {"tag": "a", "min_duration": "1", "since": "2026-01-01"}
    found = client.get("/api/v1/statistics", params=query).json()

    assert found["groups"][0]["calls"] == 2
    assert not found["exact"]
    assert found["counted"] == {"tag": ["a"], "since": "2026-01-01T00:00:00.000Z"}


def test_a_span_may_end_with_the_last_day_of_the_calendar(
    client: httpx.Client, keep: Callable[..., Any]
) -> None:
    """The figures are of whole minutes, and no minute follows that one."""
    keep()

    found = client.get("/api/v1/statistics", params={"until": "9999-12-31"})

    assert found.json()["groups"][0]["calls"] == 1
    assert found.json()["counted"]["until"] == "9999-12-31T23:59:59.999Z"


def test_the_document_names_every_order() -> None:
    """The orders in the OpenAPI document are those that the store knows."""
    assert set(SORTS) == set(reports.SORTS)
