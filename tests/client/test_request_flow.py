"""What the client makes of answers, and of none: errors, tries, waits. The network is an argument here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from log10_trace import errors
from log10_trace.client import AsyncLog10, Log10, Retry
from log10_trace.client.drivers import AsyncDriver, SyncDriver

Handler = Callable[[httpx.Request], httpx.Response]
Call = Callable[[Any], Any]
Answer = httpx.Response | Exception | int


class Answers:
    """A server that gives its answers in order (a number is a status), and keeps the requests."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = iter(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """The next answer."""
        self.requests.append(request)
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer) if isinstance(answer, int) else answer


class Client:
    """Either client, asked in the same way; its waits are counted instead of waited."""

    def __init__(self, flavour: str, waits: list[float]) -> None:
        self._flavour = flavour
        self.waits = waits

    def ask(self, answers: Handler, call: Call, **settings: Any) -> Any:
        """What ``call`` gives or raises, with a client whose server is ``answers``."""
        settings = {"server_url": "http://api.test", "log10_token": "key", **settings}
        if self._flavour == "blocking":
            http = httpx.Client(transport=httpx.MockTransport(answers))
            with Log10(http_client=http, **settings) as client:
                return call(client)
        return asyncio.run(self._awaited(answers, call, settings))

    async def _awaited(self, answers: Handler, call: Call, settings: dict[str, Any]) -> Any:
        http = httpx.AsyncClient(transport=httpx.MockTransport(answers))
        async with AsyncLog10(http_client=http, **settings) as client:
            given = call(client)
            if hasattr(given, "__aiter__"):
                return [item async for item in given]
            return await given


@pytest.fixture(params=["blocking", "awaiting"])
def client(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Both clients, one after the other."""
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(SyncDriver, "sleep", staticmethod(waits.append))
    monkeypatch.setattr(AsyncDriver, "sleep", staticmethod(wait))
    return Client(request.param, waits)


def get(client: Any) -> Any:
    """An operation that may be repeated."""
    return client.completions.get(completion_id="a")


def create_session(client: Any) -> Any:
    """An operation that may not."""
    return client.sessions.create()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.ValidationError),
        (401, errors.AuthenticationError),
        (403, errors.AuthenticationError),
        (404, errors.NotFoundError),
        (409, errors.ConflictError),
        (413, errors.ValidationError),
        (418, errors.SDKError),
        (422, errors.ValidationError),
        (429, errors.RateLimitError),
        (500, errors.ServerError),
        (507, errors.ServerError),
    ],
)
def test_every_status_has_its_error(client: Client, status: int, kind: type[errors.SDKError]) -> None:
    """An answer of 4xx or 5xx is an error of its own class, with status, body, message and response."""
    body = {"code": "x", "message": "It is not so.", "field": None}

    with pytest.raises(errors.SDKError) as caught:
        client.ask(lambda _: httpx.Response(status, json=body), get, retry=Retry(attempts=1))

    assert type(caught.value) is kind
    assert caught.value.status_code == status
    assert json.loads(caught.value.body) == body
    assert caught.value.message == str(caught.value) == "It is not so."
    assert caught.value.raw_response.request.url.path == "/api/v1/completions/a"


def test_message_names_the_field(client: Client) -> None:
    """A field error says which field, when the message does not."""
    answer = httpx.Response(422, json={"code": "invalid", "message": "Not a moment.", "field": "since"})

    with pytest.raises(errors.ValidationError, match=r"^since: Not a moment\.$"):
        client.ask(lambda _: answer, get)


def test_error_without_words_still_says_what_happened(client: Client) -> None:
    """An error page of a proxy becomes a sentence with the status."""
    with pytest.raises(errors.ServerError, match="The completions API answered 502"):
        client.ask(lambda _: httpx.Response(502, text="<html>"), get, retry=Retry(attempts=1))


@pytest.mark.parametrize("body", ["<html>", "[]", "{}", '{"completions": 3}'])
def test_another_kind_of_server_is_named_as_such(client: Client, body: str) -> None:
    """A success that is no answer of the API is an error that names the server."""
    with pytest.raises(errors.ServerError, match=r"http://api\.test answers, but is no completions API"):
        client.ask(
            lambda _: httpx.Response(200, text=body), lambda client: client.completions.list_ungraded()
        )


