"""Exchanges recorded with real providers, where they are at hand."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

_ROOTS = (Path(__file__).resolve().parents[1], Path(__file__).resolve().parents[2])
_NAME = Path("shared") / "data" / "recorded_calls.jsonl"


def _file() -> Path | None:
    if named := os.environ.get("LOG10_TEST_RECORDED"):
        return Path(named)
    beside = [root.parent / _NAME for root in _ROOTS]
    return next((path for path in beside if path.exists()), None)


def exchanges() -> list[dict[str, Any]]:
    """All of them; none where there is no such file."""
    file = _file()
    return [json.loads(line) for line in file.read_text("utf-8").splitlines() if line] if file else []


def needed() -> list[dict[str, Any]]:
    """All of them; skips the test where there are none."""
    found = exchanges()
    if not found:
        pytest.skip("no recorded exchanges: name a recorded_calls.jsonl in LOG10_TEST_RECORDED")
    return found
