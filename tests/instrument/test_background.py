"""Background responses: the answer that is fetched later belongs to the call that queued it."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
import pytest

import log10_trace
from log10_trace.instrument import background
from tests.instrument.conftest import Kept
from tests.instrument.programs import RESPONSE, has
from tests.model_answers import response, response_events
from tests.model_endpoint import Endpoint, error_answer, json_answer, sse, sse_answer

QUEUED = response(status="queued")


@pytest.fixture
def client(endpoint: Endpoint) -> Any:
    with openai.OpenAI(base_url=endpoint.url, api_key="k", max_retries=0) as made:
        if not has(made, "responses"):
            pytest.skip("this version has no Responses API")
        yield made
    background._queued.clear()


def test_retrieve_brings_the_answer_to_the_record(client: Any, endpoint: Endpoint, kept: Kept) -> None:
    """Same id, same labels, same request, same stack; the answer is the one that was fetched."""
    endpoint.script(json_answer(QUEUED), json_answer(response(status="in_progress")), json_answer(response()))
    with log10_trace.tags("queued here"):
        queued = client.responses.create(**RESPONSE, background=True)
    while client.responses.retrieve(queued.id).status != "completed":
        pass

    first, second = kept.records
    assert first["native_response"]["status"] == "queued"
    assert second["native_response"]["status"] == "completed"
    assert second["response"]["choices"][0]["message"]["content"] == "Hello there"
    same = ("id", "tags", "session_id", "stacktrace", "created_at", "native_request", "request", "endpoint")
    assert {name: first[name] for name in same} == {name: second[name] for name in same}
    assert first["tags"] == ["queued here"]
    assert second["duration"] > first["duration"]


def test_once_answered_it_is_not_waited_for(client: Any, endpoint: Endpoint, kept: Kept) -> None:
    """Fetching an answer again is no news, and fetching a response of another program is none of ours."""
    endpoint.script(json_answer(QUEUED), *[json_answer(response())] * 3)
    client.responses.create(**RESPONSE, background=True)
    client.responses.retrieve("resp_other")
    for _ in range(2):
        client.responses.retrieve("resp_1")

    assert len(kept.payloads) == 2


def test_a_fetch_that_fails_says_nothing_of_the_call(client: Any, endpoint: Endpoint, kept: Kept) -> None:
    """The call goes on; its answer may be fetched later."""
    endpoint.script(json_answer(QUEUED), error_answer(500), json_answer(response()))
    client.responses.create(**RESPONSE, background=True)
    with pytest.raises(openai.InternalServerError):
        client.responses.retrieve("resp_1")
    assert len(kept.payloads) == 1

    client.responses.retrieve("resp_1")

    assert kept.records[-1]["status"] == "finished"


@pytest.mark.parametrize("body", [{"error": {"message": "try again", "code": 502}}, {"detail": "no"}, []])
def test_an_answer_without_status_says_nothing_of_the_call(
    client: Any, endpoint: Endpoint, kept: Kept, body: Any
) -> None:
    """A proxy's error with a good status is not the end of the call, which may be fetched later."""
    endpoint.script(json_answer(QUEUED), json_answer(body), json_answer(response()))
    client.responses.create(**RESPONSE, background=True)
    client.responses.with_raw_response.retrieve("resp_1")
    assert len(kept.payloads) == 1

    client.responses.retrieve("resp_1")

    assert kept.records[-1]["native_response"]["status"] == "completed"


@pytest.mark.parametrize("status", ["failed", "incomplete"])
def test_a_background_response_that_fails(client: Any, endpoint: Endpoint, kept: Kept, status: str) -> None:
    """Queued it is no failure; the answer that is fetched is."""
    failed = {**response(status=status), "error": {"code": "server_error", "message": "no"}}
    endpoint.script(json_answer(QUEUED), json_answer(failed))
    client.responses.create(**RESPONSE, background=True)
    client.responses.retrieve("resp_1")

    assert [record["status"] for record in kept.records] == ["finished", "failed"]
    assert (kept.records[1]["failure_kind"], kept.records[1]["failure_reason"]) == ("server_error", "no")


def test_cancel_is_an_answer(client: Any, endpoint: Endpoint, kept: Kept) -> None:
    """A background response that is cancelled has come to its end."""
    endpoint.script(json_answer(QUEUED), json_answer(response(status="cancelled")))
    client.responses.create(**RESPONSE, background=True)
    client.responses.cancel("resp_1")

    assert kept.records[1]["id"] == kept.records[0]["id"]
    assert kept.records[1]["native_response"]["status"] == "cancelled"


def test_a_streamed_answer(client: Any, endpoint: Endpoint, kept: Kept) -> None:
    """``retrieve(..., stream=True)`` brings it as well, when it is read to its end."""
    events = response_events()
    endpoint.script(json_answer(QUEUED), sse_answer(*sse(*events[:2])), sse_answer(*sse(*events)))
    client.responses.create(**RESPONSE, background=True)
    for _ in range(2):
        list(client.responses.retrieve("resp_1", stream=True))

    assert len(kept.payloads) == 2
    assert kept.records[1]["response"]["choices"][0]["message"]["content"] == "Hello there"


def test_a_stream_in_the_background_that_was_left(client: Any, endpoint: Endpoint, kept: Kept) -> None:
    """A background call whose own stream was left early is completed by a later fetch."""
    endpoint.script(sse_answer(*sse(*response_events())), json_answer(response()))
    with client.responses.create(**RESPONSE, background=True, stream=True) as stream:
        next(iter(stream))
    client.responses.retrieve("resp_1")

    first, *later = kept.records
    assert not later or later[0]["id"] == first["id"]
    assert kept.records[-1]["native_response"]["status"] == "completed"


def test_async(endpoint: Endpoint, kept: Kept, client: Any) -> None:
    """The same with the async client."""
    endpoint.script(json_answer(QUEUED), json_answer(response()))

    async def main() -> None:
        async with openai.AsyncOpenAI(base_url=endpoint.url, api_key="k") as other:
            await other.responses.create(**RESPONSE, background=True)
            await other.responses.retrieve("resp_1")

    asyncio.run(main())

    assert [record["native_response"]["status"] for record in kept.records] == ["queued", "completed"]
    assert len({record["id"] for record in kept.records}) == 1


def test_what_is_waited_for_is_bounded(
    client: Any, endpoint: Endpoint, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that never fetches its answers does not fill the memory."""
    monkeypatch.setattr(background, "MAX_QUEUED", 3)
    for number in range(5):
        endpoint.script(json_answer({**QUEUED, "id": f"resp_{number}"}))
        client.responses.create(**RESPONSE, background=True)

    assert list(background._queued) == ["resp_2", "resp_3", "resp_4"]


def test_the_requests_of_what_is_waited_for_are_bounded(
    client: Any, endpoint: Endpoint, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Long requests are forgotten sooner, but never the last."""
    monkeypatch.setattr(background, "MAX_QUEUED_BYTES", 25_000)
    for number, size in enumerate((10_000, 10_000, 10_000, 30_000)):
        endpoint.script(json_answer({**QUEUED, "id": f"resp_{number}"}))
        client.responses.create(**{**RESPONSE, "input": "x" * size}, background=True)
        if number == 2:
            assert list(background._queued) == ["resp_1", "resp_2"]

    assert list(background._queued) == ["resp_3"]
