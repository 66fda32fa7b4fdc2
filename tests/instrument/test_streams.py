"""The ways a stream ends, and what its record says of each."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest

from log10_trace import instrument
from tests.instrument.conftest import Kept
from tests.instrument.programs import CHAT, RESPONSE, TEXT, closable, has
from tests.model_answers import chat_chunks, response_events
from tests.model_endpoint import Endpoint, encoded, json_answer, sse, sse_answer

WORDS = [f"w{number} " for number in range(6)]
CHUNKS = chat_chunks(*WORDS)
BEGUN = sse(*CHUNKS[:3], done=False)
"""A stream's first chunks: the role and two words."""


@pytest.fixture
def client(endpoint: Endpoint) -> Any:
    with openai.OpenAI(base_url=endpoint.url, api_key="sk-0123456789", max_retries=0) as made:
        yield made


@pytest.fixture
def held(endpoint: Endpoint) -> Any:
    """The rest of the scripted stream is held back until this event, which is set at the test's end."""
    event = threading.Event()
    endpoint.script(sse_answer(*BEGUN, event, *sse(*CHUNKS[3:])))
    yield event
    event.set()


def words(record: dict[str, Any]) -> str:
    text: str = record["response"]["choices"][0]["message"]["content"]
    return text


def leave_by(error: type[BaseException], client: Any) -> None:
    with client.chat.completions.create(**CHAT, stream=True) as stream:
        for _ in BEGUN:
            next(stream)
        raise error


def check_left(record: dict[str, Any]) -> None:
    """It was no error of anybody: finished, with what was received, and said to be interrupted."""
    assert (record["status"], record["interrupted"]) == ("finished", True)
    assert words(record) == "w0 w1 "
    assert record["response"]["choices"][0]["finish_reason"] is None
    assert "failure_kind" not in record


def test_break_and_drop(client: Any, held: threading.Event, kept: Kept) -> None:
    """A loop that is left and whose stream is dropped."""
    for chunk in client.chat.completions.create(**CHAT, stream=True):
        if "w1" in chunk.choices[0].delta.content:
            break
    gc.collect()

    check_left(kept.one)


def test_break_and_keep(client: Any, held: threading.Event, kept: Kept) -> None:
    """A loop that is left while the stream object lives: its record comes at the end of the program."""
    stream = client.chat.completions.create(**CHAT, stream=True)
    for chunk in stream:
        if "w1" in chunk.choices[0].delta.content:
            break
    gc.collect()
    assert not kept.payloads

    instrument.settle_open_streams()

    check_left(kept.one)
    stream.response.close()
    assert len(kept.payloads) == 1


@pytest.mark.parametrize("close", [pytest.param("stream.close()", marks=closable), "stream.response.close()"])
def test_close(client: Any, held: threading.Event, kept: Kept, close: str) -> None:
    """Closed, whether through the SDK's object or the HTTP library's."""
    stream = client.chat.completions.create(**CHAT, stream=True)
    for _ in BEGUN:
        next(stream)

    (stream if close == "stream.close()" else stream.response).close()

    check_left(kept.one)


@closable
def test_with_and_break(client: Any, held: threading.Event, kept: Kept) -> None:
    """A ``with`` block that is left."""
    with client.chat.completions.create(**CHAT, stream=True) as stream:
        for _ in BEGUN:
            next(stream)

    check_left(kept.one)


@closable
def test_exception_of_the_consumer(client: Any, held: threading.Event, kept: Kept) -> None:
    """The consumer's own exception is no failure of the call."""
    with pytest.raises(ZeroDivisionError):
        leave_by(ZeroDivisionError, client)

    check_left(kept.one)


@closable
@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_the_program_is_stopped(
    client: Any, held: threading.Event, kept: Kept, stop: type[BaseException]
) -> None:
    """Ctrl-C and exit in the consumer end the call with their name."""
    with pytest.raises(stop):
        leave_by(stop, client)

    assert (kept.one["status"], kept.one["failure_kind"]) == ("failed", stop.__name__)
    assert words(kept.one) == "w0 w1 "


