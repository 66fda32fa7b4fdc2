"""Status, kind and endpoint of a call."""

from __future__ import annotations

from typing import Any

import pytest

from log10_trace.domain.call_labels import ENDPOINTS, KINDS, STATUSES, determine_status, kind_of_endpoint
from log10_trace.models.components import Kind, Status


def test_the_models_name_the_same_statuses_and_kinds() -> None:
    """The enumerations that users import hold these words and no others."""
    assert tuple(Status) == STATUSES
    assert tuple(Kind) == KINDS


def test_every_endpoint_has_a_kind() -> None:
    """Text completions are prompts, everything else is chat."""
    assert [kind_of_endpoint(endpoint) for endpoint in ENDPOINTS] == ["chat", "prompt", "chat", "chat"]


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"status": "started", "response": {}}, "started"),
        ({"status": None, "failure_kind": "TimeoutError"}, "failed"),
        ({"failure_kind": "", "response": {}}, "failed"),
        ({"response": {}}, "finished"),
        ({"status": "", "response": None}, "started"),
        ({}, "started"),
    ],
)
def test_a_record_without_a_status_has_the_one_it_implies(values: dict[str, Any], status: str) -> None:
    """A stated status counts, then a failure, then a response."""
    assert determine_status(values) == status
