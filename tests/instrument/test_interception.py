"""Calls that an interceptor observes and serves: what is served is what came, in every version of the SDK."""

from __future__ import annotations

import asyncio
import copy
import sys
import threading
from collections.abc import Callable
from typing import Any

import httpx
import openai
import pytest
from openai import _base_client

from log10_trace import instrument
from log10_trace.errors import SetupError
from log10_trace.record.exchange import Exchange, Response
from tests.instrument.conftest import Kept
from tests.instrument.programs import CHAT, closable
from tests.instrument.test_surfaces import ALL, KEY, older_versions_skip, run, script_for
from tests.model_answers import chat, chat_chunks
from tests.model_endpoint import Endpoint, encoded, json_answer, sse, sse_answer
from tests.processes import DEADLINE_S


class Tape:
    """An interceptor: keeps exchanges, or serves those that it was given, each once."""

    def __init__(self, exchanges: list[Exchange] | None = None) -> None:
        self.exchanges: list[Exchange] = []
        self.left = None if exchanges is None else list(exchanges)

    def find(self, exchange: Exchange) -> Response | None:
        """The response of an equal request."""
        if self.left is None:
            self.exchanges.append(exchange)
            return None
        for at, known in enumerate(self.left):
            if known.request == exchange.request:
                return self.left.pop(at).response
        raise LookupError(exchange.request.target)

    def on_read_past(self, exchange: Exchange) -> None:
        """Refuse."""
        raise EOFError(exchange.request.target)


def seen_by_user(result: Any) -> Any:
    """What a program gives, without what is another object at each run."""
    if isinstance(result, (tuple, list)):
        return [seen_by_user(each) for each in result]
    return result.model_dump(warnings=False) if hasattr(result, "model_dump") else result


def record_and_serve(
    name: str, endpoint: Endpoint, script: Callable[[], None] = lambda: None, **options: Any
) -> tuple[Any, Any]:
    """What a program of ``programs`` gives while it is recorded, and while it is served."""
    tape = Tape()
    script()
    with instrument.intercepted_by(tape):
        first = run(ALL[name], endpoint, **options)
    requests = len(endpoint.received)
    served = Tape(tape.exchanges)
    with instrument.intercepted_by(served):
        second = run(ALL[name], endpoint, **{**options, "api_key": "another-key-0123456789"})
    assert len(endpoint.received) == requests
    assert not served.left
    return first, second


@pytest.mark.parametrize("name", ALL)
def test_a_served_call_gives_what_the_recorded_one_gave(name: str, endpoint: Endpoint) -> None:
    """Every way to call the SDK: the same result to the user, and no request."""
    first, second = record_and_serve(name, endpoint, lambda: script_for(name, endpoint))

    assert seen_by_user(second) == seen_by_user(first)


@pytest.mark.parametrize("name", ["chat", "chat stream", "async chat", "async chat stream", "raw response"])
def test_a_served_call_leaves_a_record(name: str, endpoint: Endpoint, kept: Kept) -> None:
    """A call that is served is recorded as one that is made."""
    record_and_serve(name, endpoint)

    made, served = kept.records
    for field in ("request", "response", "status", "endpoint", "request_id", "base_url"):
        assert served[field] == made[field]
    assert served["stacktrace"][-1] == made["stacktrace"][-1]