def test_never_read(client: Any, held: threading.Event, kept: Kept) -> None:
    """A stream that is dropped without being read has no response."""
    client.chat.completions.create(**CHAT, stream=True)
    gc.collect()

    assert (kept.one["status"], kept.one["interrupted"]) == ("finished", True)
    assert kept.one["response"] is None


def test_left_after_its_last_event(client: Any, endpoint: Endpoint, kept: Kept) -> None:
    """Who breaks at the finish reason when all has come has missed nothing."""
    endpoint.script(sse_answer(b"".join(sse(*CHUNKS))))
    for chunk in client.chat.completions.create(**CHAT, stream=True):
        if chunk.choices and chunk.choices[0].finish_reason:
            break
    gc.collect()

    assert kept.one["status"] == "finished"
    assert "interrupted" not in kept.one
    assert words(kept.one) == "".join(WORDS)
    assert kept.one["response"]["usage"]["total_tokens"] == 5


ENDPOINTS: dict[str, tuple[list[Any], Callable[[Any], Any]]] = {
    "chat": (CHUNKS[:3], lambda client: client.chat.completions.create(**CHAT, stream=True)),
    "completions": (
        [{"object": "text_completion", "choices": [{"index": 0, "text": "a", "finish_reason": None}]}],
        lambda client: client.completions.create(**TEXT, stream=True),
    ),
    "responses": (
        response_events()[:6],
        lambda client: client.responses.create(**RESPONSE, stream=True),
    ),
}


@pytest.mark.parametrize(("events", "ask"), ENDPOINTS.values(), ids=ENDPOINTS)
def test_a_stream_that_ends_without_its_end(
    client: Any, endpoint: Endpoint, kept: Kept, events: list[Any], ask: Callable[[Any], Any]
) -> None:
    """A server may close a stream cleanly in the middle of an answer: the program sees no error."""
    if events[0].get("type") and not has(client, "responses"):
        pytest.skip("this version has no Responses API")
    endpoint.script(sse_answer(*sse(*events, done=False)))

    list(ask(client))

    assert (kept.one["status"], kept.one["interrupted"]) == ("finished", True)
    assert "failure_kind" not in kept.one


ERRORS: dict[str, Any] = {
    "400": {"error": {"message": "too large", "code": 400}},
    "BadRequestError": {"object": "error", "message": "too large", "type": "BadRequestError", "code": 400},
}


@pytest.mark.parametrize(("kind", "body"), ERRORS.items(), ids=ERRORS)
def test_an_error_with_a_good_status(
    client: Any, endpoint: Endpoint, kept: Kept, kind: str, body: Any
) -> None:
    """The program gets an object without choices, and the call has failed."""
    endpoint.script(json_answer(body))

    client.chat.completions.create(**CHAT)

    assert (kept.one["status"], kept.one["failure_kind"]) == ("failed", kind)
    assert (kept.one["failure_reason"], kept.one["response"]) == ("too large", body)


def test_an_answer_with_nan(client: Any, endpoint: Endpoint, kept: Kept) -> None:
    """The SDK reads it, and so do readers of the record; the body stands beside it as it came."""
    body = (
        b'{"id":"c","choices":[{"index":0,"message":{"content":"NaN"},"logprobs":{"content":[-Infinity]}}]}'
    )
    endpoint.script(json_answer(body))

    client.chat.completions.create(**CHAT)

    assert words(kept.one) == "NaN"
    assert kept.one["response"]["choices"][0]["logprobs"] == {"content": ["-Infinity"]}
    assert kept.one["raw_response"].encode() == body


def test_error_in_the_stream(client: Any, endpoint: Endpoint, kept: Kept) -> None:
    """An error object fails the call, with its own type and message; the text before it is kept."""
    endpoint.script(sse_answer(*BEGUN, *sse({"error": {"message": "overloaded", "type": "server_error"}})))

    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(**CHAT, stream=True))

    assert (kept.one["status"], kept.one["failure_kind"]) == ("failed", "server_error")
    assert kept.one["failure_reason"] == "overloaded"
    assert words(kept.one) == "w0 w1 "


