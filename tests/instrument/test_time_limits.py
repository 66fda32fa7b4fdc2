"""A program that limits the time of its calls by a signal is ended by that limit, wherever we are by then."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest
from openai import OpenAI

from log10_trace import instrument
from log10_trace.guard import faults
from log10_trace.record.call import Call
from tests.instrument.conftest import Kept
from tests.instrument.programs import CHAT
from tests.model_endpoint import Endpoint

ALARM = signal.SIGUSR2


class TimeIsUpError(Exception):
    """As Celery's ``SoftTimeLimitExceeded``: a plain exception that a signal handler raises."""


@pytest.fixture
def limit() -> Iterator[None]:
    def exceed(_number: int, _frame: Any) -> None:
        raise TimeIsUpError

    before = signal.signal(ALARM, exceed)
    yield
    signal.signal(ALARM, before)


class Late(Kept):
    """A sink in which the time is up, when a call begins or when it ends."""

    def __init__(self, moment: str) -> None:
        super().__init__()
        self.moment = moment

    def on_start(self, call: Call) -> None:
        """Be interrupted, if this is the moment."""
        super().on_start(call)
        if self.moment == "beginning":
            signal.raise_signal(ALARM)

    def on_end(self, call: Call) -> None:
        """As ``on_start``."""
        super().on_end(call)
        if self.moment == "end":
            signal.raise_signal(ALARM)


@pytest.mark.usefixtures("limit")
@pytest.mark.parametrize(("moment", "status", "asked"), [("beginning", "failed", 0), ("end", "finished", 1)])
def test_the_limit_ends_the_call(endpoint: Endpoint, moment: str, status: str, asked: int) -> None:
    """What the handler raises in our code reaches the program; it is no fault, and there is one record."""
    sink, before = Late(moment), faults.counts()
    instrument.install(sink)
    try:
        with OpenAI(base_url=endpoint.url, api_key="none") as client, pytest.raises(TimeIsUpError):
            client.chat.completions.create(**CHAT)
    finally:
        instrument.uninstall()

    assert sink.one["status"] == status
    assert sink.one["request"]["messages"] == CHAT["messages"]
    assert sink.one.get("failure_kind") == (None if asked else "TimeIsUpError")
    assert len(endpoint.received) == asked
    assert faults.counts() == before
