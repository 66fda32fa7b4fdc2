"""The ASGI middleware under FastAPI and by itself: one session a request, whatever the request does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from fastapi import BackgroundTasks, FastAPI, Request, WebSocket
from fastapi.responses import StreamingResponse
from starlette.testclient import TestClient

from log10_trace import session
from log10_trace.context import current, process_session
from log10_trace.integrations.asgi import Log10Middleware
from log10_trace.testing import capture
from tests.integrations.faults import NewFaults

QUESTION: Any = [{"role": "user", "content": "hi"}]


@pytest.fixture
def app(client: openai.OpenAI) -> FastAPI:
    """An application whose routes call the model in the ways that a service does."""
    app = FastAPI()

    def ask() -> str:
        client.chat.completions.create(model="m", messages=QUESTION)
        found = current().session
        return "none" if found is None else found.id

    @app.get("/ask")
    def in_a_thread() -> str:
        return ask()

    @app.get("/later")
    def in_the_background(tasks: BackgroundTasks) -> str:
        tasks.add_task(ask)
        return ask()

    @app.get("/stream")
    async def streamed() -> StreamingResponse:
        async def pieces() -> AsyncIterator[str]:
            for _ in range(2):
                yield await asyncio.to_thread(ask) + "\n"

        return StreamingResponse(pieces())

    @app.get("/fail")
    def failing() -> str:
        ask()
        raise ZeroDivisionError

    @app.get("/own-header")
    def with_a_header_of_its_own(request: Request) -> StreamingResponse:
        return StreamingResponse(iter(["x"]), headers={"X-Session-Id": "the application's"})

    @app.websocket("/socket")
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(str(current().session))
        await websocket.close()

    return app


def test_each_request_is_a_session(app: FastAPI) -> None:
    """The calls of a request have its session, tags and metadata, and those of another have another."""
    app.add_middleware(
        Log10Middleware,
        tags=lambda scope: ["web", scope["path"]],
        metadata=lambda scope: {"method": scope["method"]},
    )
    with capture() as calls, TestClient(app) as web:
        answers = [web.get("/ask").json() for _ in range(2)]

    assert [call.session_id for call in calls] == answers
    assert len(set(answers)) == 2
    assert calls[0].tags == ["web", "/ask"]
    assert calls[0].metadata == {"method": "GET"}


def test_streams_and_background_tasks_are_in_the_session(app: FastAPI) -> None:
    """The session lasts until the body is sent and the background tasks are done."""
    app.add_middleware(Log10Middleware, tags=["web"])
    with capture() as calls, TestClient(app) as web:
        streamed = web.get("/stream").text.split()
        later = web.get("/later").json()

    assert [call.session_id for call in calls] == [*streamed, later, later]
    assert len(set(streamed)) == 1
    assert all(call.tags == ["web"] for call in calls)


@pytest.mark.parametrize("sent", ["chat-7", "x" * 128])
def test_the_id_comes_from_the_header(app: FastAPI, sent: str) -> None:
    """A request that names its session joins it; the response says which it was."""
    app.add_middleware(Log10Middleware, session_header="X-Chat", response_header="X-Session-Id")
    with TestClient(app) as web:
        answer = web.get("/ask", headers={"x-chat": sent})

    assert answer.json() == answer.headers["x-session-id"] == sent


@pytest.mark.parametrize("sent", [b"", b"two words", b"x" * 129, b"caf\xe9", b"a\x0bb"])
def test_an_id_that_cannot_be_used_is_replaced(app: FastAPI, sent: bytes) -> None:
    """Too long, not ASCII, or with spaces and control characters: the session is new."""
    app.add_middleware(Log10Middleware)
    with TestClient(app) as web:
        answer = web.get("/ask", headers={b"x-session-id": sent})

    assert len(answer.json()) == 36


def test_no_header_is_read_where_none_is_named(app: FastAPI) -> None:
    """A public service takes no id from its callers."""
    app.add_middleware(Log10Middleware, session_header=None)
    with TestClient(app) as web:
        answer = web.get("/ask", headers={"X-Session-Id": "theirs"})

    assert answer.json() != "theirs"
    assert "x-session-id" not in answer.headers


def test_a_header_of_the_application_stays(app: FastAPI) -> None:
    """The response has one header of that name."""
    app.add_middleware(Log10Middleware, response_header="X-Session-Id")
    with TestClient(app) as web:
        answer = web.get("/own-header")

    assert answer.headers.get_list("x-session-id") == ["the application's"]


def test_exceptions_pass(app: FastAPI) -> None:
    """The application's exception reaches the server, and the call before it has its session."""
    app.add_middleware(Log10Middleware)
    with capture() as calls, TestClient(app) as web, pytest.raises(ZeroDivisionError):
        web.get("/fail", headers={"X-Session-Id": "failed"})

    assert [call.session_id for call in calls] == ["failed"]


def test_websockets_pass_untouched(app: FastAPI) -> None:
    """A WebSocket has no session of the middleware's."""
    app.add_middleware(Log10Middleware)
    with TestClient(app) as web, web.websocket_connect("/socket") as socket:
        assert socket.receive_text() == "None"


@pytest.mark.parametrize(
    "settings",
    [
        {"tags": lambda _: 1 / 0},
        {"tags": lambda _: "one string"},
        {"metadata": lambda _: {}["user"]},
        {"metadata": lambda _: {"user": object()}},
    ],
)
def test_a_callable_that_fails_breaks_no_request(app: FastAPI, settings: dict[str, Any]) -> None:
    """The fault is counted, and the request is served in a session without these labels."""
    app.add_middleware(Log10Middleware, **settings)
    found = NewFaults()
    with capture() as calls, TestClient(app) as web:
        answer = web.get("/ask")

    assert answer.json() == calls[0].session_id
    assert found.counts() == {f"reading the {next(iter(settings))} of a request": 1}


def test_a_callable_may_give_nothing(app: FastAPI) -> None:
    """None is no metadata, as for a user who is not signed in."""
    app.add_middleware(Log10Middleware, metadata=lambda _: None)
    found = NewFaults()
    with capture() as calls, TestClient(app) as web:
        web.get("/ask")

    assert not calls[0].metadata
    assert not found.counts()


async def coroutine_function(_: Any) -> dict[str, Any]:
    return {}


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"tags": "web"}, TypeError, "one string"),
        ({"metadata": {"user": object()}}, TypeError, "'user'"),
        ({"metadata": coroutine_function}, TypeError, "metadata is a plain function"),
        ({"session_header": "X Session"}, ValueError, "session_header"),
        ({"response_header": "X\r\nSet-Cookie"}, ValueError, "response_header"),
    ],
)
def test_settings_that_cannot_be_used_are_named(
    settings: dict[str, Any], error: type[Exception], words: str
) -> None:
    """The middleware says so when it is made, not at the first request."""
    with pytest.raises(error, match=words):
        Log10Middleware(FastAPI(), **settings)


def test_the_scope_outside_comes_back() -> None:
    """A server that runs requests within a session of its own has it back after each."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        found.append(current().session)

    async def serve() -> None:
        with session(id="outside"):
            await Log10Middleware(application)({"type": "http", "headers": []}, None, None)  # type: ignore[arg-type]
            found.append(current().session)

    found: list[Any] = []
    asyncio.run(serve())

    assert found[0].id not in ("outside", process_session().id)
    assert found[1].id == "outside"