@pytest.mark.parametrize("torn", [b"", b'data: {"choices": [{"index": 0, "del'])
def test_connection_cut(client: Any, endpoint: Endpoint, kept: Kept, torn: bytes) -> None:
    """A connection that breaks, between events or in one, fails the call with the exception's class."""
    endpoint.script(sse_answer(*BEGUN, torn, cut=True))

    with pytest.raises(Exception, match=r"peer|read|Connection|incomplete"):
        list(client.chat.completions.create(**CHAT, stream=True))

    assert kept.one["status"] == "failed"
    assert kept.one["failure_kind"] in ("RemoteProtocolError", "ReadError")
    assert words(kept.one) == "w0 w1 "


def test_timeout_while_reading(client: Any, held: threading.Event, kept: Kept) -> None:
    """A stream that stays silent too long fails as a timeout."""
    # Not sooner: on a busy machine the stream would not have begun.
    with pytest.raises(Exception, match="timed out"):
        list(client.with_options(timeout=2).chat.completions.create(**CHAT, stream=True))

    assert (kept.one["status"], kept.one["failure_kind"]) == ("failed", "ReadTimeout")
    assert words(kept.one) == "w0 w1 "


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
@pytest.mark.parametrize("cut", [False, True])
def test_content_codings(client: Any, endpoint: Endpoint, kept: Kept, coding: str, cut: bool) -> None:
    """A stream that is compressed on the wire is recorded as it reads, whole or cut short."""
    ours = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    needed = ours if int(openai.__version__.partition(".")[0]) > 2 else "zstandard"
    for part in {"br": ["brotli"], "zstd": [needed, ours]}.get(coding, []):
        pytest.importorskip(part)
    answer = sse_answer(*BEGUN, cut=True) if cut else sse_answer(*sse(*CHUNKS))
    endpoint.script(encoded(answer, coding))

    try:
        list(client.chat.completions.create(**CHAT, stream=True))
    except Exception:  # noqa: BLE001 -- whatever this version of the SDK makes of a cut
        assert cut

    assert words(kept.one) == ("w0 w1 " if cut else "".join(WORDS))
    assert kept.one["time_to_first_token"] > 0


def test_time_to_first_token_is_that_of_data(client: Any, endpoint: Endpoint, kept: Kept) -> None:
    """A comment that keeps the connection alive is no token."""
    go_on = threading.Event()
    endpoint.script(sse_answer(b": PROCESSING\n\n", go_on, *sse(*CHUNKS)))
    stream = client.chat.completions.create(**CHAT, stream=True)
    recording = next(iter(instrument.recording.open_streams()))
    assert recording.call.first_token_ns is None

    go_on.set()
    list(stream)

    assert 0 < kept.one["time_to_first_token"] <= kept.one["duration"]


def test_responses_stream_left_at_its_last_event(client: Any, endpoint: Endpoint, kept: Kept) -> None:
    """A Responses stream has no [DONE]: ``response.completed`` is its end."""
    if not has(client, "responses"):
        pytest.skip("this version has no Responses API")
    endpoint.script(sse_answer(*sse(*response_events(), done=False)))
    for event in client.responses.create(**RESPONSE, stream=True):
        if event.type == "response.completed":
            break
    gc.collect()

    assert "interrupted" not in kept.one
    assert kept.one["native_response"]["status"] == "completed"


def test_a_stream_read_in_another_thread(client: Any, kept: Kept) -> None:
    """Its record is the call's, wherever it is read."""
    stream = client.chat.completions.create(**CHAT, stream=True)
    reader = threading.Thread(target=list, args=(stream,))
    reader.start()
    reader.join()

    assert words(kept.one) == "Hello there"


def test_settling_does_not_cut_a_call_that_is_not_a_stream(
    client: Any, endpoint: Endpoint, kept: Kept
) -> None:
    """Open streams are settled at the end of the program; other calls end by themselves."""
    endpoint.script(sse_answer(*sse(*CHUNKS)))
    client.chat.completions.create(**CHAT)

    instrument.settle_open_streams()

    assert len(kept.payloads) == 1


