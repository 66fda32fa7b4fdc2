"""Sync and async drivers of the sans-I/O request flow."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Generic, TypeVar

from log10_trace.client import request_flow, results
from log10_trace.client.http_library import httpx, library_of
from log10_trace.client.operation import Item, Listing, Operation, Page
from log10_trace.client.retry import Attempt, Retry
from log10_trace.client.settings import Settings
from log10_trace.network import find_proxy, make_tls_context

Result = TypeVar("Result")
Http = TypeVar("Http", bound=httpx.Client | httpx.AsyncClient)


class _Driver(Generic[Http]):
    """What both have: settings, patience, and an HTTP client."""

    def __init__(self, settings: Settings, retry: Retry, http: Http) -> None:
        self.settings = settings
        self.http = http
        self.retry = retry
        self.transport_error: type[httpx.TransportError] = library_of(http).TransportError

    def request(self, operation: Operation[Any]) -> httpx.Request:
        """The operation as a request to the server of the settings."""
        headers = self.settings.headers(operation.organization)
        if operation.body is not None:
            headers["Content-Type"] = operation.content_type
        return self.http.build_request(
            operation.method,
            f"{self.settings.url}/api/v1{operation.path}",
            params=operation.query or None,
            content=operation.body,
            headers=headers,
            timeout=self.settings.timeout,
        )


class SyncDriver(_Driver[httpx.Client]):
    """Carries operations and returns when they are done."""

    sleep: Callable[[float], None] = staticmethod(time.sleep)

    def run(self, operation: Operation[Result]) -> Result:
        """What the operation gives; raises as ``answer.result``."""
        return self._drive(request_flow.execute(operation, self.request(operation), self.retry))

    def stream(self, operation: Operation[Any]) -> Iterator[bytes]:
        """The body of the operation's answer, in the pieces it comes in."""
        response = self._drive(request_flow.open_stream(operation, self.request(operation), self.retry))
        try:
            yield from response.iter_bytes()
        except self.transport_error as error:
            raise results.connection_error(error) from error
        finally:
            response.close()

    def _drive(self, steps: request_flow.Flow[Result]) -> Result:
        came: Any = None
        while True:
            try:
                step = steps.send(came)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]  # typeshed knows it as Any
            came = step(self)

    def send(self, request: httpx.Request) -> Attempt:
        """The outcome of sending the request."""
        try:
            return self.http.send(request, stream=True)
        except self.transport_error as error:
            return error

    def read(self, response: httpx.Response) -> Attempt:
        """The response with its whole body."""
        try:
            response.read()
        except self.transport_error as error:
            return error
        return response


class AsyncDriver(_Driver[httpx.AsyncClient]):
    """Carries operations and is awaited."""

    sleep: Callable[[float], Awaitable[None]] = staticmethod(asyncio.sleep)

    async def run(self, operation: Operation[Result]) -> Result:
        """What the operation gives; raises as ``answer.result``."""
        return await self._drive(request_flow.execute(operation, self.request(operation), self.retry))

    async def stream(self, operation: Operation[Any]) -> AsyncIterator[bytes]:
        """The body of the operation's answer, in the pieces it comes in."""
        response = await self._drive(request_flow.open_stream(operation, self.request(operation), self.retry))
        try:
            async for piece in response.aiter_bytes():
                yield piece
        except self.transport_error as error:
            raise results.connection_error(error) from error
        finally:
            await response.aclose()

    async def _drive(self, steps: request_flow.Flow[Result]) -> Result:
        came: Any = None
        while True:
            try:
                step = steps.send(came)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]  # typeshed knows it as Any
            came = await step(self)

    async def send(self, request: httpx.Request) -> Attempt:
        """The outcome of sending the request."""
        try:
            return await self.http.send(request, stream=True)
        except self.transport_error as error:
            return error

    async def read(self, response: httpx.Response) -> Attempt:
        """The response with its whole body."""
        try:
            await response.aread()
        except self.transport_error as error:
            return error
        return response


class Pages(Generic[Item]):
    """A list of the API: iterating gives its items, ``pages()`` their pages. Read as you go."""

    def __init__(self, driver: SyncDriver, listing: Listing[Item]) -> None:
        self._driver = driver
        self._listing = listing

    def __iter__(self) -> Iterator[Item]:
        for page in self.pages():
            yield from page.items

    def pages(self) -> Iterator[Page[Item]]:
        """The pages, each with the cursor that the next one begins at."""
        listing: Listing[Item] | None = self._listing
        while listing is not None:
            page = self._driver.run(listing.operation)
            yield page
            listing = listing.next_page(page)


class AsyncPages(Generic[Item]):
    """A list of the API: ``async for`` gives its items, ``pages()`` their pages. Read as you go."""

    def __init__(self, driver: AsyncDriver, listing: Listing[Item]) -> None:
        self._driver = driver
        self._listing = listing

    async def __aiter__(self) -> AsyncIterator[Item]:
        async for page in self.pages():
            for item in page.items:
                yield item

    async def pages(self) -> AsyncIterator[Page[Item]]:
        """The pages, each with the cursor that the next one begins at."""
        listing: Listing[Item] | None = self._listing
        while listing is not None:
            page = await self._driver.run(listing.operation)
            yield page
            listing = listing.next_page(page)


def blocking_transport(settings: Settings) -> httpx.HTTPTransport:
    """What carries the requests of a client without an HTTP client of the user's.

    Raises:
        ConfigError: the certificates to be trusted cannot be read.
    """
    verify = _tls_context(settings)
    return httpx.HTTPTransport(verify=verify, proxy=_proxy(settings, verify))


def async_transport(settings: Settings) -> httpx.AsyncHTTPTransport:
    """``blocking_transport`` for a client that is awaited."""
    verify = _tls_context(settings)
    return httpx.AsyncHTTPTransport(verify=verify, proxy=_proxy(settings, verify))


def _tls_context(settings: Settings) -> ssl.SSLContext:
    """What verifies certificates: a bare one where nothing is encrypted, for reading them takes 20 ms."""
    is_encrypted = settings.url.startswith("https:") or (find_proxy(settings.url) or "").startswith("https:")
    return make_tls_context(settings.ca_file) if is_encrypted else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _proxy(settings: Settings, verify: ssl.SSLContext) -> httpx.Proxy | None:
    url = find_proxy(settings.url)
    if url is None:
        return None
    return httpx.Proxy(url, ssl_context=verify) if url.startswith("https:") else httpx.Proxy(url)
