"""The transport of an HTTP client, with an interceptor in front of it. For httpx and httpx2 alike.

It stands in the place of the client's own transport, whatever that is, while recordings are made or served,
and lets everything pass that is no call of the SDK.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import wrapt

from log10_trace import threads
from log10_trace.errors import SetupError
from log10_trace.instrument import wire
from log10_trace.instrument.body_credentials import find_in_body
from log10_trace.instrument.credentials import Credentials, is_secret_name
from log10_trace.instrument.interception import InterceptedCall, RefusedCall, current
from log10_trace.record.exchange import Exchange, Response, SentRequest

_AZURE_VERSION: Final = "api-version"

_lock: Final = threads.new_reentrant_lock()
_clients: Final[weakref.WeakSet[Any]] = weakref.WeakSet()
"""The HTTP clients in which we stand."""


class InterceptingTransport(wrapt.ObjectProxy):  # type: ignore[type-arg] # wrapt 1 takes none
    """A transport that asks the interceptor of the running call first."""

    def handle_request(self, request: Any) -> Any:
        """Serve the request, or send it and observe the response."""
        call = current.get()
        if call is None:
            return self.__wrapped__.handle_request(request)
        request.read()
        served = _ask(call, request)
        if served is not None:
            return served
        response = _begin_attempt(call)
        with _noting_failure(response, request):
            came = self.__wrapped__.handle_request(request)
        return _observe(came, response, request)

    async def handle_async_request(self, request: Any) -> Any:
        """As ``handle_request``."""
        call = current.get()
        if call is None:
            return await self.__wrapped__.handle_async_request(request)
        await request.aread()
        served = _ask(call, request)
        if served is not None:
            return served
        response = _begin_attempt(call)
        with _noting_failure(response, request):
            came = await self.__wrapped__.handle_async_request(request)
        return _observe(came, response, request)


def put_in(http: Any) -> None:
    """Stand in front of the transports of an HTTP client, unless we do.

    Raises:
        SetupError: the client is neither of httpx nor of httpx2.
    """
    with _lock:
        transport = getattr(http, "_transport", None)
        if type(transport) is InterceptingTransport:
            return
        if transport is None:
            raise SetupError(
                f"Calls through the HTTP client {type(http).__qualname__} cannot be recorded or replayed: "
                "it has no transport. Use a client of httpx or httpx2."
            )
        http._transport = InterceptingTransport(transport)  # noqa: SLF001 -- has no public name
        http._mounts = _map_mounts(http, InterceptingTransport)  # noqa: SLF001
        _clients.add(http)


def take_out() -> None:
    """Give every HTTP client its own transports again."""
    with _lock:
        for http in list(_clients):
            _clients.discard(http)
            http._transport = _unwrap(http._transport)  # noqa: SLF001 -- as above
            http._mounts = _map_mounts(http, _unwrap)  # noqa: SLF001


def _map_mounts(http: Any, change: Callable[[Any], Any]) -> dict[Any, Any]:
    mounts = getattr(http, "_mounts", None) or {}
    return {pattern: mounted and change(mounted) for pattern, mounted in mounts.items()}


def _unwrap(transport: Any) -> Any:
    return transport.__wrapped__ if type(transport) is InterceptingTransport else transport


def _ask(call: InterceptedCall, request: Any) -> Any:
    """The response to serve, as one of the HTTP library that the request is of; none to send the request."""
    # Retries and redirects belong to the exchange that their first request began.
    if call.exchange is None:
        sent = _describe(call.client, request)
        within = find_in_body(sent.body)
        secrets = Credentials(call.client, [request], sent.body, more=within)
        spared = Credentials(call.client, [request], sent.body, more=within, spare_words=True)
        call.exchange = Exchange(sent, spared.mask, secrets.mask)
        try:
            call.served = call.interceptor.find(call.exchange)
        except Exception as error:  # noqa: BLE001 -- raised again where the SDK has no hand in it
            raise RefusedCall(error) from None
    return None if call.served is None else _serve(call, call.exchange, call.served, request)


def _describe(client: Any, request: Any) -> SentRequest:
    target = target_of(request.url.path, request.url.query.decode("ascii"), client.base_url.path)
    mask = Credentials(client, [request], target.encode()).mask_text
    return SentRequest(
        request.method, mask(target), request.headers.get("content-type", ""), wire.body(request) or b""
    )


def target_of(path: str, query: str, base_path: str) -> str:
    """What tells requests to the same API apart: the path below its base URL, and the query.

    Without credentials in the query, and without the deployment and the version of the API, which Azure
    writes into the URL.
    """
    base = base_path.rstrip("/")
    path = path[len(base) :] if base and path.startswith(base + "/") else path
    _, is_azure, rest = path.partition("/deployments/")
    if is_azure and "/" in rest:
        path = "/" + rest.partition("/")[2]
    pairs = parse_qsl(query, keep_blank_values=True)
    shown = [(name, value) for name, value in pairs if name != _AZURE_VERSION and not is_secret_name(name)]
    return path + ("?" + urlencode(sorted(shown)) if shown else "")


def _begin_attempt(call: InterceptedCall) -> Response:
    """The response to a request that is sent now, in the place of that to a request before it."""
    assert call.exchange is not None  # noqa: S101 -- _ask has made it
    call.exchange.response = Response()
    return call.exchange.response


@contextmanager
def _noting_failure(response: Response, request: Any) -> Iterator[None]:
    """Note an exception of the HTTP library. Any other is not the provider's: the exchange has no end."""
    try:
        yield
    except _library(request).TransportError as error:
        response.failure = (type(error).__name__, str(error))
        raise


