"""The SDK patched, a fake model endpoint, and the calls that were recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from log10_trace import instrument
from log10_trace.record.call import Call
from log10_trace.record.call_codec import decode, encode
from log10_trace.record.completion import to_json
from tests.model_endpoint import Endpoint, model_endpoint


class Kept:
    """A sink that keeps each record as the spool would: packed, and read back."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.payloads: list[bytes] = []

    def on_start(self, call: Call) -> None:
        """Note that it began."""
        self.begun.append(call.id)

    def on_end(self, call: Call) -> None:
        """Keep the record, and let go of the body, as the journal does."""
        self.payloads.append(b"".join(encode(call)))
        call.chunks.clear()

    @property
    def records(self) -> list[dict[str, Any]]:
        """Every record so far, oldest first, as JSON that was read."""
        return [json.loads(to_json(decode(payload))) for payload in self.payloads]

    @property
    def one(self) -> dict[str, Any]:
        """The record, when there is to be exactly one."""
        assert len(self.payloads) == 1, f"{len(self.payloads)} records"
        return self.records[0]


@pytest.fixture(scope="session")
def shared_endpoint() -> Iterator[Endpoint]:
    """One endpoint for all tests of a run; each starts with nothing scripted and nothing received."""
    with model_endpoint() as endpoint:
        yield endpoint


@pytest.fixture
def endpoint(shared_endpoint: Endpoint) -> Endpoint:
    shared_endpoint.reset()
    return shared_endpoint


@pytest.fixture
def kept() -> Iterator[Kept]:
    """The SDK patched while the test runs; gives the sink."""
    sink = Kept()
    instrument.install(sink)
    yield sink
    instrument.uninstall()