def test_lost_connection_keeps_its_cause(client: Client) -> None:
    """A server that cannot be reached is an APIConnectionError that names it, with the cause behind it."""
    lost = httpx.ConnectError("refused")

    with pytest.raises(errors.APIConnectionError, match=r"http://api\.test.*log10-trace serve") as caught:
        client.ask(Answers(lost, lost, lost), get)

    assert caught.value.__cause__ is lost


def test_timeout_is_an_error_of_its_own(client: Client) -> None:
    """A server that does not answer in time is an APITimeoutError."""
    with pytest.raises(errors.APITimeoutError, match="did not answer in time"):
        client.ask(Answers(httpx.ReadTimeout("slow")), get, retry=Retry(attempts=1))


@pytest.mark.parametrize(
    "hitch",
    [
        503,
        500,
        408,
        httpx.ReadError("reset"),
        httpx.ReadTimeout("slow"),
        httpx.ConnectError("refused"),
    ],
    ids=repr,
)
def test_what_may_pass_is_tried_again(client: Client, hitch: Answer) -> None:
    """Idempotent requests are retried after a hitch, and gives its result."""
    answers = Answers(hitch, httpx.Response(200, json={"id": "a"}))

    response = client.ask(answers, get)

    assert response.completion.id == "a"
    assert len(client.waits) == 1


def test_a_body_cut_short_is_tried_again(client: Client) -> None:
    """A connection that breaks in the middle of an answer is a lost connection like any other."""

    class Cut(httpx.SyncByteStream, httpx.AsyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield b'{"id":'
            raise httpx.ReadError("cut")

        async def __aiter__(self) -> Any:
            for piece in self:
                yield piece

    answers = Answers(httpx.Response(200, stream=Cut()), httpx.Response(200, json={"id": "a"}))

    assert client.ask(answers, get).completion.id == "a"


@pytest.mark.parametrize("hitch", [500, httpx.ReadTimeout("slow")], ids=repr)
def test_what_may_have_been_done_is_not_done_again(client: Client, hitch: Answer) -> None:
    """An operation that is not harmless twice is not repeated when it may have been acted on."""
    answers = Answers(hitch)

    with pytest.raises(errors.Log10Error):
        client.ask(answers, create_session)

    assert len(answers.requests) == 1


@pytest.mark.parametrize("hitch", [429, httpx.ConnectError("refused")], ids=repr)
def test_what_was_certainly_not_done_is_tried_again(client: Client, hitch: Answer) -> None:
    """Any operation is repeated when the server cannot have acted on it."""
    answers = Answers(hitch, httpx.Response(201, json={"session": {"id": "s"}}))

    assert client.ask(answers, create_session).object.session.id == "s"


def test_tries_end(client: Client) -> None:
    """After as many tries as the settings say, the last outcome is the outcome."""
    answers = Answers(*[503] * 4)

    with pytest.raises(errors.ServerError):
        client.ask(answers, get, retry=Retry(attempts=4, jitter=lambda: 1.0))

    assert client.waits == [0.2, 0.4, 0.8]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [("3", 3.0), (format_datetime(datetime(2001, 1, 1, tzinfo=timezone.utc)), 0.0), ("soon", 0.2)],
)
def test_retry_after_is_obeyed(client: Client, asked: str, expected: float) -> None:
    """``Retry-After``, a number or a date, says how long is waited; nonsense is passed over."""
    answers = Answers(
        httpx.Response(429, headers={"Retry-After": asked}), httpx.Response(200, json={"id": "a"})
    )

    client.ask(answers, get, retry=Retry(jitter=lambda: 1.0))

    assert client.waits == [expected]


def test_a_wait_too_long_is_not_begun(client: Client) -> None:
    """A server that asks for an hour gets no further try: the caller hears at once."""
    later = format_datetime(datetime.now(timezone.utc) + timedelta(hours=1))

    with pytest.raises(errors.RateLimitError):
        client.ask(lambda _: httpx.Response(429, headers={"Retry-After": later}), get)

    assert client.waits == []


def test_key_and_organization_travel_as_headers(client: Client) -> None:
    """Key and organization stand in the API's own headers, the call's organization before the client's."""
    answers = Answers(httpx.Response(200, json={"id": "a"}))

    client.ask(
        answers,
        lambda client: client.completions.get(completion_id="a?b", x_log10_organization="theirs"),
        x_log10_organization="ours",
    )

    (request,) = answers.requests
    assert request.headers["X-Log10-Token"] == "key"
    assert request.headers["X-Log10-Organization"] == "theirs"
    assert request.url.raw_path == b"/api/v1/completions/a%3Fb"