def _observe(came: Any, response: Response, request: Any) -> Any:
    """The response that came, noted; its body is noted as the program reads it."""
    response.status = came.status_code
    response.headers = [(name.lower(), value) for name, value in came.headers.multi_items()]
    came.stream = _ObservedStream(came.stream, response, request)
    return came


def _library(request: Any) -> Any:
    """The HTTP library that the request is of: httpx or httpx2."""
    return sys.modules[type(request).__module__.partition(".")[0]]


class _ObservedStream(wrapt.ObjectProxy):  # type: ignore[type-arg] # as above
    """The body of a response that came, noted piece by piece."""

    def __init__(self, stream: Any, response: Response, request: Any) -> None:
        super().__init__(stream)
        self._self_response = response
        self._self_request = request

    def __iter__(self) -> Iterator[bytes]:
        response = self._self_response
        with _noting_failure(response, self._self_request):
            for piece in self.__wrapped__:
                response.pieces.append(piece)
                yield piece
        response.is_whole = True

    async def __aiter__(self) -> AsyncIterator[bytes]:
        response = self._self_response
        pieces = self.__wrapped__.__aiter__()
        try:
            with _noting_failure(response, self._self_request):
                async for piece in pieces:
                    response.pieces.append(piece)
                    yield piece
        finally:
            # As the HTTP library does with its own: a generator dropped half-way is closed here and now.
            if hasattr(pieces, "aclose"):
                await pieces.aclose()
        response.is_whole = True


def _serve(call: InterceptedCall, exchange: Exchange, recorded: Response, request: Any) -> Any:
    library = _library(request)
    if recorded.status is None:
        raise _failure(library, recorded, request)

    def end() -> None:
        if recorded.failure is not None:
            raise _failure(library, recorded, request)
        if not recorded.is_whole:
            call.interceptor.on_read_past(exchange)

    stream = _served_stream_class(library)(list(recorded.pieces), end)
    return library.Response(recorded.status, headers=recorded.headers, stream=stream, request=request)


def _failure(library: Any, recorded: Response, request: Any) -> Exception:
    name, message = recorded.failure or ("TransportError", "")
    kind = getattr(library, name, None)
    if not (isinstance(kind, type) and issubclass(kind, library.TransportError)):
        kind = library.TransportError
    error: Exception = kind(message, request=request)
    return error


@cache
def _served_stream_class(library: Any) -> Any:
    """A class for the body of a served response: the HTTP library takes none but its own."""

    class ServedStream(library.SyncByteStream, library.AsyncByteStream):  # type: ignore[misc] # chosen at run time
        def __init__(self, pieces: list[bytes], end: Callable[[], None]) -> None:
            self._pieces = pieces
            self._end = end

        def __iter__(self) -> Iterator[bytes]:
            # Taken out as they are read: what reads a second time gets what is left, as from a connection.
            while self._pieces:
                yield self._pieces.pop(0)
            self._end()

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for piece in self:
                yield piece

    return ServedStream
