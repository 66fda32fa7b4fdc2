"""Responses over a WebSocket: each ``response.create`` of ``responses.connect()`` is a call."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from threading import Thread
from typing import Any

import openai
import pytest

import log10_trace
from log10_trace import instrument
from tests.instrument.conftest import Kept
from tests.model_answers import response_events

pytest.importorskip("websockets")
resource = pytest.importorskip("openai.resources.responses.responses")
pytestmark = [
    pytest.mark.skipif(
        not hasattr(resource, "ResponsesConnection"),
        reason="this version of the SDK has no responses.connect()",
    ),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

ASKED = {"type": "response.create", "model": "m", "input": "hi"}


class Server:
    """Answers each ``response.create`` with the events of a response, or hangs up in their midst.

    Asked for ``later`` it answers behind the next one. Events name the ``stream_id`` that was asked with.
    """

    def __init__(self) -> None:
        self.received: list[str] = []

    def serve(self, connection: Any) -> None:
        """One connection."""
        later: list[Any] = []
        for message in connection:
            self.received.append(message)
            asked = json.loads(message)
            if asked.get("type") != "response.create":
                continue
            events = response_events(*asked.get("metadata", {}).get("words", "Hello, there").split(","))
            if asked["input"] == "fail":
                told = connection.request.headers.get("x-gateway", "no")
                events = [*events[:3], {"type": "error", "error": {"code": "oops", "message": told}}]
            if "stream_id" in asked:
                events = [{**event, "stream_id": asked["stream_id"]} for event in events]
            if asked["input"] == "later":
                later = events
                continue
            events, later = events + later, []
            for event in events[: 5 if asked["input"] == "hang up" else None]:
                connection.send(json.dumps(event))
            if asked["input"] == "hang up":
                connection.close_socket()
                return


@pytest.fixture
def socket_server() -> Iterator[tuple[str, Server]]:
    from websockets.sync.server import serve

    model = Server()
    with serve(model.serve, "127.0.0.1", 0) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.socket.getsockname()[1]}/v1", model
        server.shutdown()
        thread.join()


def read(connection: Any) -> list[str]:
    """The events of one response."""
    seen: list[str] = []
    while not seen or seen[-1] not in ("response.completed", "error"):
        seen.append(connection.recv().type)
    return seen


def test_each_create_is_a_call(socket_server: tuple[str, Server], kept: Kept) -> None:
    """Two responses of one connection are two records, with request, response, labels and the user's line."""
    url, model = socket_server
    with (
        openai.OpenAI(base_url=url, api_key="sk-s3cr3t-012345") as client,
        client.responses.connect() as opened,
    ):
        with log10_trace.tags("first"):
            opened.response.create(model="m", input="hi")
        assert read(opened)[-1] == "response.completed"
        opened.send({**ASKED, "input": "again", "metadata": {"words": "Good, day"}})  # type: ignore[typeddict-item]
        read(opened)

    first, second = kept.records
    assert [json.dumps(record["native_request"]) for record in kept.records] == model.received
    assert first["response"]["choices"][0]["message"]["content"] == "Hello there"
    assert second["response"]["choices"][0]["message"]["content"] == "Good day"
    assert (first["tags"], second["tags"], first["status"]) == (["first"], [], "finished")
    assert first["stacktrace"][-1]["line"] == 'opened.response.create(model="m", input="hi")'
    assert 0 < first["time_to_first_token"] < first["duration"]
    assert b"s3cr3t-0" not in b"".join(kept.payloads).replace(b'api_key=\\"sk-s3cr3t', b"")


def test_what_is_left_out_is_no_record(socket_server: tuple[str, Server]) -> None:
    """A session that ``sample_rate`` leaves out is left out here too, and counted."""
    url, _ = socket_server
    kept, left_out = Kept(), [0]
    for keep_failures in (False, True):
        instrument.install(
            kept, sample_rate=0.0, keep_failures=keep_failures, count_left_out=lambda: left_out.append(1)
        )
        with (
            log10_trace.session(),
            openai.OpenAI(base_url=url, api_key="k") as client,
            client.responses.connect() as opened,
        ):
            opened.response.create(model="m", input="hi")
            assert read(opened)[-1] == "response.completed"
        instrument.uninstall()

    assert (kept.payloads, kept.begun, sum(left_out)) == ([], [], 2)


def test_what_is_sent_raw_is_a_call_and_other_events_are_not(
    socket_server: tuple[str, Server], kept: Kept
) -> None:
    """Text that a program sends itself is recorded as it is; an event that asks for nothing is not."""
    url, _ = socket_server
    raw = '{"input": "x",  "type": "response.create"}'
    with openai.OpenAI(base_url=url, api_key="k") as client, client.responses.connect() as opened:
        if not hasattr(opened, "send_raw"):
            pytest.skip("this version has no send_raw")
        opened.send_raw('{"type": "response.steer"}')
        opened.send_raw(raw)
        read(opened)

    assert raw.encode() in kept.payloads[0]
    assert len(kept.payloads) == 1


