"""The sink on the caller's thread: what is kept of calls, and what is not kept in memory."""

from __future__ import annotations

import time

import pytest

from tests.export.made import begun, call, delivery, settled


def test_a_call_that_cannot_be_kept_is_counted_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours costs the one record: it is counted as given up, and the call is not taken for open."""

    def fails(_: object) -> list[bytes]:
        raise ValueError

    with delivery() as made:
        made.recorder.started(lost := call())
        with monkeypatch.context() as patched:
            patched.setattr("log10_trace.export.recorder.pack", fails)
            made.recorder.ended(lost)
        made.recorder.started(begun())

        assert made.stats().dropped == {"fault": 1}
        assert settled(made)
        assert made.recorder.show_long_calls(time.perf_counter_ns(), 10**12) is not None
        assert len(made.recorder._open) == 1