def failing(endpoint: Endpoint, status: int, is_async: bool, max_retries: int) -> Exception:
    """The exception that a call raises which is answered with ``status``."""
    name = "async chat" if is_async else "chat"
    with pytest.raises(openai.APIError) as caught, older_versions_skip():
        run(ALL[name], endpoint, max_retries=max_retries)
    return caught.value


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
def test_a_failure_is_served_as_the_same_exception(endpoint: Endpoint, status: int, is_async: bool) -> None:
    """Class, status, body, code and request id are those of the recorded failure."""
    refusal = {"error": {"message": "No.", "type": "t", "code": "c", "param": "p"}}
    endpoint.script(json_answer(refusal, status=status))
    tape = Tape()

    with instrument.intercepted_by(tape):
        first: Any = failing(endpoint, status, is_async, 0)
    with instrument.intercepted_by(Tape(tape.exchanges)):
        second: Any = failing(endpoint, status, is_async, 0)

    assert type(second) is type(first)
    for attribute in ("status_code", "body", "code", "param", "type", "message"):  # 1.0 has no body
        assert getattr(second, attribute, None) == getattr(first, attribute, None)
    assert second.response.headers["x-request-id"] == first.response.headers["x-request-id"]
    assert second.response.text == first.response.text


@pytest.mark.parametrize("is_async", [False, True])
def test_retries_of_a_served_failure_do_not_wait(
    endpoint: Endpoint, is_async: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last of the failures is what is recorded, and it is served without the delays of retries."""
    tape = Tape()
    monkeypatch.setattr(_base_client.BaseClient, "_calculate_retry_timeout", lambda *_, **__: 0.0)
    answers = [json_answer({"error": {"message": text}}, status=503) for text in ("a", "b", "c")]
    endpoint.script(*answers)
    with instrument.intercepted_by(tape):
        first = failing(endpoint, 503, is_async, 2)
    monkeypatch.undo()

    waited = []
    for module in ("time.sleep", "anyio.sleep"):
        monkeypatch.setattr(module, _sleep_into(waited, is_async=module == "anyio.sleep"))
    with instrument.intercepted_by(Tape(tape.exchanges)):
        second: Any = failing(endpoint, 503, is_async, 2)

    assert len(tape.exchanges) == 1
    assert str(second) == str(first)
    assert not any(waited)


def _sleep_into(waited: list[float], *, is_async: bool) -> Any:
    async def sleep_async(seconds: float) -> None:
        waited.append(seconds)

    return sleep_async if is_async else waited.append


def test_a_success_behind_retries_is_served_at_once(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a call that succeeds after failures the success is recorded."""
    monkeypatch.setattr(_base_client.BaseClient, "_calculate_retry_timeout", lambda *_, **__: 0.0)

    def script() -> None:
        endpoint.script(json_answer({"error": {"message": "busy"}}, status=503))

    first, second = record_and_serve("chat", endpoint, script, max_retries=1)

    assert seen_by_user(second) == seen_by_user(first)


@pytest.mark.parametrize("is_async", [False, True])
def test_a_refused_connection_is_served(is_async: bool) -> None:
    """A call without any response: the SDK's own exception, from that of the HTTP library."""
    tape = Tape()
    nowhere = Endpoint("http://127.0.0.1:9/v1")
    with instrument.intercepted_by(tape):
        first = failing(nowhere, 0, is_async, 0)
    with instrument.intercepted_by(Tape(tape.exchanges)):
        second = failing(nowhere, 0, is_async, 0)

    assert type(second) is type(first) is openai.APIConnectionError
    assert type(second.__cause__) is type(first.__cause__)
    assert str(second.__cause__) == str(first.__cause__)


@pytest.mark.parametrize("is_async", [False, True])
def test_a_call_that_is_refused_raises_the_interceptors_exception(endpoint: Endpoint, is_async: bool) -> None:
    """The SDK neither tries again nor makes an exception of its own of it."""
    with instrument.intercepted_by(Tape([])), pytest.raises(LookupError, match="/chat/completions"):
        run(ALL["async chat" if is_async else "chat"], endpoint, max_retries=3)

    assert not endpoint.received


def stream(client: Any) -> Any:
    return client.chat.completions.create(**CHAT, stream=True)


def test_a_stream_is_served_in_the_pieces_it_came_in(endpoint: Endpoint) -> None:
    """The boundaries of the pieces are those that the recorded program read."""
    events = sse(*chat_chunks("x"))
    body = b"".join(events)
    cut = [body[at : at + 37] for at in range(0, len(body), 37)]
    tape = Tape()
    endpoint.script(sse_answer(*cut))
    with openai.OpenAI(base_url=endpoint.url, api_key=KEY) as client, instrument.intercepted_by(tape):
        assert b"".join(stream(client).response.iter_raw()) == body
    pieces = tape.exchanges[0].response.pieces

    with (
        openai.OpenAI(base_url=endpoint.url, api_key=KEY) as client,
        instrument.intercepted_by(Tape(tape.exchanges)),
    ):
        served = list(stream(client).response.iter_raw())

    assert served == pieces
    assert len(served) > 1


@closable
def test_what_the_recorded_program_did_not_read_is_not_served(endpoint: Endpoint) -> None:
    """A stream that was left early ends in a refusal, and not in a shorter answer."""
    tape = Tape()
    endpoint.script(sse_answer(*sse(*chat_chunks("x"))))
    with openai.OpenAI(base_url=endpoint.url, api_key=KEY) as client:
        with instrument.intercepted_by(tape):
            opened = stream(client)
            next(opened)
            opened.close()
        tape.exchanges[0].response.is_whole = False
        tape.exchanges[0].response.pieces[1:] = []
        with instrument.intercepted_by(Tape(tape.exchanges)):
            again = stream(client)
            assert next(again).choices
            with pytest.raises(EOFError):
                list(again)


def test_a_stream_cut_by_the_connection_is_served_cut(endpoint: Endpoint) -> None:
    """The exception in the middle of a stream comes again after the same pieces."""
    seen: list[list[Any]] = []
    errors: list[BaseException] = []
    endpoint.script(sse_answer(*sse(*chat_chunks("x"))[:2], cut=1))
    tape = Tape()
    for interceptor in (tape, None):
        with (
            openai.OpenAI(base_url=endpoint.url, api_key=KEY) as client,
            instrument.intercepted_by(interceptor or Tape(tape.exchanges)),
        ):
            chunks: list[Any] = []
            seen.append(chunks)
            try:
                chunks.extend(stream(client))
            except Exception as error:  # noqa: BLE001 -- it differs by the version
                errors.append(error)

    assert len(seen[0]) == 2
    assert seen[0] == seen[1]
    assert type(errors[0]) is type(errors[1])


def test_azure_is_served_to_another_client(endpoint: Endpoint) -> None:
    """The host, the deployment and the version of the API in the URL do not tell calls apart."""
    host = endpoint.url.removesuffix("/v1")
    tape = Tape()
    with (
        openai.AzureOpenAI(azure_endpoint=host, api_key=KEY, api_version="2024-10-21") as azure,
        instrument.intercepted_by(tape),
    ):
        first = azure.chat.completions.create(**CHAT)
    assert [exchange.request.target for exchange in tape.exchanges] == ["/chat/completions"]

    with (
        openai.OpenAI(base_url="http://127.0.0.1:9/other", api_key=KEY) as client,
        instrument.intercepted_by(Tape(tape.exchanges)),
    ):
        assert client.chat.completions.create(**CHAT) == first


def test_no_key_of_a_url_is_in_the_target(endpoint: Endpoint) -> None:
    """What tells calls apart in a query is kept, credentials are not."""
    tape = Tape()
    query: Any = {
        "api-key": "s3cr3t-in-url",
        "sig": "s3cr3t",
        "api-version": "1",
        "limit": "2",
        "after": "c_1",
    }
    with (
        openai.OpenAI(base_url=endpoint.url, api_key=KEY, default_query=query) as client,
        instrument.intercepted_by(tape),
    ):
        client.models.list()

    assert tape.exchanges[0].request.target == "/models?after=c_1&limit=2"


def test_an_http_client_gets_its_transports_back(endpoint: Endpoint) -> None:
    """After the block the program's HTTP client is as it was, its proxies too."""
    with openai.OpenAI(base_url=endpoint.url, api_key=KEY) as client:
        http: Any = client._client
        before, mounts = http._transport, dict(http._mounts)
        with instrument.intercepted_by(Tape()):
            client.chat.completions.create(**CHAT)
            assert http._transport is not before
            assert isinstance(http._transport, type(before))
        assert http._transport is before
        assert http._mounts == mounts
        client.chat.completions.create(**CHAT)

    assert len(endpoint.received) == 2


def test_the_sdk_is_as_it_was_afterwards(endpoint: Endpoint) -> None:
    """Neither a method of the SDK nor the interceptor outlives the block, also when it ends with an error."""
    owners = (
        openai.OpenAI,
        openai.AsyncOpenAI,
        openai._base_client.BaseClient,
        openai._base_client.SyncAPIClient,
    )
    before = [dict(vars(owner)) for owner in owners]
    with pytest.raises(LookupError), instrument.intercepted_by(Tape([])):
        run(ALL["chat"], endpoint)

    assert [dict(vars(owner)) for owner in owners] == before
    run(ALL["chat"], endpoint)
    assert len(endpoint.received) == 1


def test_blocks_can_be_nested(endpoint: Endpoint) -> None:
    """The innermost one decides, and the outer one again after it."""
    outer, inner = Tape(), Tape()
    with openai.OpenAI(base_url=endpoint.url, api_key=KEY) as client, instrument.intercepted_by(outer):
        with instrument.intercepted_by(inner):
            client.chat.completions.create(**CHAT)
        client.chat.completions.create(**CHAT)

    assert (len(outer.exchanges), len(inner.exchanges)) == (1, 1)


def test_recording_stays_when_interception_ends(endpoint: Endpoint, kept: Kept) -> None:
    """A program that is patched is so afterwards."""
    with instrument.intercepted_by(Tape()):
        run(ALL["chat"], endpoint)
    run(ALL["chat"], endpoint)

    assert len(kept.payloads) == 2


def test_requests_beside_the_sdk_pass(endpoint: Endpoint) -> None:
    """A program that uses the same HTTP client for something else is neither recorded nor served."""
    tape = Tape()
    with openai.OpenAI(base_url=endpoint.url, api_key=KEY) as client, instrument.intercepted_by(tape):
        client.chat.completions.create(**CHAT)
        client._client.post(endpoint.url + "/chat/completions", json=CHAT)

    assert (len(tape.exchanges), len(endpoint.received)) == (1, 2)


def test_concurrent_calls_get_their_own_answers(endpoint: Endpoint) -> None:
    """Each of many tasks is served the answer to its own request."""

    def script() -> None:
        for seed in range(3):
            endpoint.script(json_answer(chat(f"answer {seed}")))

    first, second = record_and_serve("async gather", endpoint, script)

    assert seen_by_user(first) == seen_by_user(second)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_compressed_body_is_kept_as_it_came(endpoint: Endpoint, coding: str) -> None:
    """The bytes of the wire are kept with the headers that say how to read them."""

    def script() -> None:
        endpoint.script(encoded(sse_answer(*sse(*chat_chunks("x"))), coding))

    first, second = record_and_serve("chat stream", endpoint, script)

    assert seen_by_user(first) == seen_by_user(second)


def test_a_custom_transport_is_kept(endpoint: Endpoint) -> None:
    """The program's own transport sends the requests that are recorded, and none that are served."""
    library = next(
        sys.modules[base.__module__.partition(".")[0]]
        for base in type(openai.OpenAI(api_key="k")._client).__mro__
        if base.__name__ == "Client"
    )
    sent: list[Any] = []

    class Counting(library.HTTPTransport):  # type: ignore[misc, name-defined] # chosen at run time
        def handle_request(self, request: Any) -> Any:
            sent.append(request)
            return super().handle_request(request)

    tape = Tape()
    for interceptor in (tape, None):
        http = library.Client(transport=Counting())
        with (
            openai.OpenAI(base_url=endpoint.url, api_key=KEY, http_client=http) as client,
            instrument.intercepted_by(interceptor or Tape(copy.copy(tape.exchanges))),
        ):
            client.chat.completions.create(**CHAT)

    assert len(sent) == len(endpoint.received) == 1


@pytest.mark.skipif(not hasattr(openai, "DefaultAioHttpClient"), reason="this version has no aiohttp client")
def test_the_aiohttp_backed_client_is_served(endpoint: Endpoint) -> None:
    """Its transport is another, and its answers are the same."""
    tape = Tape()

    async def ask(interceptor: Tape) -> list[Any]:
        async with openai.AsyncOpenAI(
            base_url=endpoint.url, api_key=KEY, http_client=openai.DefaultAioHttpClient()
        ) as client:
            with instrument.intercepted_by(interceptor):
                streamed = await client.chat.completions.create(**CHAT, stream=True)
                return [await client.chat.completions.create(**CHAT), *[chunk async for chunk in streamed]]

    first = asyncio.run(ask(tape))

    assert asyncio.run(ask(Tape(tape.exchanges))) == first
    assert len(endpoint.received) == 2


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_legacy_http_client_is_served(endpoint: Endpoint) -> None:
    """A client of httpx under openai 3, and what it recorded is served to a client of httpx2."""
    tape = Tape()
    with (
        httpx.Client() as http,
        openai.OpenAI(base_url=endpoint.url, api_key=KEY, http_client=http) as client,
        instrument.intercepted_by(tape),
    ):
        first = [client.chat.completions.create(**CHAT), *stream(client)]

    for more in ({"http_client": httpx.Client()}, {}):
        with (
            openai.OpenAI(base_url=endpoint.url, api_key=KEY, **more) as client,
            instrument.intercepted_by(Tape(tape.exchanges)),
        ):
            assert [client.chat.completions.create(**CHAT), *stream(client)] == first
    assert len(endpoint.received) == 2


def test_an_http_client_without_a_transport_is_refused_by_name() -> None:
    """What cannot be recorded says so, rather than being sent."""
    client = openai.OpenAI(api_key="k")
    http, client._client = client._client, object()  # type: ignore[assignment] # the subject

    with instrument.intercepted_by(Tape()), pytest.raises(SetupError, match="HTTP client object cannot be"):
        client.chat.completions.create(**CHAT)

    client._client = http


def test_a_cancelled_call_has_no_end(endpoint: Endpoint) -> None:
    """Nothing is known that could be served of a call that was cancelled before its response."""
    held = threading.Event()
    tape = Tape()
    endpoint.script(json_answer({}, held=held))

    async def cancel() -> None:
        async with openai.AsyncOpenAI(base_url=endpoint.url, api_key=KEY) as client:
            task = asyncio.ensure_future(client.chat.completions.create(**CHAT))
            assert await asyncio.to_thread(endpoint.has_received.wait, DEADLINE_S)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    with instrument.intercepted_by(tape):
        asyncio.run(cancel())
    held.set()

    assert [exchange.response.has_ended for exchange in tape.exchanges] == [False]


def test_an_upload_is_kept_whole(endpoint: Endpoint) -> None:
    """The body of a form is there with its type, and is sent to the API as well."""
    tape = Tape()
    endpoint.script(json_answer({"id": "file-1", "object": "file"}))
    with openai.OpenAI(base_url=endpoint.url, api_key=KEY) as client, instrument.intercepted_by(tape):
        client.files.create(file=("a.jsonl", b'{"a": 1}\n'), purpose="batch")

    sent = tape.exchanges[0].request
    assert sent.content_type.startswith("multipart/form-data; boundary=")
    assert b'{"a": 1}' in sent.body
    assert endpoint.received[0].body == sent.body