def test_a_credential_that_an_error_repeats_is_masked(socket_server: tuple[str, Server], kept: Kept) -> None:
    """The connection was opened with it."""
    url, _ = socket_server
    headers = {"x-gateway": "tok-0123456789"}
    with (
        openai.OpenAI(base_url=url, api_key="k") as client,
        client.responses.connect(extra_headers=headers) as opened,
    ):
        opened.response.create(model="m", input="fail")
        assert read(opened)[-1] == "error"

    assert kept.one["failure_reason"] == "***"
    assert b"tok-0123456789" not in b"".join(kept.payloads)


def test_an_error_fails_the_call(socket_server: tuple[str, Server], kept: Kept) -> None:
    """An error event ends the call that it answers, and the next one is a call of its own."""
    url, _ = socket_server
    with openai.OpenAI(base_url=url, api_key="k") as client, client.responses.connect() as opened:
        for asked in ("fail", "hi"):
            opened.send({**ASKED, "input": asked})  # type: ignore[typeddict-item]
            read(opened)

    failed, finished = kept.records
    assert (failed["status"], failed["failure_kind"], failed["failure_reason"]) == ("failed", "oops", "no")
    assert finished["status"] == "finished"


def test_a_connection_that_breaks_fails_its_call(socket_server: tuple[str, Server], kept: Kept) -> None:
    """What came until then is kept."""
    url, _ = socket_server
    with openai.OpenAI(base_url=url, api_key="k") as client, client.responses.connect() as opened:
        opened.send({**ASKED, "input": "hang up"})  # type: ignore[typeddict-item]
        with pytest.raises(Exception, match="close"):
            read(opened)

    assert (kept.one["status"], kept.one["failure_kind"]) == ("failed", "ConnectionClosedError")
    assert kept.one["response"]["choices"][0]["message"]["content"] == "Hello"


def test_a_connection_that_is_left_interrupts_its_call(socket_server: tuple[str, Server], kept: Kept) -> None:
    """Closing before the end is no error."""
    url, _ = socket_server
    with openai.OpenAI(base_url=url, api_key="k") as client, client.responses.connect() as opened:
        opened.response.create(model="m", input="hi")
        opened.recv()

    assert (kept.one["status"], kept.one["interrupted"]) == ("finished", True)


def test_answers_go_to_the_call_of_their_lane(socket_server: tuple[str, Server], kept: Kept) -> None:
    """Of two calls under way on one connection each has its own answer, whichever comes first."""
    url, _ = socket_server
    with openai.OpenAI(base_url=url, api_key="k") as client, client.responses.connect() as opened:
        for lane, asked in (("a", "later"), ("b", "hi")):
            words = {"words": f"for,{lane}"}
            opened.send({**ASKED, "input": asked, "stream_id": lane, "metadata": words})  # type: ignore[typeddict-item]
        read(opened)
        read(opened)

    said = [
        (each["native_request"]["stream_id"], each["response"]["choices"][0]["message"]["content"])
        for each in kept.records
    ]
    assert said == [("b", "forb"), ("a", "fora")]


def test_what_cannot_be_sent_fails_its_call(socket_server: tuple[str, Server], kept: Kept) -> None:
    """Sending on a connection that is closed raises the library's own error, and is recorded as that."""
    url, _ = socket_server

    async def main() -> None:
        async with (
            openai.AsyncOpenAI(base_url=url, api_key="k") as client,
            client.responses.connect() as opened,
        ):
            await opened.close()
            with pytest.raises(Exception, match="1000"):
                await opened.send(ASKED)  # type: ignore[arg-type]

    with openai.OpenAI(base_url=url, api_key="k") as client, client.responses.connect() as opened:
        opened.close()
        with pytest.raises(Exception, match="1000"):
            opened.send(ASKED)  # type: ignore[arg-type]
    asyncio.run(main())

    assert [(each["status"], each["failure_kind"]) for each in kept.records] == [
        ("failed", "ConnectionClosedOK")
    ] * 2


def test_async(socket_server: tuple[str, Server], kept: Kept) -> None:
    """The same with the async client, and with its reading cancelled and taken up again."""
    url, _ = socket_server

    async def main() -> None:
        async with (
            openai.AsyncOpenAI(base_url=url, api_key="k") as client,
            client.responses.connect() as opened,
        ):
            with pytest.raises((asyncio.TimeoutError, TimeoutError)):
                await asyncio.wait_for(opened.recv(), 0.01)
            await opened.response.create(model="m", input="hi")
            while (await opened.recv()).type != "response.completed":
                pass

    asyncio.run(main())

    assert kept.one["response"]["choices"][0]["message"]["content"] == "Hello there"
    assert kept.one["stacktrace"][-1]["name"] == "main"


def test_unpatched_it_is_left_alone(socket_server: tuple[str, Server]) -> None:
    """Nothing of ours is in the way once we are gone."""
    url, _ = socket_server
    instrument.install(Kept())
    instrument.uninstall()
    with openai.OpenAI(base_url=url, api_key="k") as client, client.responses.connect() as opened:
        opened.response.create(model="m", input="hi")
        assert read(opened)[0] == "response.created"
