"""What every test stands on: a LOG10_HOME of its own, and no setting of the developer's."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from log10_trace.config import OPTIONS

# How long an example takes says more about the machine than about us.
settings.register_profile("log10_trace", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("log10_trace")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts jobs in the background deaf to Ctrl-C, and the processes that tests start inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def private_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A LOG10_HOME for this test alone, and no LOG10_ setting from outside."""
    for name in [option.env for option in OPTIONS if option.env] + ["OPENAI_BASE_URL", "OPENAI_API_KEY"]:
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "log10"
    monkeypatch.setenv("LOG10_HOME", str(home))
    assert os.environ["LOG10_HOME"] == str(home)
    return home
