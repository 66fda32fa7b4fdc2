"""Background responses through the proxy: what is fetched later belongs to the call that queued it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import openai
import pytest

from log10_trace.instrument import background
from tests.instrument.programs import RESPONSE, has
from tests.model_answers import response, response_events
from tests.model_endpoint import Endpoint, encoded, error_answer, json_answer, sse, sse_answer
from tests.proxy.conftest import RunningProxy

QUEUED = response(status="queued")
HEADERS = {"X-Log10-Tags": "queued here", "X-Log10-Session": "s", "X-Log10-Metadata": "team=search"}


@pytest.fixture
def client(proxy: RunningProxy) -> Iterator[Any]:
    """The SDK, which is not patched, with the proxy's address."""
    with openai.OpenAI(base_url=f"{proxy.url}/v1", api_key="k", max_retries=0) as made:
        if not has(made, "responses"):
            pytest.skip("this version has no Responses API")
        yield made


def text_of(record: dict[str, Any]) -> str:
    return str(record["response"]["choices"][0]["message"]["content"])


@pytest.mark.parametrize("coding", [None, "gzip"])
def test_retrieve_brings_the_answer_to_the_record(
    client: Any, endpoint: Endpoint, proxy: RunningProxy, coding: str | None
) -> None:
    """Same id, same labels, same request, compressed or not; no record of what still goes on."""
    bodies = (QUEUED, response(status="in_progress"), response(), response())
    answers = [json_answer(body) for body in bodies]
    endpoint.script(*(encoded(answer, coding) if coding else answer for answer in answers))
    queued = client.responses.create(**RESPONSE, background=True, extra_headers=HEADERS)
    while client.responses.retrieve(queued.id).status != "completed":
        pass
    client.responses.retrieve(queued.id)

    first, second = proxy.sink.wait_for(2)
    assert len(proxy.sink.payloads) == 2
    assert first["native_response"]["status"] == "queued"
    assert second["native_response"]["status"] == "completed"
    assert text_of(second) == "Hello there"
    same = (
        "id", "tags", "session_id", "metadata", "created_at", "native_request", "request", "endpoint", "via",
        "base_url",
    )  # fmt: skip
    assert {name: first[name] for name in same} == {name: second[name] for name in same}
    assert (first["tags"], first["via"]) == (["queued here"], "proxy")
    assert second["duration"] > first["duration"]


def test_a_stream_that_was_left_is_resumed(client: Any, endpoint: Endpoint, proxy: RunningProxy) -> None:
    """``starting_after`` brings the events that were missed, and with the last of them the whole answer."""
    events = sse(*response_events())
    endpoint.script(sse_answer(*events[:5]), sse_answer(*events[5:7]), sse_answer(*events[7:]))
    for _ in client.responses.create(**RESPONSE, background=True, stream=True):
        pass
    for after in (4, 6):
        stream = client.responses.retrieve("resp_1", stream=True, starting_after=after)
        list(stream)

    first, second = proxy.sink.wait_for(2)
    assert len(proxy.sink.payloads) == 2
    assert first["id"] == second["id"]
    assert text_of(second) == "Hello there"
    assert second["request"] == first["request"]
    assert "starting_after=4" in endpoint.received[1].path


def test_cancel_is_an_answer(client: Any, endpoint: Endpoint, proxy: RunningProxy) -> None:
    """A background response that is cancelled has come to its end; its request stays that of the call."""
    endpoint.script(json_answer(QUEUED), json_answer(response(status="cancelled")))
    client.responses.create(**RESPONSE, background=True)
    client.responses.cancel("resp_1")

    first, second = proxy.sink.wait_for(2)
    assert (first["id"], first["request"]) == (second["id"], second["request"])
    assert second["native_response"]["status"] == "cancelled"


@pytest.mark.parametrize(
    "useless",
    [error_answer(500), json_answer(b"{"), json_answer({"detail": "no"}), json_answer({}, silent=True)],
    ids=["error", "no JSON", "no status", "no answer"],
)
def test_a_fetch_without_an_answer_says_nothing_of_the_call(
    client: Any, endpoint: Endpoint, proxy: RunningProxy, useless: Any
) -> None:
    """The call goes on; its answer may be fetched later."""
    endpoint.script(json_answer(QUEUED), useless, json_answer(response()))
    client.responses.create(**RESPONSE, background=True)
    with suppress(openai.APIError):
        client.responses.with_raw_response.retrieve("resp_1")
    client.responses.retrieve("resp_1")

    records = proxy.sink.wait_for(2)
    assert [record["native_response"]["status"] for record in records] == ["queued", "completed"]


def test_what_is_not_in_the_background_is_not_waited_for(
    client: Any, endpoint: Endpoint, proxy: RunningProxy
) -> None:
    """Fetching the stored response of any other call makes no record."""
    endpoint.script(*[json_answer(response())] * 4)
    client.responses.create(**{**RESPONSE, "input": 'say "background"'})
    client.responses.create(**RESPONSE, background=False)
    for _ in range(2):
        client.responses.retrieve("resp_1")

    proxy.sink.wait_for(2)
    assert len(proxy.sink.payloads) == 2


def test_calls_of_the_program_itself_are_another_matter(
    client: Any, endpoint: Endpoint, proxy: RunningProxy
) -> None:
    """What the proxy waits for, patched SDKs of the same process do not."""
    before = dict(background._queued)
    endpoint.script(json_answer(QUEUED))
    client.responses.create(**RESPONSE, background=True)
    proxy.sink.wait_for()

    assert background._queued == before