@asynccontextmanager
async def async_stream(endpoint: Endpoint) -> AsyncIterator[Any]:
    async with openai.AsyncOpenAI(base_url=endpoint.url, api_key="x", max_retries=0) as client:
        yield await client.chat.completions.create(**CHAT, stream=True)


async def read_begun(stream: Any) -> None:
    for _ in BEGUN:
        await stream.__anext__()


async def cancel_when_reached(read: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    """Cancel ``read`` where it sets its event. Should it fail before, that is the test's failure."""
    reached = asyncio.Event()
    task, reaching = asyncio.create_task(read(reached)), asyncio.create_task(reached.wait())
    await asyncio.wait({task, reaching}, return_when=asyncio.FIRST_COMPLETED)
    reaching.cancel()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@closable
def test_async_close_and_with(endpoint: Endpoint, kept: Kept) -> None:
    """``close()`` and ``async with`` leave a stream as their sync forms do."""

    async def main() -> None:
        for leave in ("close", "with"):
            held = threading.Event()
            endpoint.script(sse_answer(*BEGUN, held))
            async with async_stream(endpoint) as stream:
                if leave == "with":
                    async with stream:
                        await read_begun(stream)
                else:
                    await read_begun(stream)
                    await stream.close()
            held.set()

    asyncio.run(main())

    assert len(kept.payloads) == 2
    for record in kept.records:
        check_left(record)


def test_async_break_and_drop(endpoint: Endpoint, kept: Kept) -> None:
    """A stream dropped half-way is recorded once its loop has closed it."""
    held = threading.Event()
    endpoint.script(sse_answer(*BEGUN, held))

    async def main() -> None:
        async with async_stream(endpoint) as stream:
            async for chunk in stream:
                if "w1" in chunk.choices[0].delta.content:
                    break
            del stream

    asyncio.run(main())
    held.set()
    gc.collect()

    check_left(kept.one)


@pytest.mark.parametrize("how", ["cancel", "wait_for"])
def test_async_cancelled_while_reading(endpoint: Endpoint, kept: Kept, how: str) -> None:
    """A task that is cancelled, or runs out of time, while it waits for the next chunk has failed."""
    held = threading.Event()
    endpoint.script(sse_answer(*BEGUN, held))

    async def read(reached: asyncio.Event) -> None:
        async with async_stream(endpoint) as stream:
            await read_begun(stream)
            reached.set()
            await stream.__anext__()

    async def main() -> None:
        if how == "cancel":
            await cancel_when_reached(read)
            return
        with pytest.raises((asyncio.TimeoutError, TimeoutError)):
            await asyncio.wait_for(read(asyncio.Event()), 0.5)

    asyncio.run(main())
    held.set()

    assert (kept.one["status"], kept.one["failure_kind"]) == ("failed", "CancelledError")
    assert words(kept.one) == "w0 w1 "


@closable
def test_async_cancelled_between_chunks(endpoint: Endpoint, kept: Kept) -> None:
    """Cancelled while its consumer does something else, in an ``async with``: failed as well."""
    held = threading.Event()
    endpoint.script(sse_answer(*BEGUN, held))

    async def read(reached: asyncio.Event) -> None:
        async with async_stream(endpoint) as stream, stream:
            await read_begun(stream)
            reached.set()
            await asyncio.Event().wait()

    asyncio.run(cancel_when_reached(read))
    held.set()

    assert (kept.one["status"], kept.one["failure_kind"]) == ("failed", "CancelledError")


def test_async_error_and_cut(endpoint: Endpoint, kept: Kept) -> None:
    """An error object and a broken connection fail async calls, too."""

    async def main() -> None:
        for answer in (sse_answer(*BEGUN, *sse({"error": {"message": "no"}})), sse_answer(*BEGUN, cut=True)):
            endpoint.script(answer)
            async with async_stream(endpoint) as stream:
                with pytest.raises(Exception, match=r"no|peer|Connection|closed|streaming"):
                    async for _ in stream:
                        pass

    asyncio.run(main())

    assert [record["status"] for record in kept.records] == ["failed", "failed"]
    assert [words(record) for record in kept.records] == ["w0 w1 "] * 2
