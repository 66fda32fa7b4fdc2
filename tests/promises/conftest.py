"""What the tests of promises stand on."""

from __future__ import annotations

import pytest

from log10_trace.export.delivery import retry


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, pauses between attempts are a tenth of what they are."""
    monkeypatch.setattr(retry, "BASE_S", retry.BASE_S / 10)