def test_key_may_be_a_function(client: Client) -> None:
    """A key that changes is asked for at each request."""
    answers = Answers(httpx.Response(200, json={"id": "a"}))

    client.ask(answers, get, log10_token=lambda: "fresh")

    assert answers.requests[0].headers["X-Log10-Token"] == "fresh"


def test_list_walks_the_pages(client: Client) -> None:
    """Iterating a list asks for page after page, until the limit or the end."""
    answers = Answers(
        httpx.Response(200, json={"completions": [{"id": "a"}, {"id": "b"}], "next_cursor": "c1"}),
        httpx.Response(200, json={"completions": [{"id": "c"}], "next_cursor": "c2"}),
    )

    found = client.ask(answers, lambda client: _listed(client.completions.list(limit=3, tag=["x", "y"])))

    assert [completion.id for completion in found] == ["a", "b", "c"]
    assert [str(request.url.query, "ascii") for request in answers.requests] == [
        "tag=x&tag=y&limit=3",
        "tag=x&tag=y&cursor=c1&limit=1",
    ]


def test_moments_travel_with_their_zone(client: Client) -> None:
    """A datetime becomes the moment that is meant, in UTC; a filter that is None asks nothing."""
    answers = Answers(httpx.Response(200, json={"completions": [], "next_cursor": None}))
    moment = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))

    client.ask(
        answers, lambda client: _listed(client.completions.list(since=moment, tag=None, min_duration=0.5))
    )

    (request,) = answers.requests
    assert dict(request.url.params) == {
        "since": "2026-01-01T10:00:00+00:00",
        "min_duration": "0.5",
        "limit": "100",
    }


@pytest.mark.parametrize("body", ['"refused"', '{"message": 3}', ""])
def test_an_error_of_another_form_is_an_error_all_the_same(client: Client, body: str) -> None:
    """An error whose body is not the API's own form has a sentence of ours."""
    with pytest.raises(errors.ValidationError, match="The completions API answered 422"):
        client.ask(lambda _: httpx.Response(422, text=body), get)


def test_a_stream_that_breaks_off_is_a_lost_connection(client: Client) -> None:
    """An export that is cut short raises after what came; it never ends as if it were whole."""

    class Cut(httpx.SyncByteStream, httpx.AsyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield b"first line"
            raise httpx.ReadError("cut")

        async def __aiter__(self) -> Any:
            for piece in self:
                yield piece

    with pytest.raises(errors.APIConnectionError):
        client.ask(
            Answers(httpx.Response(200, stream=Cut())),
            lambda client: _listed(client.completions.export()),
        )


def _listed(pages: Any) -> Any:
    return pages if hasattr(pages, "__aiter__") else list(pages)


def test_stream_raises_before_its_first_piece(client: Client) -> None:
    """A refused export is the refusal, read whole, and not an empty export."""
    answers = Answers(httpx.Response(422, json={"code": "x", "message": "No such filter.", "field": None}))

    with pytest.raises(errors.ValidationError, match="No such filter"):
        client.ask(answers, lambda client: _listed(client.completions.export(tag="x")))


def test_stream_gives_the_bytes_as_they_are(client: Client) -> None:
    """An export is the server's bytes, tried again as long as it has not begun."""
    answers = Answers(503, httpx.Response(200, content=b'{"a": 1.10}\n'))

    pieces = client.ask(answers, lambda client: _listed(client.completions.export(tag="x")))

    assert b"".join(pieces) == b'{"a": 1.10}\n'


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda client: client.completions.get(completion_id=""), "the id is empty"),
        (lambda client: client.completions.delete_many(), "a session_id or a tag is needed"),
    ],
)
def test_an_empty_name_never_means_everything(client: Client, call: Call, message: str) -> None:
    """An operation whose id is empty is refused here, before it can mean another operation."""
    with pytest.raises(ValueError, match=message):
        client.ask(Answers(), call)


def test_nan_is_an_error_and_not_null(client: Client) -> None:
    """A number that JSON cannot carry is refused instead of being sent as null."""
    with pytest.raises(ValueError, match="JSON"):
        client.ask(Answers(), lambda client: client.completions.create(completion={"duration": float("nan")}))
