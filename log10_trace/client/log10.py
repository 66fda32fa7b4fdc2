"""``Log10`` and ``AsyncLog10``: the resources of the API on a driver each."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, cast

from log10_trace.client.completions import AsyncCompletions, Completions
from log10_trace.client.drivers import AsyncDriver, SyncDriver, async_transport, blocking_transport
from log10_trace.client.feedback import (
    AsyncFeedbackOperations,
    AsyncFeedbackTasks,
    FeedbackOperations,
    FeedbackTasks,
)
from log10_trace.client.http_library import AsyncHttpClient, HttpClient, httpx
from log10_trace.client.key import AsyncPresentedKey, PresentedKey
from log10_trace.client.login_codes import AsyncLoginCodes, LoginCodes
from log10_trace.client.retry import Retry
from log10_trace.client.sessions import AsyncSessions, AsyncSources, Sessions, Sources
from log10_trace.client.settings import Token, resolve_settings

if TYPE_CHECKING:
    from typing_extensions import Self


class Log10:
    """The completions API, from Python. Also a context manager, which closes its connections.

    Every argument has the tracer's own resolution when it is not given: the environment, then this user's
    running server.

    Args:
        log10_token: the key, or a function that gives it.
        server_url: where the API is, such as ``http://127.0.0.1:4680``.
        x_log10_organization: the organization, where the key alone does not say it.
        timeout: seconds that the server may be silent: a long answer may take longer.
        http_client: an HTTP client of your own, of httpx or httpx2; it stays open.
        retry: how often and how patiently a request is tried again.

    Raises:
        ConfigError: a setting cannot be used.
    """

    def __init__(
        self,
        log10_token: Token = None,
        server_url: str | None = None,
        x_log10_organization: str | None = None,
        timeout: float | None = None,
        http_client: HttpClient | None = None,
        *,
        retry: Retry | None = None,
    ) -> None:
        settings = resolve_settings(
            url=server_url, token=log10_token, organization=x_log10_organization, timeout=timeout
        )
        self._closes = http_client is None
        http = http_client or httpx.Client(transport=blocking_transport(settings))
        self._driver = SyncDriver(settings, retry or Retry(), cast("httpx.Client", http))
        self.completions = Completions(self._driver)
        self.sessions = Sessions(self._driver)
        self.feedback = FeedbackOperations(self._driver)
        self.feedback_tasks = FeedbackTasks(self._driver)
        self.sources = Sources(self._driver)
        self.login_codes = LoginCodes(self._driver)
        self.key = PresentedKey(self._driver)

    @property
    def server_url(self) -> str:
        """URL of the server."""
        return self._driver.settings.url

    def close(self) -> None:
        """Close the connections, unless they are those of an ``http_client`` that was given."""
        if self._closes:
            self._driver.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncLog10:
    """The completions API, from asynchronous Python: ``Log10`` whose every operation is awaited."""

    def __init__(
        self,
        log10_token: Token = None,
        server_url: str | None = None,
        x_log10_organization: str | None = None,
        timeout: float | None = None,
        http_client: AsyncHttpClient | None = None,
        *,
        retry: Retry | None = None,
    ) -> None:
        settings = resolve_settings(
            url=server_url, token=log10_token, organization=x_log10_organization, timeout=timeout
        )
        self._closes = http_client is None
        http = http_client or httpx.AsyncClient(transport=async_transport(settings))
        self._driver = AsyncDriver(settings, retry or Retry(), cast("httpx.AsyncClient", http))
        self.completions = AsyncCompletions(self._driver)
        self.sessions = AsyncSessions(self._driver)
        self.feedback = AsyncFeedbackOperations(self._driver)
        self.feedback_tasks = AsyncFeedbackTasks(self._driver)
        self.sources = AsyncSources(self._driver)
        self.login_codes = AsyncLoginCodes(self._driver)
        self.key = AsyncPresentedKey(self._driver)

    @property
    def server_url(self) -> str:
        """URL of the server."""
        return self._driver.settings.url

    async def close(self) -> None:
        """Close the connections, unless they are those of an ``http_client`` that was given."""
        if self._closes:
            await self._driver.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
