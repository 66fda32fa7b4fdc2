"""The WSGI middleware under Flask and by itself: one session a request, whatever the body is made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import validator

import flask
import openai
import pytest

from log10_trace import session, tags
from log10_trace.context import current
from log10_trace.integrations.wsgi import Log10Middleware
from log10_trace.testing import capture
from tests.integrations.faults import NewFaults

QUESTION: Any = [{"role": "user", "content": "hi"}]


@pytest.fixture
def app(client: openai.OpenAI) -> flask.Flask:
    """An application that calls the model in a view, in a streamed body and at the end of the request."""
    app = flask.Flask("shop")

    def ask() -> str:
        client.chat.completions.create(model="m", messages=QUESTION)
        found = current().session
        return "none" if found is None else found.id

    @app.get("/ask")
    def view() -> str:
        return ask()

    @app.get("/stream")
    def streamed() -> flask.Response:
        response = flask.Response(ask() + "\n" for _ in range(2))
        response.call_on_close(ask)
        return response

    @app.get("/fail")
    def failing() -> str:
        ask()
        raise ZeroDivisionError

    app.testing = True
    return app


def test_each_request_is_a_session(app: flask.Flask) -> None:
    """The calls of a request have its session, tags and metadata, and those of another have another."""
    app.wsgi_app = Log10Middleware(  # type: ignore[method-assign]
        app.wsgi_app,
        tags=lambda environ: ["web", environ["PATH_INFO"]],
        metadata=lambda environ: {"method": environ["REQUEST_METHOD"]},
    )
    with capture() as calls:
        answers = [app.test_client().get("/ask").text for _ in range(2)]

    assert [call.session_id for call in calls] == answers
    assert len(set(answers)) == 2
    assert calls[0].tags == ["web", "/ask"]
    assert calls[0].metadata == {"method": "GET"}


def test_a_streamed_body_is_in_the_session(app: flask.Flask) -> None:
    """The session is in force for each piece and at the close, and not in what the server does between."""
    app.wsgi_app = Log10Middleware(app.wsgi_app)  # type: ignore[method-assign]
    with capture() as calls, session(id="of the server"):
        response = app.test_client().get("/stream", headers={"X-Session-Id": "chat-7"}, buffered=False)
        between = [current().session for _ in response.response]
        response.close()

    assert [call.session_id for call in calls] == ["chat-7"] * 3
    assert [found and found.id for found in between] == ["of the server"] * 2


def test_the_id_goes_back_in_a_header(app: flask.Flask) -> None:
    """The response says which session it was; an id that cannot be used is replaced."""
    app.wsgi_app = Log10Middleware(app.wsgi_app, response_header="X-Session-Id")  # type: ignore[method-assign]
    web = app.test_client()

    assert web.get("/ask", headers={"X-Session-Id": "chat-7"}).headers.getlist("X-Session-Id") == ["chat-7"]
    answer = web.get("/ask", headers={"X-Session-Id": "two words"})
    assert len(answer.text) == 36
    assert answer.headers["X-Session-Id"] == answer.text


def test_exceptions_pass(app: flask.Flask) -> None:
    """The application's exception reaches the server, and no session is left open."""
    app.wsgi_app = Log10Middleware(app.wsgi_app)  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError):
        app.test_client().get("/fail")

    assert current().session is None


def test_a_callable_that_fails_breaks_no_request(app: flask.Flask) -> None:
    """The faults are counted, and the request is served in a session without these labels."""
    app.wsgi_app = Log10Middleware(  # type: ignore[method-assign]
        app.wsgi_app, tags=lambda _: [1 / 0], metadata=lambda _: {"user": object()}
    )
    found = NewFaults()
    with capture() as calls:
        answer = app.test_client().get("/ask")

    assert answer.text == calls[0].session_id
    assert found.counts() == {"reading the tags of a request": 1, "reading the metadata of a request": 1}


def serve(application: Any, environ: dict[str, Any] | None = None) -> Any:
    """The body of one request, as a server without a framework gets it."""
    environ = {"QUERY_STRING": "", **(environ or {})}
    setup_testing_defaults(environ)
    return application(environ, lambda status, headers, exc_info=None: lambda data: None)


def test_the_protocol_is_kept() -> None:
    """Python's own validator finds nothing between application and middleware, or middleware and server."""

    def application(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"one"
        yield b"two"

    body = serve(validator(Log10Middleware(validator(application), response_header="X-Session-Id")))

    assert list(body) == [b"one", b"two"]
    body.close()


def test_a_scope_that_the_body_opens_stays_in_the_body() -> None:
    """Tags around a yield are in force in the rest of the body, and not in the server."""

    def application(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        with tags("inner"):
            yield b"one"
            yield ",".join(current().tags).encode()

    body = serve(Log10Middleware(application, tags=["outer"]))

    assert next(body) == b"one"
    assert current().tags == ()
    assert next(body) == b"outer,inner"
    body.close()
    assert current().session is None


@pytest.mark.parametrize("body", [[b"whole"], (b"whole",)])
def test_a_list_is_handed_on_as_it_is(body: Any) -> None:
    """A server works out the length of a list with one item."""
    assert serve(Log10Middleware(lambda environ, start_response: body)) is body


def test_a_wrapped_file_is_handed_on_as_it_is() -> None:
    """A server sends such a file without reading it into Python."""
    with open(__file__, "rb") as file:  # noqa: PTH123 -- what a server wraps
        body = FileWrapper(file)

        environ = {"wsgi.file_wrapper": FileWrapper}
        assert serve(Log10Middleware(lambda environ, start_response: body), environ) is body
