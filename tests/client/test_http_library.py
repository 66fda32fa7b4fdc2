"""The HTTP library of the client: httpx2 or httpx; a client of the user's may be of either."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from typing import Any, get_type_hints

import httpx
import httpx2
import pytest

from log10_trace import errors
from log10_trace.client import AsyncLog10, Log10, Retry
from log10_trace.client.http_library import is_error, library_of

ONCE = Retry(attempts=1)


@pytest.fixture(params=[httpx, httpx2], ids=["httpx", "httpx2"])
def library(request: pytest.FixtureRequest) -> Any:
    return request.param


def ask(library: Any, handler: Callable[[Any], Any], **settings: Any) -> Any:
    """The completion "a", from a client of a library whose server is ``handler``."""
    http = library.Client(transport=library.MockTransport(handler))
    with http, Log10(server_url="http://api.test", log10_token="key", http_client=http, **settings) as client:
        return client.completions.get("a")


def test_answers_are_of_the_library_of_the_client_that_was_given(library: Any) -> None:
    """Whichever is used otherwise; and what is read of them is the same."""
    answer = ask(library, lambda _: library.Response(200, json={"id": "a"}))

    assert answer.completion.id == "a"
    assert type(answer.raw_response) is library.Response
    assert type(answer.http_meta.request) is library.Request


def test_errors_are_ours_with_either_library(library: Any) -> None:
    """Refusals, time-outs and lost connections are the errors that the documentation names."""
    with pytest.raises(errors.NotFoundError) as refused:
        ask(library, lambda _: library.Response(404, json={"message": "No such completion."}))
    assert type(refused.value.raw_response) is library.Response

    for cause, expected in (
        (library.ConnectTimeout("slow"), errors.APITimeoutError),
        (library.ConnectError("refused"), errors.APIConnectionError),
    ):
        with pytest.raises(expected) as failed:
            ask(library, _raising(cause), retry=ONCE)
        assert failed.value.__cause__ is cause


def _raising(error: Exception) -> Callable[[Any], Any]:
    def handler(_request: Any) -> Any:
        raise error

    return handler


def test_lost_connections_are_tried_again_with_either_library(library: Any) -> None:
    """A request that was certainly not acted on is sent once more."""
    left = [library.ConnectError("refused"), library.Response(503), library.Response(200, json={"id": "a"})]

    def handler(_request: Any) -> Any:
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    answer = ask(library, handler, retry=Retry(first_wait=0.0))

    assert (answer.completion.id, left) == ("a", [])


def test_an_awaited_client_may_be_of_either_library(library: Any) -> None:
    """``AsyncLog10`` as ``Log10``: answers, and errors on the way."""

    async def run() -> tuple[Any, Any]:
        answers = iter([library.Response(200, json={"id": "a"}), library.ReadTimeout("slow")])

        def handler(_request: Any) -> Any:
            answer = next(answers)
            if isinstance(answer, Exception):
                raise answer
            return answer

        http = library.AsyncClient(transport=library.MockTransport(handler))
        async with http, AsyncLog10(server_url="http://api.test", http_client=http, retry=ONCE) as client:
            answer = await client.completions.get("a")
            with pytest.raises(errors.APITimeoutError) as failed:
                await client.completions.get("a")
            return answer, failed.value.__cause__

    answer, cause = asyncio.run(run())

    assert type(answer.raw_response) is library.Response
    assert type(cause) is library.ReadTimeout


def test_a_class_derived_from_a_client_is_of_its_library(library: Any) -> None:
    """Programs derive clients of their own; one of neither library is taken for the one that is used."""

    class Derived(library.Client):  # type: ignore[misc] # of whichever library
        pass

    with Derived() as client:
        assert library_of(client) is library
    assert library_of(object()) is httpx2  # type: ignore[arg-type]


def test_an_error_is_known_by_its_name_and_library(library: Any) -> None:
    """Not one of the same name of another library, and no answer."""
    assert is_error(library.ConnectTimeout("slow"), "TimeoutException")
    assert not is_error(library.ConnectTimeout("slow"), "ConnectError")
    assert not is_error(type("TimeoutException", (Exception,), {})("slow"), "TimeoutException")
    assert not is_error(library.Response(200), "TimeoutException")


def test_type_hints_of_the_clients_can_be_read() -> None:
    """Frameworks that inject dependencies evaluate them."""
    assert "http_client" in get_type_hints(Log10.__init__)
    assert "http_client" in get_type_hints(AsyncLog10.__init__)


PROGRAM = """
import sys
for name in {blocked!r}:
    sys.modules[name] = None  # as if it were not installed
from log10_trace import AsyncLog10, Log10, errors
client = Log10(server_url="http://127.0.0.1:1")
try:
    client.completions.get("a")
except errors.APIConnectionError as error:
    print(type(error.__cause__).__module__)
loaded = [name for name in ("httpx", "httpx2") if sys.modules.get(name) is not None]
print(type(client._driver.http).__module__, loaded)
"""


@pytest.mark.parametrize(
    ("blocked", "used"), [((), "httpx2"), (("httpx2",), "httpx"), (("httpx",), "httpx2")], ids=repr
)
def test_one_library_is_loaded_and_the_client_works_with_it(blocked: tuple[str, ...], used: str) -> None:
    """httpx2 where it is installed, else httpx; the other one is never imported."""
    source = PROGRAM.format(blocked=blocked)
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)

    assert (done.stderr, done.stdout.splitlines()) == ("", [used, f"{used} {[used]}"])
