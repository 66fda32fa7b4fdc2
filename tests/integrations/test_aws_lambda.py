"""The decorator of AWS Lambda handlers: a session for each invocation, and delivery within its time."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import openai
import pytest

import log10_trace
from log10_trace import runtime
from log10_trace.context import current
from log10_trace.integrations.aws_lambda import record_invocations
from log10_trace.testing import capture
from tests.completions_api import CompletionsAPI
from tests.integrations.faults import NewFaults

QUESTION: Any = [{"role": "user", "content": "hi"}]
REQUEST_ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"


def context(remaining_ms: int = 60_000) -> SimpleNamespace:
    """What Lambda gives a handler."""
    return SimpleNamespace(aws_request_id=REQUEST_ID, get_remaining_time_in_millis=lambda: remaining_ms)


@pytest.fixture
def api() -> Iterator[CompletionsAPI]:
    """The program patched, with an interval so long that only a flush delivers."""
    with CompletionsAPI() as api:
        log10_trace.patch(url=api.url, flush_interval=600)
        yield api
        log10_trace.shutdown()


@pytest.fixture
def timeouts(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that each flush was given, instead of a flush."""
    given: list[float] = []
    monkeypatch.setattr(runtime, "flush", given.append)
    return given


def test_an_invocation_is_delivered_before_it_returns(api: CompletionsAPI, client: openai.OpenAI) -> None:
    """The record is at the server by then; its session is the request id."""

    @record_invocations(tags=["shop"], metadata=lambda event: {"user_id": event["user"]}, flush_timeout=60)
    def handler(event: Any, context: Any) -> str:
        """Answer."""
        client.chat.completions.create(model="m", messages=QUESTION)
        return "done"

    assert handler({"user": 42}, context(120_000)) == "done"
    (row,) = api.rows().values()
    assert row["session_id"] == REQUEST_ID
    assert row["tags"] == ["shop"]
    assert row["metadata"] == {"user_id": 42}
    assert handler.__doc__ == "Answer."
    assert current().session is None


def test_exceptions_pass_and_are_delivered(api: CompletionsAPI, client: openai.OpenAI) -> None:
    """An invocation that fails is delivered too."""

    @record_invocations(flush_timeout=60)
    def handler(event: Any, context: Any) -> None:
        client.chat.completions.create(model="m", messages=QUESTION)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        handler({}, context(120_000))
    assert len(api.ended()) == 1


@pytest.mark.parametrize(
    ("remaining_ms", "expected"), [(60_000, [3.0]), (2_000, [1.5]), (500, []), (0, []), (-5, [])]
)
def test_delivery_is_bounded_by_the_time_that_is_left(
    timeouts: list[float], remaining_ms: int, expected: list[float]
) -> None:
    """Half a second is kept for the result; where no more is left, the records wait in the spool."""

    @record_invocations
    def handler(event: Any, context: Any) -> str:
        return "done"

    assert handler({}, context(remaining_ms)) == "done"
    assert timeouts == expected


class RaisingContext:
    """A context that cannot be read."""

    @property
    def aws_request_id(self) -> str:
        """Raise."""
        raise RuntimeError

    def get_remaining_time_in_millis(self) -> int:
        """Raise."""
        raise RuntimeError


@pytest.mark.parametrize("given", [None, object(), RaisingContext()])
def test_any_context_will_do(timeouts: list[float], client: openai.OpenAI, given: Any) -> None:
    """Tests call a handler with what they like: the session is new, and the handler runs."""

    @record_invocations
    def handler(event: Any, context: Any) -> None:
        client.chat.completions.create(model="m", messages=QUESTION)

    with capture() as calls:
        handler({}, given)

    assert len(calls[0].session_id or "") == 36
    assert timeouts == [3.0]


def test_a_callable_that_fails_breaks_no_invocation(timeouts: list[float]) -> None:
    """The fault is counted."""

    @record_invocations(metadata=lambda event: event["no such key"])
    def handler(event: Any, context: Any) -> str:
        return "done"

    found = NewFaults()
    assert handler({}, context()) == "done"
    assert found.counts() == {"reading the metadata of a request": 1}


def test_a_coroutine_function_is_refused() -> None:
    """Lambda does not await a handler, and neither does the decorator."""

    async def handler(event: Any, context: Any) -> None: ...

    with pytest.raises(TypeError, match="a handler is a plain function"):
        record_invocations(handler)
